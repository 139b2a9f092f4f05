/* schema/base/bytes.h - bytes that may hold NUL and need not be UTF-8.
 *
 * Owns     its data, until bytes_clear().
 * Threads  one at a time.
 */
#pragma once

#include <stddef.h>

#include "schema/base/base.h"

/* In a finished value data is not NULL, and has a NUL behind len bytes. */
struct bytes {
    char *data; /* owned */
    size_t len;
};

/* Sets *ret_bytes to a copy; data may be NULL if len is 0. -1: out of memory. */
NODISCARD int bytes_copy(const void *data, size_t len, struct bytes *ret_bytes);

/* Frees the data and empties the struct. */
void bytes_clear(struct bytes *b);
