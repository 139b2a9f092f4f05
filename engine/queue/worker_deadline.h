/* engine/queue/worker_deadline.h - until when a worker that is to stop may go on with what it has.
 *
 * Room     engine/queue; a part of the worker.
 * Owns     its lock and condition, from worker_deadline_open() to worker_deadline_close().
 * Threads  worker_deadline_await() is for who stops the worker, the others are the worker's own.
 * Errors   none.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct worker_deadline {
    pthread_mutex_t lock;
    pthread_cond_t moved; /* one of the two below did; CLOCK_MONOTONIC */
    /* guarded by lock */
    bool ended;  /* the worker takes nothing more */
    bool passed; /* what is not done by now goes back into the queue */
};

void worker_deadline_open(struct worker_deadline *d);
void worker_deadline_close(struct worker_deadline *d);

/* Has it passed? Waits so many nanoseconds for it at most. */
bool worker_deadline_passed(struct worker_deadline *d, int64_t wait_ns);

/* The worker has done its last submission. */
void worker_deadline_end(struct worker_deadline *d);

/* Waits for that, until deadline_ns (clock_mono_ns), which then has passed in any case. False: the
 * worker still has something. */
bool worker_deadline_await(struct worker_deadline *d, int64_t deadline_ns);
