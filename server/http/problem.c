#include "server/http/problem.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/text.h"
#include "schema/json/field_errors.h"

static const struct {
    const char *name;
    unsigned status;
    const char *title;
} codes[PROBLEM_CODE_COUNT] = {
#define PROBLEM_ROW(code, name, status, title) [code] = { name, status, title },
    PROBLEM_CODES(PROBLEM_ROW)
#undef PROBLEM_ROW
};

const char *problem_code_name(enum problem_code code) { return codes[code].name; }

unsigned problem_code_status(enum problem_code code) { return codes[code].status; }

enum problem_code problem_of_status(unsigned status)
{
    for (size_t i = 0; i < PROBLEM_CODE_COUNT; i++) {
        if (codes[i].status == status)
            return (enum problem_code)i;
    }
    return PROBLEM_INTERNAL;
}

enum problem_code problem_of_kind(enum err_kind kind)
{
    static const struct {
        enum err_kind kind;
        enum problem_code code;
    } kinds[] = {
        { ERR_SYNTAX, PROBLEM_NOT_JSON },
        { ERR_INPUT, PROBLEM_INVALID },
        { ERR_NOT_FOUND, PROBLEM_NOT_FOUND },
        { ERR_CONFLICT, PROBLEM_ID_TAKEN },
        { ERR_FINAL, PROBLEM_ALREADY_FINAL },
        { ERR_QUEUE_FULL, PROBLEM_QUEUE_FULL },
        { ERR_DISK, PROBLEM_DISK },
        { ERR_NOMEM, PROBLEM_UNAVAILABLE },
        { ERR_UNAVAILABLE, PROBLEM_UNAVAILABLE },
        { ERR_IMAGE, PROBLEM_UNAVAILABLE },
        { ERR_CANCELLED, PROBLEM_UNAVAILABLE },
        { ERR_TIMEOUT, PROBLEM_UNAVAILABLE },
        { ERR_HOST, PROBLEM_UNAVAILABLE },
        { ERR_AGAIN, PROBLEM_UNAVAILABLE },
        { ERR_SETTING, PROBLEM_UNAVAILABLE }, /* STORE lets us in no more */
    };

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (kinds[i].kind == kind)
            return kinds[i].code;
    }
    return PROBLEM_INTERNAL;
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

/* New reference. The sentence names the parameter, as that of a wrong field names the field. */
static json_t *detail_value(const struct problem_text *p)
{
    CLEANUP(freep) char *text = NULL;

    if (!p->parameter)
        return text_value(p->detail);
    if (asprintf(&text, "%s: %s", p->parameter, p->detail) < 0) {
        text = NULL;
        return NULL;
    }
    return text_value(text);
}

char *problem_render(const struct problem_text *p, size_t *ret_len)
{
    json_auto_t *root = json_pack("{s:s, s:s, s:i, s:s, s:o}", "type", "about:blank", "title",
                                  codes[p->code].title, "status", (int)codes[p->code].status,
                                  "code", codes[p->code].name, "detail", detail_value(p));

    if (root && (p->parameter || p->fields))
        (void)json_object_set_new(root, "errors", error_list(p));
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    if (text)
        *ret_len = strlen(text);
    return text;
}
