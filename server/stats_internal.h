/* server/stats_internal.h - what the files of the statistics share. Nobody else includes it.
 *
 *     stats.c        rings, and what is put into them
 *     stats_write.c  a part of a ring as JSON
 */
#pragma once

#include <pthread.h>

#include "server/stats.h"

/* 0 ms; then four for each doubling, from 1 ms to 80 minutes. */
#define STATS_BUCKETS 90

struct stats_step {
    uint32_t submitted;
    struct stats_sample sample;
    uint16_t latency[STATS_LATENCIES][STATS_BUCKETS];
    uint32_t finished[]; /* languages x VERDICT_COUNT */
};

struct stats_ring {
    int64_t step_s, len;
    int64_t head; /* number of the newest step: seconds since 1970 / step_s */
    char *steps;  /* owned; len of step_size bytes each */
};

#define STATS_RINGS 3

struct stats {
    const struct languages *languages; /* borrowed */
    size_t languages_len;              /* with "other" */
    size_t step_size;
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
