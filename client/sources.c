#include "client/sources.h"

#include <string.h>

#include "client/bundle_read.h"
#include "client/language_list.h"
#include "schema/base/err.h"

static const struct bundle_bounds source_bounds = { .files = 1000, .bytes = 64 * MIB };

struct choice {
    const json_t *languages;
    const char *language;
};

void sources_clear(struct sources *s)
{
    bundle_clear(&s->files);
    s->language = NULL;
}

static bool is_source_file(const void *ctx, const char *name)
{
    const struct choice *c = ctx;
    return language_list_fits(c->languages, c->language, name);
}

/* The one language that files have; others, as a README, have none. */
static int find_language(const struct bundle *b, const json_t *languages, const char **ret_language,
                         struct err *e)
{
    const char *found = NULL;

    for (size_t i = 0; i < b->len; i++) {
        const char *language;
        struct err why;
        if (language_list_find(languages, b->files[i].name, &language, &why) < 0) {
            if (b->len > 1)
                continue;
            *e = why;
            return -1;
        }
        if (found && strcmp(found, language) != 0)
            return err_set(e, ERR_INPUT, "it has files in %s and in %s; say which with --language",
                           found, language);
        found = language;
    }
    if (!found)
        return err_set(e, ERR_INPUT, "none of its %zu files has the suffix of a language", b->len);
    *ret_language = found;
    return 0;
}

static int choose(struct sources *s, const json_t *languages, struct err *e)
{
    if (s->files.len == 0)
        return err_set(e, ERR_INPUT, "there are no files in it");
    if (!s->language && find_language(&s->files, languages, &s->language, e) < 0)
        return -1;
    if (s->files.len == 1) /* it may be called as it likes */
        return 0;
    const struct choice c = { .languages = languages, .language = s->language };
    bundle_filter(&s->files, is_source_file, &c);
    return s->files.len > 0
               ? 0
               : err_set(e, ERR_INPUT, "none of its files has the suffix of %s", s->language);
}

int sources_read(const char *path, const json_t *languages, const char *language,
                 struct sources *ret_sources, struct err *e)
{
    *ret_sources = (struct sources){ .language = language };
    if (bundle_read(path, &source_bounds, &ret_sources->files, e) < 0)
        return -1;
    if (choose(ret_sources, languages, e) < 0) {
        bool named = ret_sources->files.len == 1; /* the message has the file's name */
        sources_clear(ret_sources);
        return named ? -1 : err_wrap(e, "%s", path);
    }
    return 0;
}
