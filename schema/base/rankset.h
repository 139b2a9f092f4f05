/* schema/base/rankset.h - a set of row numbers in memory, with the rank of a number and the first
 * member.
 *
 * A bitmap from the lowest member on: 200,000 queued rows need 25 KB, and a rank is a popcount of
 * about a microsecond, where counting in an SQLite index takes milliseconds.
 *
 * Owns     its words, until rankset_clear().
 * Threads  one at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

struct rankset {
    uint64_t *words; /* owned */
    size_t len, size;
    int64_t base; /* row number of the first bit, a multiple of 64 */
};

/* Allocates the memory for seq (>= 0). -1: out of memory. */
NODISCARD int rankset_reserve(struct rankset *s, int64_t seq);

/* Needs a rankset_reserve() of this seq before, with no rankset_trim() since; so it cannot fail. */
void rankset_add(struct rankset *s, int64_t seq);
void rankset_remove(struct rankset *s, int64_t seq);

/* Drops the words in front of the first member, if these are more than half. */
void rankset_trim(struct rankset *s);

bool rankset_has(const struct rankset *s, int64_t seq);
int64_t rankset_rank(const struct rankset *s, int64_t seq); /* number of members <= seq */
int64_t rankset_first(const struct rankset *s);             /* -1: empty */
void rankset_clear(struct rankset *s);
