/* server/live/hub_sub.h - a subscriber of the hub, and the hub's limits and intervals.
 *
 * Room     server/live.
 * Owns     nothing; a subscriber belongs to the caller of hub_join().
 * Threads  seq, fd and wake are set before hub_join(); the hub's lock guards the rest.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

struct hub;
struct hub_job;
struct hub_queued_text;

#define HUB_PENDING (64 * KIB) /* bytes that wait for one subscriber */
#define HUB_REPORTS (64 * MIB) /* bytes of all reports that wait */

struct hub_sub {
    int64_t seq; /* row of the one submission; 0: everything */
    int fd;      /* socket, polled for a hang-up of the client; borrowed */
    void (*wake)(struct hub_sub *s);

    /* the rest is private to hub*.c */
    struct hub *hub; /* NULL: not joined */
    struct hub_job *job;
    struct hub_sub *prev, *next, *next_of_job, *next_woken;
    struct hub_sub *prev_everything, *next_everything; /* subscribers to everything */
    struct hub_queued_text *first, *last;              /* texts not read yet */
    size_t offset, pending;                            /* bytes read of the first; bytes of all */
    int64_t position;                                  /* revision up to which it has events */
    int64_t seen_ns;                                   /* CLOCK_MONOTONIC; its last hub_read() */
    bool fresh; /* the thread has yet to send its first event */
    bool asleep, ended;
};

/* Intervals in ns, which tests shorten: between two frames (what goes to subscribers to everything
 * at once); idle time after which a heartbeat is sent; time without a read after which a subscriber
 * that is not asleep is ended; between two sweeps for both and for clients that hung up. */
struct hub_times {
    int64_t frame_ns, heartbeat_ns, stall_ns, sweep_ns;
};
