#include "schema/base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

int buf_reserve(struct buf *b, size_t more)
{
    if (more > SIZE_MAX / 4 || b->len > SIZE_MAX / 4)
        return -1;

    size_t need = b->len + more + 1;
    if (need <= b->size)
        return 0;

    size_t size = b->size ? b->size : 64;
    while (size < need)
        size *= 2;
    char *data = realloc(b->data, size);
    if (!data)
        return -1;
    if (!b->data)
        data[0] = '\0';
    b->data = data;
    b->size = size;
    return 0;
}

int buf_add(struct buf *b, const void *data, size_t len)
{
    if (buf_reserve(b, len) < 0)
        return -1;
    if (len > 0)
        memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
    return 0;
}

int buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
    va_list measured;

    va_copy(measured, ap);
    int n = vsnprintf(NULL, 0, fmt, measured);
    va_end(measured);
    if (n < 0 || buf_reserve(b, (size_t)n) < 0)
        return -1;
    (void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
    b->len += (size_t)n;
    return 0;
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int rc = buf_vprintf(b, fmt, ap);
    va_end(ap);
    return rc;
}

void buf_clear(struct buf *b)
{
    free(b->data);
    *b = (struct buf){ 0 };
}

char *buf_take(struct buf *b)
{
    char *data = b->data;
    *b = (struct buf){ 0 };
    return data;
}
