/* schema/base/bytes.h - bytes that may hold NUL and need not be UTF-8.
 *
 * Owns     its data, until bytes_clear().
 * Threads  none of its own.
 */
#pragma once

#include <stddef.h>

#include "schema/base/base.h"

/* data is never NULL in a finished value, and ends in a NUL beyond len. */
struct bytes {
    char *data; /* owned */
    size_t len;
};

/* Fills *ret_bytes with a copy (data may be NULL when len is 0). -1 out of memory. */
NODISCARD int bytes_copy(const void *data, size_t len, struct bytes *ret_bytes);

/* Frees the data and empties the struct. */
void bytes_clear(struct bytes *b);
