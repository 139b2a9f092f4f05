#include "client/suffix.h"

#include <string.h>
#include <strings.h>

#include "client/exchange.h"
#include "client/reply.h"
#include "client/transport.h"
#include "schema/base/buf.h"
#include "schema/base/err.h"

#define LANGUAGES_SILENCE_MS 30000

/* Other suffixes of a language that has the second. */
static const struct {
    const char *suffix, *means;
} aliases[] = { { ".cc", ".cpp" }, { ".cxx", ".cpp" }, { ".c++", ".cpp" } };

int suffix_languages(struct transport *t, int64_t patience_ms, json_t **ret_languages,
                     struct err *e)
{
    const struct transport_request q = { .path = "/languages", .silence_ms = LANGUAGES_SILENCE_MS };
    struct transport_answer answer;
    json_auto_t *object = NULL;
    int rc = exchange_send(t, &q, patience_ms, &answer, e);

    if (rc == 0)
        rc = answer.status == 200 ? reply_object(answer.body.data, answer.body.len, &object, e)
                                  : reply_refused(&answer, e);
    transport_answer_clear(&answer);
    if (rc < 0)
        return -1;
    json_t *list = json_object_get(object, "languages");
    if (!json_is_array(list))
        return err_set(e, ERR_UNAVAILABLE, "what answered is no scrc: it lists no languages");
    *ret_languages = json_incref(list);
    return 0;
}

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

static bool row_fits(const json_t *row, const char *suffix)
{
    return *suffix && strcmp(suffix_of(reply_text(row, "source_name")), suffix) == 0;
}

bool suffix_fits(const json_t *languages, const char *language, const char *name)
{
    const json_t *row;
    size_t i;

    json_array_foreach(languages, i, row)
    {
        if (strcmp(reply_text(row, "name"), language) == 0 && row_fits(row, suffix_of(name)))
            return true;
    }
    return false;
}

/* "python (.py), c (.c)"; only those of one suffix, unless it is NULL. */
static void list_languages(const json_t *languages, const char *suffix, struct buf *out)
{
    const json_t *row;
    size_t i;

    json_array_foreach(languages, i, row)
    {
        if (suffix && !row_fits(row, suffix))
            continue;
        if (buf_printf(out, "%s%s (%s)", out->len ? ", " : "", reply_text(row, "name"),
                       suffix_of(reply_text(row, "source_name"))) < 0)
            return; /* the message is shorter */
    }
}

int suffix_language(const json_t *languages, const char *name, const char **ret_language,
                    struct err *e)
{
    const char *suffix = suffix_of(name), *found = NULL;
    struct buf list = { .data = NULL };
    const json_t *row;
    size_t i, count = 0;

    json_array_foreach(languages, i, row)
    {
        if (row_fits(row, suffix)) {
            found = reply_text(row, "name");
            count++;
        }
    }
    if (count == 1) {
        *ret_language = found;
        return 0;
    }
    list_languages(languages, count ? suffix : NULL, &list);
    (void)err_set(e, ERR_INPUT, "%s: %s; say which with --language: %s", name,
                  count ? "several languages have this suffix" : "no language has this suffix",
                  list.data ? list.data : "the server has none");
    buf_clear(&list);
    return -1;
}
