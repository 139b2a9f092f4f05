/* bridge/consume/offsets.h - what of one partition may be committed: everything up to the first
 * message that is not settled yet.
 *
 *     offsets_begin() in the order of reading --> offsets_settle() in any order --> offsets_ready()
 *
 * Pure: no Kafka, no table.
 *
 * Room     bridge/consume.
 * Owns     a record for each message from the first unsettled one on.
 * Threads  none of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

/* What a settled message waits for. */
enum { OFFSETS_NOTHING = -1, OFFSETS_DEAD_LETTER = 0 /* > 0: the report of this row */ };

struct offsets_entry {
    int64_t offset;
    int64_t awaits;
    bool settled;
};

struct offsets {
    struct offsets_entry *ring; /* owned */
    size_t size;                /* a power of two, or 0 */
    uint64_t first, next;       /* tickets: [first, next) are in the ring */
    int64_t end;   /* the partition's, when it was last seen; behind it nothing was taken */
    int64_t ready; /* as offsets_ready() said last */
};

/* *ret_ticket names the message in offsets_settle(). -1 out of memory. */
NODISCARD int offsets_begin(struct offsets *o, int64_t offset, uint64_t *ret_ticket);

/* awaits: OFFSETS_NOTHING, OFFSETS_DEAD_LETTER or a row's number. */
void offsets_settle(struct offsets *o, uint64_t ticket, int64_t awaits);

/* There is no message before `end` that was not begun: what lies there are a transaction's marks.
 */
void offsets_reached(struct offsets *o, int64_t end);

/* Whether what this message waits for has come. */
typedef bool offsets_is_reported_fn(void *ctx, const struct offsets_entry *x);

/* Forgets what is settled at the front and was told (NULL: settled is enough). True when that moved
 * what may be committed; *ret_next is then the offset to commit. */
bool offsets_ready(struct offsets *o, offsets_is_reported_fn *told, void *ctx, int64_t *ret_next);

/* The message with this ticket, from o->first on and below o->next. */
static inline const struct offsets_entry *offsets_at(const struct offsets *o, uint64_t ticket)
{
    return &o->ring[ticket & (o->size - 1)];
}

void offsets_clear(struct offsets *o);
