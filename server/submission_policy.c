#include "server/submission_policy.h"

#include "engine/language/language.h"
#include "server/config.h"

static bool knows_language(const void *ctx, const char *name)
{
    return language_table_find(ctx, name) != NULL;
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
        .max_memory_bytes = c->max_memory_limit,
        .default_time_ms = c->runner_time_limit_ms,
        .default_memory_bytes = c->runner_memory_limit,
        .default_checker = CHECKER_INIT((enum checker_kind)c->default_checker),
        .knows_language = knows_language,
        .ctx = languages,
        .refuse_unknown = refuse_unknown,
    };
}
