#include "schema/json/fields.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/near.h"
#include "schema/base/text.h"

#define NAME_SHOWN_MAX 100 /* bytes of a field's name in a pointer */

static void append_pointer_name(char *out, const char *name)
{
    size_t len = text_cut(name, strlen(name), NAME_SHOWN_MAX);

    *out++ = '/';
    for (const char *end = name + len; name < end; name++) {
        if (*name != '~' && *name != '/') {
            *out++ = *name;
            continue;
        }
        *out++ = '~';
        *out++ = *name == '~' ? '0' : '1';
    }
    *out = '\0';
}

int fields_wrong(struct fields *f, const struct fields_place *at, const char *name, const char *fmt,
                 ...)
{
    char pointer[64 + 2 * NAME_SHOWN_MAX], detail[400];
    int n = at->index == FIELDS_NO_INDEX ? snprintf(pointer, 64, "%s", at->path)
                                         : snprintf(pointer, 64, "%s/%zu", at->path, at->index);
    va_list ap;

    if (name)
        append_pointer_name(pointer + n, name);
    va_start(ap, fmt);
    (void)vsnprintf(detail, sizeof detail, fmt, ap);
    va_end(ap);
    return field_errors_add(f->errors, pointer, "%s", detail);
}

/* ---- unknown fields ---- */

static const char *row_name(const void *rows, size_t i)
{
    return ((const struct fields_row *)rows)[i].name;
}

/* NULL: no name is like it. */
static const char *meant_field(const struct fields_row *rows, const char *key)
{
    char snake[NEAR_NAME_MAX + 1];
    size_t len = near_snake(key, snake);

    if (strlen(key) > NEAR_NAME_MAX)
        return NULL;
    for (const struct fields_row *row = rows; row->name; row++) {
        /* the same in another style, or its beginning */
        if (strcmp(row->name, snake) == 0 || (len > 3 && strncmp(row->name, snake, len) == 0))
            return row->name;
    }
    return near_name(snake, len, near_typos(len), row_name, rows);
}

static int refuse_unknown(struct fields *f, const struct fields_place *at,
                          const struct fields_row *rows, const char *key)
{
    const char *meant = meant_field(rows, key);

    if (!meant)
        return fields_wrong(f, at, key, "is not a field we know");
    return fields_wrong(f, at, key, "is not a field we know; did you mean %s?", meant);
}

int fields_object(struct fields *f, const struct fields_place *at, const struct fields_row *rows,
                  json_t *object, void *into)
{
    const char *key;
    json_t *v;

    if (!json_is_object(object))
        return fields_wrong(f, at, NULL, "must be an object");
    json_object_foreach(object, key, v)
    {
        const struct fields_row *row = rows;
        int result = 0;
        while (row->name && strcmp(row->name, key) != 0)
            row++;
        if (!row->name && f->refuse_unknown)
            result = refuse_unknown(f, at, rows, key);
        else if (!row->name)
            f->errors->ignored_fields++;
        else if (!json_is_null(v))
            result = row->read(f, at, row, v, into);
        if (result < 0)
            return -1;
    }
    return 0;
}

/* ---- single values ---- */

/* 2000.0 and 2e3 are whole numbers too: JSON does not distinguish integers. */
static bool read_whole_number(const json_t *v, int64_t *ret_number)
{
    double real = json_number_value(v);

    if (json_is_integer(v)) {
        *ret_number = json_integer_value(v);
        return true;
    }
    if (!json_is_real(v) || !(real > -9e15 && real < 9e15) || (double)(int64_t)real != real)
        return false;
    *ret_number = (int64_t)real;
    return true;
}

int fields_whole(struct fields *f, const struct fields_place *at, const struct fields_row *row,
                 json_t *v, void *into)
{
    int64_t *number = (int64_t *)((char *)into + row->offset);
    return read_whole_number(v, number) ? 0
                                        : fields_wrong(f, at, row->name, "must be a whole number");
}

int fields_natural(struct fields *f, const struct fields_place *at, const struct fields_row *row,
                   json_t *v, void *into)
{
    int64_t limit;

    if (!read_whole_number(v, &limit) || limit < 0)
        return fields_wrong(f, at, row->name, "must be a whole number of at least 0");
    *(int64_t *)((char *)into + row->offset) = limit;
    return 0;
}

int fields_real(struct fields *f, const struct fields_place *at, const struct fields_row *row,
                json_t *v, void *into)
{
    double real = json_number_value(v);

    if (!json_is_number(v) || real < 0)
        return fields_wrong(f, at, row->name, "must be a number of at least 0");
    *(double *)((char *)into + row->offset) = real + 0.0; /* makes -0.0 the same as 0 */
    return 0;
}

int fields_bool(struct fields *f, const struct fields_place *at, const struct fields_row *row,
                json_t *v, void *into)
{
    if (!json_is_boolean(v))
        return fields_wrong(f, at, row->name, "must be true or false");
    *((bool *)into + row->offset) = json_is_true(v);
    return 0;
}

int fields_text(struct fields *f, const struct fields_place *at, const struct fields_row *row,
                json_t *v, void *into)
{
    struct bytes *b = (struct bytes *)(void *)((char *)into + row->offset);

    if (!json_is_string(v))
        return fields_wrong(f, at, row->name, "must be a string");
    if (b->data)
        return fields_wrong(f, at, row->name, "is given in two forms, as text and as base64");
    return reader_string(&f->reader, v, b);
}

int fields_base64(struct fields *f, const struct fields_place *at, const struct fields_row *row,
                  json_t *v, void *into)
{
    struct bytes *b = (struct bytes *)(void *)((char *)into + row->offset), text = { 0 };

    if (b->data || !json_is_string(v))
        return fields_text(f, at, row, v, into);
    if (reader_string(&f->reader, v, &text) < 0)
        return -1;
    int result = text_from_base64(text.data, text.len, &b->data, &b->len);
    bytes_clear(&text);
    return result == 0 ? 0 : fields_wrong(f, at, row->name, "must be base64 with padding");
}

int fields_word(struct fields *f, const struct fields_place *at, const struct fields_row *row,
                const json_t *v, char **ret_word)
{
    struct bytes b = { 0 };

    if (!json_is_string(v))
        return fields_wrong(f, at, row->name, "must be a string");
    if (reader_string(&f->reader, v, &b) < 0)
        return -1;
    if (memchr(b.data, '\0', b.len)) {
        bytes_clear(&b);
        return fields_wrong(f, at, row->name, "must not hold NUL");
    }
    *ret_word = b.data;
    return 0;
}
