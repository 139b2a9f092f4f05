/* bridge/consume/intake_internal.h - shared by the files of the intake; no other file includes it.
 *
 *     intake.c         messages into the table, and its answers
 *     intake_commit.c  partitions: what may be committed, what is given back
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
    bool revoked; /* to be freed when nothing of it is in flight */
};

struct intake {
    const struct bridge_config *config; /* borrowed, as the next two */
    struct jobs *jobs;
    struct kafka_health *health;

    struct partition **partitions; /* owned */
    size_t partitions_len;
    size_t in_flight, bytes;     /* bytes: also of held messages */
    struct message_queue held;   /* the table did not take them */
    int64_t retry_ns, counts_ns; /* when they are put again; when a full table is checked again */
    int64_t submissions;         /* taken, to compare with SCRIPT_EXPECTED */
    bool blocked, ended;
    char why[200];                                   /* why it is blocked */
    char foreign[FOREIGN_MAX][ENVELOPE_REASON_SIZE]; /* skipped types that were logged */
    size_t foreign_len;
    struct backlog *backlog; /* our rows that are queued */
    int64_t prefetch;        /* how many may be now */
    int64_t idle_since_ns;   /* since when no row runs; 0: some do */
    int64_t empty_since_ns;  /* since when no row is queued; 0: some are */
    bool (*skip)(void *ctx, const struct outbox_origin *o); /* intake_skip_fn; NULL: none */
    void *skip_ctx;

    pthread_mutex_t lock;
    pthread_cond_t answered;
    /* guarded by lock */
    struct message_queue done; /* answered by the table */
    size_t done_len;
    size_t wanted; /* how many of them intake_settle() waits for; 0: it does not wait */
};

/* NULL when it is not assigned. */
struct partition *intake_find_partition(const struct intake *in, int32_t number);
/* Frees revoked partitions that have nothing in flight. */
void intake_free_revoked(struct intake *in);
/* Frees m. */
void intake_discard(struct intake *in, struct message *m);
