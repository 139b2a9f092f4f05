/* bridge/offsets.h - what of one partition may be committed: everything up to the first message
 * that is not settled yet.
 *
 *     offsets_begin() in the order of reading --> offsets_settle() in any order --> offsets_ready()
 *
 * Pure: no Kafka, no table.
 *
 * Room     bridge.
 * Owns     a record for each message from the first unsettled one on.
 * Threads  none of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base.h"

struct seqset;

struct offsets_entry {
    int64_t offset;
    int64_t seq; /* >= 0: waits for this job's report as well */
    bool settled;
};

struct offsets {
    struct offsets_entry *ring; /* owned */
    size_t size;                /* a power of two, or 0 */
    uint64_t first, next;       /* tickets: [first, next) are in the ring */
};

/* *ret_ticket names the message in offsets_settle(). -1 out of memory. */
NODISCARD int offsets_begin(struct offsets *o, int64_t offset, uint64_t *ret_ticket);

/* seq < 0: nothing more is awaited. */
void offsets_settle(struct offsets *o, uint64_t ticket, int64_t seq);

/* Forgets what is settled at the front, and whose seq is not in `unreported` (NULL: nobody awaits
 * any). True when that was anything; *ret_next is then the offset to commit. */
bool offsets_ready(struct offsets *o, const struct seqset *unreported, int64_t *ret_next);

void offsets_clear(struct offsets *o);
