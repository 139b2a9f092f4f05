/* server/live/hub_sub.h - a subscriber of the hub, and what the hub goes by.
 *
 * Room     server/live.
 * Owns     nothing; a subscriber is its maker's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

struct hub;
struct hub_job;
struct hub_piece;

#define HUB_PENDING (64 * KIB)
#define HUB_REPORTS (64 * MIB)

struct hub_sub {
    int64_t seq; /* one submission's row; 0: everything */
    int fd;      /* watched for the other side's hang-up; borrowed */
    void (*wake)(struct hub_sub *s);

    /* the rest is private to hub*.c */
    struct hub *hub; /* NULL: not joined */
    struct hub_job *job;
    struct hub_sub *prev, *next, *next_of_job, *next_woken;
    struct hub_sub *prev_all, *next_all; /* of those to everything */
    struct hub_piece *first, *last;      /* what it has yet to read */
    size_t offset, pending;              /* within the first; bytes of all */
    int64_t position;                    /* the last change it was told */
    int64_t seen_ns;                     /* when it last took something */
    bool fresh;                          /* joined, and the thread has not looked at it yet */
    bool asleep, ended;
};

/* What stays with the heartbeat and the frames, as tests may shorten it. */
struct hub_times {
    int64_t frame_ns, heartbeat_ns, stall_ns, sweep_ns;
};
