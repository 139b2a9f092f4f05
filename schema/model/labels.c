#include "schema/model/labels.h"

#include <string.h>

#include "schema/base/err.h"
#include "schema/model/submission.h"

#define NAME_RULE "1 to 63 letters, digits and . _ / -, the first a letter or a digit"

_Static_assert(LABELS_NAME_MAX == 63, "NAME_RULE says so");
_Static_assert(LABELS_VALUE_MAX == SUBMISSION_ID_MAX, "the rule for an id is that for a value");

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_label_name(const char *name, size_t len)
{
    if (len == 0 || len > LABELS_NAME_MAX || !is_alphanumeric(*name))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_alphanumeric(name[i]) && !strchr("._/-", name[i]))
            return false;
    return true;
}

static bool is_label_value(const char *value)
{
    return *value == '\0' || submission_id_is_legal(value, strlen(value));
}

/* ---- of a submission ---- */

/* Adds a label to `labels`. */
static int read_label(struct fields *f, const char *name, const json_t *v, json_t *labels)
{
    static const struct fields_place inside = { "/labels", FIELDS_NO_INDEX };
    const struct fields_row row = { .name = name };
    CLEANUP(freep) char *value = NULL;

    if (!is_label_name(name, strlen(name)))
        return fields_wrong(f, &inside, name, "the name of a label must be " NAME_RULE);
    if (fields_word(f, &inside, &row, v, &value) < 0)
        return -1;
    if (!value)
        return 0;
    if (!is_label_value(value))
        return fields_wrong(f, &inside, name, "must be at most %d bytes without control characters",
                            LABELS_VALUE_MAX);
    return json_object_set_new_nocheck(labels, name, json_string_nocheck(value));
}

int labels_read(struct fields *f, const struct fields_place *at, const struct fields_row *row,
                json_t *v, void *into)
{
    char **text = (char **)((char *)into + row->offset);
    json_auto_t *labels = json_object();
    const char *name;
    json_t *value;

    if (!json_is_object(v))
        return fields_wrong(f, at, row->name, "must be an object");
    if (json_object_size(v) > LABELS_MAX)
        return fields_wrong(f, at, row->name, "must have at most %d labels", LABELS_MAX);
    json_object_foreach(v, name, value)
    {
        if (!json_is_null(value) && read_label(f, name, value, labels) < 0)
            return -1;
    }
    if (labels && json_object_size(labels) == 0)
        return 0;
    *text = json_dumps(labels, JSON_COMPACT | JSON_SORT_KEYS);
    return *text ? 0 : -1;
}

/* ---- of a filter ---- */

/* The label as json_dumps() writes it between the braces: the bytes of an object of it alone. */
static char *make_piece(const char *name, size_t name_len, const char *value)
{
    CLEANUP(freep) char *key = strndup(name, name_len);
    json_auto_t *one = key ? json_object() : NULL;

    if (!one || json_object_set_new_nocheck(one, key, json_string_nocheck(value)) < 0)
        return NULL;
    char *piece = json_dumps(one, JSON_COMPACT);
    if (piece) {
        size_t len = strlen(piece) - 2;
        memmove(piece, piece + 1, len);
        piece[len] = '\0';
    }
    return piece;
}

int labels_wanted_read(const char *text, struct labels_wanted *ret_wanted, struct err *e)
{
    size_t len = strcspn(text, ":");
    struct labels_wanted w;

    if (text[len] != ':' || !is_label_name(text, len))
        return err_set(e, ERR_INPUT, "must be name:value, the name " NAME_RULE);
    if (!is_label_value(text + len + 1))
        return err_set(e, ERR_INPUT,
                       "the value of a label has at most %d bytes of UTF-8 without control "
                       "characters",
                       LABELS_VALUE_MAX);
    w = (struct labels_wanted){ .label = strdup(text),
                                .piece = make_piece(text, len, text + len + 1) };
    if (!w.label || !w.piece) {
        labels_wanted_clear(&w);
        return err_set(e, ERR_NOMEM, "a label");
    }
    *ret_wanted = w;
    return 0;
}

void labels_wanted_clear(struct labels_wanted *w)
{
    free(w->label);
    free(w->piece);
    *w = (struct labels_wanted){ .label = NULL };
}

/* In a value quotes are escaped, so a match is a label. */
bool labels_have(const char *labels, size_t len, const struct labels_wanted *w)
{
    return memmem(labels, len, w->piece, strlen(w->piece)) != NULL;
}
