/* schema/base/buf.h - a growing run of bytes. `data` always ends in a NUL beyond `len`, or is NULL.
 *
 * Owns     its bytes, until buf_clear() or buf_take().
 * Threads  none of its own.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "schema/base/base.h"

struct buf {
    char *data; /* owned; NULL while nothing was ever added */
    size_t len;
    size_t size; /* allocated */
};

/* All return 0, or -1 out of memory with the buffer as it was. */
NODISCARD int buf_add(struct buf *b, const void *data, size_t len);
NODISCARD int buf_reserve(struct buf *b, size_t more); /* room for `more` bytes behind len */
NODISCARD PRINTF(2, 3) int buf_printf(struct buf *b, const char *fmt, ...);
NODISCARD PRINTF(2, 0) int buf_vprintf(struct buf *b, const char *fmt, va_list ap);

/* Frees the bytes; the struct may be used again. */
void buf_clear(struct buf *b);

/* The caller owns the returned bytes (never NULL for a non-empty buffer); b is empty after. */
char *buf_take(struct buf *b);
