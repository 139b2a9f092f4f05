/* schema/base/rankset.h - a set of row numbers in memory: how many lie at or before one, and the
 * first.
 *
 * One bit for every number from the oldest member on: 200,000 queued rows are 25 KB, and a rank is
 * a popcount over them, a microsecond where counting an SQLite index takes milliseconds.
 *
 * Owns     its words, until rankset_clear().
 * Threads  none of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

struct rankset {
    uint64_t *words; /* owned */
    size_t len, size;
    int64_t base; /* the number of the first bit, a multiple of 64 */
};

/* Makes room for seq (>= 0). -1 out of memory. */
NODISCARD int rankset_reserve(struct rankset *s, int64_t seq);

/* Cannot fail: there is room from an earlier rankset_reserve(), since which no rankset_trim(). */
void rankset_add(struct rankset *s, int64_t seq);
void rankset_remove(struct rankset *s, int64_t seq);

/* Forgets room in front of the first member. */
void rankset_trim(struct rankset *s);

bool rankset_has(const struct rankset *s, int64_t seq);
int64_t rankset_rank(const struct rankset *s, int64_t seq); /* members <= seq */
int64_t rankset_first(const struct rankset *s);             /* -1 when empty */
void rankset_clear(struct rankset *s);
