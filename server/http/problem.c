#include "server/http/problem.h"

#include <jansson.h>
#include <string.h>

#include "schema/base/text.h"
#include "schema/json/field_errors.h"

unsigned problem_status(enum err_kind kind)
{
    static const unsigned status[ERR_KIND_COUNT] = {
        [ERR_NOMEM] = 503,       [ERR_SYNTAX] = 400, [ERR_INPUT] = 422,      [ERR_NOT_FOUND] = 404,
        [ERR_CONFLICT] = 409,    [ERR_FINAL] = 409,  [ERR_QUEUE_FULL] = 429, [ERR_DISK] = 507,
        [ERR_UNAVAILABLE] = 503, [ERR_IMAGE] = 503,  [ERR_CANCELLED] = 503,  [ERR_TIMEOUT] = 503,
        [ERR_HOST] = 503,        [ERR_AGAIN] = 503,  [ERR_SETTING] = 503, /* STORE lets us in no
                                                                             more */
    };
    return status[kind] ? status[kind] : 500;
}

static const char *status_title(unsigned status)
{
    static const struct {
        unsigned status;
        const char *title;
    } titles[] = {
        { 400, "Bad request" },
        { 403, "Forbidden" },
        { 404, "Not found" },
        { 405, "Method not allowed" },
        { 409, "Conflict" },
        { 413, "Body too large" },
        { 414, "Target too long" },
        { 415, "Not JSON" },
        { 421, "Not this server" },
        { 422, "Not acceptable as it is" },
        { 429, "Queue full" },
        { 431, "Headers too large" },
        { 500, "Fault of the server" },
        { 501, "Not known here" },
        { 503, "Not able now" },
        { 505, "Another HTTP" },
        { 507, "Disk full or failing" },
    };

    for (size_t i = 0; i < ARRAY_LEN(titles); i++) {
        if (titles[i].status == status)
            return titles[i].title;
    }
    return "Error";
}

/* New reference: text as a JSON string; invalid UTF-8 is replaced. NULL out of memory. */
static json_t *text_value(const char *text)
{
    size_t len = strlen(text);
    CLEANUP(freep) char *fixed = NULL;

    if (text_is_utf8(text, len))
        return json_stringn(text, len);
    return text_to_utf8(text, len, &fixed, &len) < 0 ? NULL : json_stringn(fixed, len);
}

static json_t *error_list(const struct problem_text *p)
{
    json_t *list = json_array();

    for (size_t i = 0; p->fields && i < p->fields->len; i++) {
        const struct field_error *x = &p->fields->list[i];
        (void)json_array_append_new(list, json_pack("{s:o, s:o}", "pointer", text_value(x->pointer),
                                                    "detail", text_value(x->detail)));
    }
    if (p->parameter)
        (void)json_array_append_new(list,
                                    json_pack("{s:o, s:o}", "parameter", text_value(p->parameter),
                                              "detail", text_value(p->detail)));
    return list;
}

char *problem_render(const struct problem_text *p, size_t *ret_len)
{
    json_auto_t *root =
        json_pack("{s:s, s:s, s:i, s:o}", "type", "about:blank", "title", status_title(p->status),
                  "status", (int)p->status, "detail", text_value(p->detail));

    if (root && (p->parameter || p->fields))
        (void)json_object_set_new(root, "errors", error_list(p));
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    if (text)
        *ret_len = strlen(text);
    return text;
}
