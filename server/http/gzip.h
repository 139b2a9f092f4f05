/* server/http/gzip.h - compresses the body of an answer.
 *
 * Room     server/http. The one user of zlib.
 * Threads  any; no state.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The caller owns *ret_out. False: no memory, or it would not be smaller. */
bool gzip_compress(const char *data, size_t len, char **ret_out, size_t *ret_len);
