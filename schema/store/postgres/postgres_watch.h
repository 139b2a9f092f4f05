/* schema/store/postgres/postgres_watch.h - which servers are dead: each raises a number, its beat,
 * and we read the beats of all.
 *
 *     every second:  read the beats
 *     postgres_watch_read(w, sent_ns, answered_ns);
 *     for each:      dead = postgres_watch_beat(w, instance, beat);
 *     postgres_watch_end(w);
 *
 * Only our monotonic clock decides. A server is dead when its beat stayed the same for the timeout,
 * in reads that followed one another without a gap. After a gap (the database was away, or we were
 * stopped) all are given the whole timeout again, for they could perhaps not raise it either.
 *
 * Room     schema/store/postgres. No database here: what was read is told.
 * Owns     the list of servers.
 * Threads  one at a time.
 * Errors   none. Out of memory: a server that is not in the list is never dead.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/text.h"

struct postgres_watched {
    char instance[TEXT_ID_SIZE];
    int64_t beat, since_ns; /* it was read first, by then */
    bool seen;              /* in this read */
};

struct postgres_watch {
    int64_t timeout_ns;               /* set by the caller; all else begins as 0 */
    int64_t sent_ns;                  /* of the last read; 0: none yet */
    int64_t answered_ns;              /* of the last read */
    struct postgres_watched *servers; /* owned */
    size_t len, size;
};

/* Reads further apart than this part of the timeout have a gap between them. */
#define POSTGRES_WATCH_GAP(timeout_ns) ((timeout_ns)*3 / 10)

/* A read that succeeded. Times are clock_mono_ns(): before it was sent, after it was answered. */
void postgres_watch_read(struct postgres_watch *w, int64_t sent_ns, int64_t answered_ns);

/* One server of that read, with fewer bytes in its name than TEXT_ID_SIZE. True: it is dead. */
bool postgres_watch_beat(struct postgres_watch *w, const char *instance, int64_t beat);

/* Forgets the servers that were not in that read. */
void postgres_watch_end(struct postgres_watch *w);

void postgres_watch_clear(struct postgres_watch *w);
