/* server/live/stats_internal.h - what the files of the statistics share. Nobody else includes it.
 *
 *     kafka_stats.c          rings, and what is put into them
 *     stats_latency.c  how long those of one step took, by language and verdict
 *     stats_write.c    a part of a ring as JSON
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/model/verdict.h"
#include "server/live/stats_types.h"

struct engine;
struct jobs;
struct language_table;

/* 0 ms; then four for each doubling, from 1 ms to 80 minutes. */
#define STATS_BUCKETS 90

/* How many took so long: only what occurred, for languages x verdicts x buckets are thousands, and
 * the submissions of one step few. */
struct stats_latencies {
    struct stats_tally {
        uint32_t key; /* language, verdict, enum stats_latency, bucket */
        uint32_t count;
    } * rows; /* owned; sorted by key */
    uint32_t len, room;
};

struct stats_step {
    uint32_t submitted;
    struct stats_sample sample;
    struct stats_latencies latencies;
    uint32_t finished[]; /* languages x VERDICT_COUNT */
};

/* ---- stats_latency.c ---- */

/* Without memory it is not counted. */
void stats_latency_add(struct stats_latencies *l, size_t language, enum verdict v,
                       enum stats_latency kind, int64_t ms);
/* Adds those that the filter lets through to sums[kind][bucket]. */
void stats_latency_sum(const struct stats_latencies *l, const struct stats_filter *f,
                       uint32_t sums[STATS_LATENCIES][STATS_BUCKETS]);
void stats_latency_clear(struct stats_latencies *l);
/* The middle of a bucket, in ms. */
double stats_latency_middle(size_t bucket);

/* ---- rings ---- */

struct stats_ring {
    int64_t step_s, len;
    int64_t head; /* number of the newest step: seconds since 1970 / step_s */
    char *steps;  /* owned; len of step_size bytes each */
};

#define STATS_RINGS 3

struct stats {
    const struct language_table *languages; /* borrowed */
    size_t languages_len;                   /* with "other" */
    size_t step_size;
    int64_t opened_ms;     /* what happened before is known from the job table */
    struct jobs *jobs;     /* borrowed while watching */
    struct engine *engine; /* likewise */
    pthread_t thread;
    bool watching;

    pthread_mutex_t lock;
    pthread_cond_t rest;
    /* guarded by lock */
    bool resting;
    struct stats_ring rings[STATS_RINGS];
    int64_t *accepted; /* owned; by language */
    int64_t *finished; /* owned; by language and verdict */
};

/* Step number n of a ring. */
static inline struct stats_step *stats_step_at(const struct stats *s, const struct stats_ring *r,
                                               int64_t n)
{
    return (struct stats_step *)(void *)(r->steps + (size_t)(n % r->len) * s->step_size);
}

/* Brings every ring to now. */
void stats_advance_locked(struct stats *s, int64_t now_ms);
