#include "client/language_list.h"

#include <string.h>

#include "client/exchange.h"
#include "client/reply.h"
#include "client/transport.h"
#include "schema/base/err.h"
#include "schema/bundle/suffix.h"

#define LANGUAGES_SILENCE_MS 30000

int language_list_get(struct transport *t, int64_t patience_ms, json_t **ret_languages,
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

static bool row_of(const void *languages, size_t i, struct suffix_row *ret_row)
{
    const json_t *row = json_array_get(languages, i);

    *ret_row = (struct suffix_row){ .language = reply_text(row, "name"),
                                    .source_name = reply_text(row, "source_name") };
    return row != NULL;
}

bool language_list_fits(const json_t *languages, const char *language, const char *name)
{
    struct suffix_row row;

    for (size_t i = 0; row_of(languages, i, &row); i++) {
        if (strcmp(row.language, language) == 0 && suffix_same(row.source_name, name))
            return true;
    }
    return false;
}

int language_list_find(const json_t *languages, const char *name, const char **ret_language,
                       struct err *e)
{
    return suffix_language(row_of, languages, name, "with --language", ret_language, e);
}
