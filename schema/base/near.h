/* schema/base/near.h - which known name somebody may have meant who wrote another one.
 *
 * Threads  any; no state.
 */
#pragma once

#include <stddef.h>

#define NEAR_NAME_MAX 40 /* bytes; longer names are near to none */

/* The i-th known name, from 0; NULL behind the last. */
typedef const char *near_known_fn(const void *ctx, size_t i);

/* The known name that is nearest, and differs from name in at most `most` letters (Levenshtein).
 * NULL: there is none, or name is known itself. Borrowed from `known`. */
const char *near_name(const char *name, size_t len, size_t most, near_known_fn *known,
                      const void *ctx);

/* How many letters of a word of len bytes that people type may be wrong. */
size_t near_typos(size_t len);

/* timeLimitMs and Time-Limit-Ms as time_limit_ms. Returns the length, at most NEAR_NAME_MAX. */
size_t near_snake(const char *name, char out[NEAR_NAME_MAX + 1]);
