#include "server/submission_policy.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "engine/language/language.h"
#include "schema/base/near.h"
#include "server/config.h"

/* In less no program can run: what looks like one is a limit in another unit. */
#define MEMORY_MIN MIB

static bool knows_language(const void *ctx, const char *name)
{
    return language_table_find(ctx, name) != NULL;
}

static const char *language_name(const void *ctx, size_t i)
{
    const struct language_table *l = ctx;

    return i < l->len ? l->rows[i].name : NULL;
}

static const char *meant_language(const struct language_table *l, const char *unknown)
{
    char name[NEAR_NAME_MAX + 1];
    size_t len = near_snake(unknown, name);

    for (size_t i = 0; i < l->len; i++) {
        if (strcasecmp(l->rows[i].title, unknown) == 0 || strcmp(l->rows[i].name, name) == 0)
            return l->rows[i].name;
    }
    return strlen(unknown) > NEAR_NAME_MAX
               ? NULL
               : near_name(name, len, near_typos(len), language_name, l);
}

static void hint_language(const void *ctx, const char *unknown, char *out, size_t size)
{
    const struct language_table *l = ctx;
    const char *meant = meant_language(l, unknown);
    size_t n = 0;

    if (meant)
        n += (size_t)snprintf(out, size, "; did you mean %s?", meant);
    for (size_t i = 0; i < l->len && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%s",
                              i > 0   ? ", "
                              : meant ? " It has "
                                      : "; it has ",
                              l->rows[i].name);
}

struct submission_rules submission_policy_make(const struct config *c,
                                               const struct language_table *languages,
                                               bool refuse_unknown)
{
    return (struct submission_rules){
        .max_tests = c->max_tests,
        .max_source_bytes = c->max_source_bytes,
        .max_depth = c->max_json_depth,
        .max_time_ms = c->max_time_limit_ms,
        .min_memory_bytes = MEMORY_MIN,
        .max_memory_bytes = c->max_memory_limit,
        .default_time_ms = c->runner_time_limit_ms,
        .default_memory_bytes = c->runner_memory_limit,
        .default_checker = CHECKER_INIT((enum checker_kind)c->default_checker),
        .knows_language = knows_language,
        .hint_language = hint_language,
        .ctx = languages,
        .refuse_unknown = refuse_unknown,
    };
}
