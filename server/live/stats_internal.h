/* server/live/stats_internal.h - what the files of the statistics share; only they include it.
 *
 *     stats.c          rings, the thread that samples, totals
 *     stats_latency.c  latencies of one step, by language and verdict
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

/* One for 0 ms; then four for each doubling, from 1 ms to 80 minutes. */
#define STATS_BUCKETS 90

/* Counts by bucket. Only those above 0 are stored: languages x verdicts x buckets are thousands,
 * but a step has few submissions. */
struct stats_latencies {
    struct stats_latency_count {
        uint32_t key; /* language, verdict, enum stats_latency, bucket */
        uint32_t count;
    } * counts; /* owned; sorted by key */
    uint32_t len, capacity;
};

struct stats_step {
    uint32_t submitted;
    struct stats_sample sample;
    struct stats_latencies latencies;
    uint32_t finished[]; /* languages x VERDICT_COUNT */
};

/* ---- stats_latency.c ---- */

/* Out of memory the latency is not counted. */
void stats_latency_add(struct stats_latencies *l, size_t language, enum verdict v,
                       enum stats_latency kind, int64_t ms);
/* Adds the counts that pass the filter to sums[kind][bucket]. */
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
    size_t languages_len;                   /* including "other" */
    size_t step_size;
    int64_t opened_ms;     /* wall clock; what happened before comes from the job table */
    struct jobs *jobs;     /* borrowed while sampling */
    struct engine *engine; /* likewise */
    pthread_t thread;
    bool sampling;

    pthread_mutex_t lock;
    pthread_cond_t stop_cond;
    /* guarded by lock */
    bool stopping;
    uint64_t series; /* another number, by chance, when steps that are over have changed */
    struct stats_ring rings[STATS_RINGS];
    int64_t *accepted; /* owned; by language */
    int64_t *finished; /* owned; by language and verdict */
};

/* Step n of a ring: at seconds since 1970 / step_s. */
static inline struct stats_step *stats_step_at(const struct stats *s, const struct stats_ring *r,
                                               int64_t n)
{
    return (struct stats_step *)(void *)(r->steps + (size_t)(n % r->len) * s->step_size);
}

/* Makes the step of now_ms the newest of every ring; the steps in between become empty. */
void stats_advance_locked(struct stats *s, int64_t now_ms);
