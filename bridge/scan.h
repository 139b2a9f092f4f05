/* bridge/scan.h - what of a table's outbox is on its topics already.
 *
 * After a death nobody knows whether the last rows were delivered. Every message of ours names its
 * row in the header scrc-outbox, so the topics are read: from the stored watermarks, and from the
 * time of the oldest row that waits, to the time of the death. What others write there before and
 * after costs nothing.
 *
 * Room     bridge.
 * Owns     a librdkafka handle for the length of a call.
 * Threads  any.
 * Errors   0, or -1 with *e filled. ERR_UNAVAILABLE: the broker is away, or too slow: try again.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base.h"
#include "schema/outbox.h"

struct bridge_config;
struct err;

struct scan {
    const char *topics[2]; /* all borrowed */
    const char *table_id;
    const struct outbox_watermark *from; /* a topic that is in none of them was never written to */
    size_t from_len;
    bool only_ends;             /* nothing is in the outbox: find the ends and read nothing */
    int64_t since_ms, until_ms; /* what is looked for has a time in [since, until]; 0: not known */
    const atomic_bool *stop;
};

struct scan_found {
    int64_t *numbers; /* rows that are there; owned */
    size_t numbers_len;
    int64_t messages;              /* that were read for it */
    struct outbox_watermark *ends; /* of every partition; owned, as their topics are by the scan */
    size_t ends_len;
};

/* Release with scan_found_clear(). */
NODISCARD int scan_run(const struct bridge_config *c, const struct scan *s,
                       struct scan_found *ret_found, struct err *e);
void scan_found_clear(struct scan_found *f);

/* "TABLE:NUMBER" of this table to NUMBER, else -1. */
int64_t scan_number(const char *table_id, const char *header, size_t len);
