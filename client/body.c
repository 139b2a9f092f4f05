#include "client/body.h"

#include <string.h>

#include "schema/base/err.h"
#include "schema/base/quantity.h"
#include "schema/base/text.h"
#include "schema/bundle/bundle.h"

/* Short names of limits, whose values need a unit: "time=2" would be 2 ms. */
static const struct body_limit {
    const char *name, *field;
    int (*parse)(const char *text, int64_t *ret_value);
    const char *example;
} limits[] = {
    { "time", "time_limit_ms", quantity_duration, "2s" },
    { "memory", "memory_limit_bytes", quantity_size, "64MiB" },
    { "wall", "wall_time_limit_ms", quantity_duration, "5s" },
};

int body_set_text(json_t *object, const char *name, const struct bytes *text)
{
    if (text_is_utf8(text->data, text->len))
        return json_object_set_new(object, name, json_stringn_nocheck(text->data, text->len));

    CLEANUP(freep) char *coded = text_base64(text->data, text->len), *longer = NULL;
    if (!coded || asprintf(&longer, "%s_base64", name) < 0) {
        longer = NULL;
        return -1;
    }
    return json_object_set_new(object, longer, json_string_nocheck(coded));
}

int body_set_source(json_t *submission, const struct bundle_file *files, size_t len, struct err *e)
{
    if (len != 1)
        return err_set(e, ERR_INPUT, "a submission has one source file, and these are %zu", len);
    if (files->bytes.len == 0)
        return err_set(e, ERR_INPUT, "%s is empty", files->name);
    if (!text_is_utf8(files->bytes.data, files->bytes.len))
        return err_set(e, ERR_INPUT, "%s is no text in UTF-8", files->name);
    return json_object_set_new(submission, "source",
                               json_stringn_nocheck(files->bytes.data, files->bytes.len)) < 0
               ? err_set(e, ERR_NOMEM, "make a submission")
               : 0;
}

int body_set_word(json_t *submission, const char *name, const char *word, struct err *e)
{
    if (!text_is_utf8(word, strlen(word)))
        return err_set(e, ERR_SETTING, "--%s is no text in UTF-8", name);
    return json_object_set_new(submission, name, json_string(word)) < 0
               ? err_set(e, ERR_NOMEM, "make a submission")
               : 0;
}

/* The object `name` of a submission, which is made when it is not there. Borrowed; NULL: out of
 * memory. */
static json_t *inner_object(json_t *submission, const char *name)
{
    json_t *inner = json_object_get(submission, name);

    if (!inner && json_object_set_new(submission, name, json_object()) == 0)
        inner = json_object_get(submission, name);
    return inner;
}

static int set_limit(json_t *submission, const char *field, int64_t value, struct err *e)
{
    json_t *inner = inner_object(submission, "limits");

    return inner && json_object_set_new(inner, field, json_integer(value)) == 0
               ? 0
               : err_set(e, ERR_NOMEM, "make a submission");
}

int body_add_limit(json_t *submission, const char *text, struct err *e)
{
    const char *sign = strchr(text, '=');
    size_t len = sign ? (size_t)(sign - text) : 0;
    int64_t value;

    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        const struct body_limit *l = &limits[i];
        if (strlen(l->name) != len || strncmp(l->name, text, len) != 0)
            continue;
        if (quantity_count(sign + 1, &value) == 0 || l->parse(sign + 1, &value) < 0)
            return err_set(e, ERR_SETTING, "--limit %s: must be a number with a unit, as %s=%s",
                           text, l->name, l->example);
        return set_limit(submission, l->field, value, e);
    }
    if (len == 0 || strspn(text, "abcdefghijklmnopqrstuvwxyz_") != len)
        return err_set(e, ERR_SETTING,
                       "--limit %s: must be time=2s, memory=64MiB, wall=5s or FIELD=NUMBER", text);
    if (quantity_count(sign + 1, &value) < 0)
        return err_set(e, ERR_SETTING, "--limit %s: must be a number", text);

    CLEANUP(freep) char *field = strndup(text, len);
    return field ? set_limit(submission, field, value, e)
                 : err_set(e, ERR_NOMEM, "make a submission");
}

int body_add_label(json_t *submission, const char *text, struct err *e)
{
    const char *sign = strchr(text, '=');
    json_t *inner = inner_object(submission, "labels");

    if (!sign || sign == text)
        return err_set(e, ERR_SETTING, "--label %s: must be KEY=VALUE", text);
    if (!text_is_utf8(text, strlen(text)))
        return err_set(e, ERR_SETTING, "--label: is no text in UTF-8");

    CLEANUP(freep) char *key = strndup(text, (size_t)(sign - text));
    return key && inner && json_object_set_new(inner, key, json_string(sign + 1)) == 0
               ? 0
               : err_set(e, ERR_NOMEM, "make a submission");
}
