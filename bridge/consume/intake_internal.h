/* bridge/consume/intake_internal.h - what the files of the intake share. Nobody else includes it.
 *
 *     intake.c         messages into the table, and what the table said
 *     intake_commit.c  partitions, and what of them may be committed or goes back
 */
#pragma once

#include <pthread.h>

#include "bridge/consume/envelope.h"
#include "bridge/consume/message.h"
#include "bridge/consume/offsets.h"

#define FOREIGN_MAX 16

struct partition {
    int32_t number;
    struct offsets offsets;
    size_t in_flight;
    bool revoked; /* freed when nothing of it is in flight */
};

struct intake {
    const struct bridge_config *config; /* borrowed, as the next two */
    struct jobs *jobs;
    struct kafka_health *tally;

    struct partition **partitions; /* owned */
    size_t partitions_len;
    size_t in_flight, bytes; /* bytes: of what is held, too */
    struct message_queue held;
    int64_t retry_ns, counts_ns, scripts;
    bool blocked, ended;
    char why[200];                                   /* it is blocked */
    char foreign[FOREIGN_MAX][ENVELOPE_REASON_SIZE]; /* types that were said to be skipped */
    size_t foreign_len;
    int64_t bound, idle_since_ns; /* how much is taken ahead; since when no worker has any of it */
    bool (*skip)(void *ctx, const struct outbox_origin *o); /* intake_skip_fn */
    void *skip_ctx;

    pthread_mutex_t lock;
    pthread_cond_t said;
    /* guarded by lock */
    struct message_queue done;
    size_t done_len;
    size_t wanted; /* how many of them somebody waits for; 0: nobody */
};

/* NULL when it is not ours. */
struct partition *intake_find(const struct intake *in, int32_t number);
/* Frees the partitions that are gone and have nothing in flight. */
void intake_sweep(struct intake *in);
void intake_drop(struct intake *in, struct message *m);
