/* bridge/drain_internal.h - what the files of the drain share. Nobody else includes it.
 *
 *     drain.c       life cycle, the thread
 *     drain_send.c  rows to messages, deliveries back to rows
 *     drain_look.c  what is on the topics already, and the watermarks
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bridge/drain.h"
#include "bridge/flights.h"
#include "bridge/settings.h"

struct producer;
struct producer_delivery;

/* How far a partition is settled: every row of ours below it is acknowledged and gone. */
struct drain_mark {
    size_t topic;
    int32_t partition;
    int64_t offset;
    bool dirty; /* the table has an older one */
};

struct drain {
    const struct bridge_config *config; /* borrowed, as the next two */
    struct jobs *jobs;
    struct tally *tally;
    char dead_letter_topic[SETTINGS_TOPIC_MAX + 1];
    const char *topics[2]; /* results, dead letters */
    pthread_t thread;
    bool runs, listens;
    atomic_bool stop;
    atomic_llong deadline_ns; /* of stopping */
    atomic_bool break_it;     /* drain_break() */

    /* the thread's own */
    struct producer *producer; /* NULL: to be made */
    struct flights flights;
    bool must_look;   /* before anything is sent */
    bool looked;      /* what is on the topics since then may be ours */
    bool broken;      /* the producer is to be replaced */
    bool troubled[2]; /* the topic's last delivery failed, and that was said */
    bool more;        /* the last reading was not the end of the outbox */
    int64_t after;    /* rows up to this one have been handed over, or are to be read again */
    int64_t again_from, again_ns; /* the first of those, INT64_MAX: none; and when */
    int64_t single_until;         /* rows up to this one go alone; 0: none does */
    size_t limit[2];              /* bytes of a message, as learned; 0: not */
    int64_t landed_ns, settle_ns, progress_ns, told_ns, marks_ns;
    size_t unmarked; /* rows gone since the watermarks were stored */
    struct drain_mark *marks;
    size_t marks_len;

    pthread_mutex_t lock;
    pthread_cond_t wake;
    /* guarded by lock */
    bool news;
};

/* drain_send.c */
void drain_fill(struct drain *d);   /* hands rows over, as many as may fly */
void drain_settle(struct drain *d); /* lets rows go that have landed */
void drain_on_delivery(void *ctx, const struct producer_delivery *x);

/* drain_look.c. -1: not now; the error is logged where it is news. */
NODISCARD int drain_look(struct drain *d);
void drain_mark(struct drain *d, const struct flight *x); /* x is gone */
void drain_store_marks(struct drain *d);
