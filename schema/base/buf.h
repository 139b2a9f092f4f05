/* schema/base/buf.h - a growing buffer. `data` has a NUL behind `len` bytes, or is NULL.
 *
 * Owns     its bytes, until buf_clear() or buf_take().
 * Threads  one at a time.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "schema/base/base.h"

struct buf {
    char *data; /* owned; NULL: nothing was added yet */
    size_t len;
    size_t size; /* allocated */
};

/* All return 0, or -1: out of memory, and the buffer is unchanged. */
NODISCARD int buf_add(struct buf *b, const void *data, size_t len);
NODISCARD int buf_reserve(struct buf *b, size_t more); /* room for `more` bytes behind len */
NODISCARD PRINTF(2, 3) int buf_printf(struct buf *b, const char *fmt, ...);
NODISCARD PRINTF(2, 0) int buf_vprintf(struct buf *b, const char *fmt, va_list ap);

/* Frees the bytes; the buffer can be used again. */
void buf_clear(struct buf *b);

/* The caller owns the returned bytes (NULL if nothing was added); b is empty afterwards. */
char *buf_take(struct buf *b);
