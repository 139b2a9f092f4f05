/* schema/base/seqset.h - a set of row numbers in memory: how many lie at or before one, and the
 * first.
 *
 * One bit for every number from the oldest member on: 200,000 queued rows are 25 KB, and a rank is
 * a popcount over them, a microsecond where counting an SQLite index takes milliseconds.
 *
 * Owns     its words, until seqset_clear().
 * Threads  none of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

struct seqset {
    uint64_t *words; /* owned */
    size_t len, size;
    int64_t base; /* the number of the first bit, a multiple of 64 */
};

/* Makes room for seq (>= 0). -1 out of memory. */
NODISCARD int seqset_reserve(struct seqset *s, int64_t seq);

/* Cannot fail: there is room from an earlier seqset_reserve(), since which no seqset_trim(). */
void seqset_add(struct seqset *s, int64_t seq);
void seqset_remove(struct seqset *s, int64_t seq);

/* Forgets room in front of the first member. */
void seqset_trim(struct seqset *s);

bool seqset_has(const struct seqset *s, int64_t seq);
int64_t seqset_rank(const struct seqset *s, int64_t seq); /* members <= seq */
int64_t seqset_first(const struct seqset *s);             /* -1 when empty */
void seqset_clear(struct seqset *s);
