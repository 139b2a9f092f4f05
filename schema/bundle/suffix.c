#include "schema/bundle/suffix.h"

#include <string.h>
#include <strings.h>

#include "schema/base/buf.h"
#include "schema/base/err.h"

/* Other suffixes of a language that has the second. */
static const struct {
    const char *suffix, *means;
} aliases[] = { { ".cc", ".cpp" }, { ".cxx", ".cpp" }, { ".c++", ".cpp" } };

/* From the last dot on, as a language has it; "" without a dot. */
static const char *suffix_of(const char *name)
{
    const char *slash = strrchr(name, '/'), *dot = strrchr(slash ? slash + 1 : name, '.');

    if (!dot)
        return "";
    for (size_t i = 0; i < ARRAY_LEN(aliases); i++) {
        if (strcasecmp(dot, aliases[i].suffix) == 0)
            return aliases[i].means;
    }
    return dot;
}

bool suffix_same(const char *source_name, const char *name)
{
    const char *suffix = suffix_of(name);

    return *suffix && strcmp(suffix_of(source_name), suffix) == 0;
}

/* "python (.py), c (.c)"; only those that end as name does, unless it is NULL. */
static void list_languages(suffix_row_fn *rows, const void *ctx, const char *name, struct buf *out)
{
    struct suffix_row row;

    for (size_t i = 0; rows(ctx, i, &row); i++) {
        if (name && !suffix_same(row.source_name, name))
            continue;
        if (buf_printf(out, "%s%s (%s)", out->len ? ", " : "", row.language,
                       suffix_of(row.source_name)) < 0)
            return; /* the message is shorter */
    }
}

int suffix_language(suffix_row_fn *rows, const void *ctx, const char *name, const char *how,
                    const char **ret_language, struct err *e)
{
    const char *found = NULL;
    struct buf list = { .data = NULL };
    struct suffix_row row;
    size_t count = 0;

    for (size_t i = 0; rows(ctx, i, &row); i++) {
        if (suffix_same(row.source_name, name)) {
            found = row.language;
            count++;
        }
    }
    if (count == 1) {
        *ret_language = found;
        return 0;
    }
    list_languages(rows, ctx, count ? name : NULL, &list);
    (void)err_set(e, ERR_INPUT, "%s: %s; say which %s: %s", name,
                  count ? "several languages have this suffix" : "no language has this suffix", how,
                  list.data ? list.data : "the server has none");
    buf_clear(&list);
    return -1;
}
