/* bridge/consume/offsets.h - finds the offset of one partition that may be committed: that of the
 * first message that is not settled yet.
 *
 *     offsets_begin() in the order of reading --> offsets_settle() in any order --> offsets_ready()
 *
 * Pure: no Kafka, no table.
 *
 * Room     bridge/consume.
 * Owns     an entry for each message from the first unsettled one on.
 * Threads  none of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

/* What must be acknowledged before a settled message may be committed: nothing, its dead letter, or
 * (a value > 0) the report of the row with this number. */
enum { OFFSETS_NOTHING = -1, OFFSETS_DEAD_LETTER = 0 };

struct offsets_entry {
    int64_t offset;
    int64_t awaits; /* see above */
    bool settled;
};

struct offsets {
    struct offsets_entry *ring; /* owned */
    size_t size;                /* a power of two, or 0 */
    uint64_t first, next;       /* entries [first, next) are in the ring, by index modulo size */
    int64_t end;                /* see offsets_reached() */
    int64_t ready;              /* the last result of offsets_ready() */
};

/* *ret_index identifies the message for offsets_settle(). -1: out of memory. */
NODISCARD int offsets_begin(struct offsets *o, int64_t offset, uint64_t *ret_index);

/* awaits: OFFSETS_NOTHING, OFFSETS_DEAD_LETTER or the number of a row. */
void offsets_settle(struct offsets *o, uint64_t index, int64_t awaits);

/* All messages before `end` were begun, so when they are settled, `end` may be committed: between
 * the last of them and `end` there are only transaction markers. */
void offsets_reached(struct offsets *o, int64_t end);

/* Whether what this message awaits is acknowledged. */
typedef bool offsets_is_reported_fn(void *ctx, const struct offsets_entry *x);

/* Removes the messages at the front that are settled and reported (is_reported NULL: settled is
 * enough). True when a higher offset may be committed than before, which is *ret_next. */
bool offsets_ready(struct offsets *o, offsets_is_reported_fn *is_reported, void *ctx,
                   int64_t *ret_next);

/* The entry of a message; o->first <= index < o->next. */
static inline const struct offsets_entry *offsets_at(const struct offsets *o, uint64_t index)
{
    return &o->ring[index & (o->size - 1)];
}

void offsets_clear(struct offsets *o);
