/* engine/queue/worker_deadline.h - until when a worker that is being stopped may go on with its
 * submission.
 *
 * Room     engine/queue; a part of the worker.
 * Owns     its lock and condition, from worker_deadline_open() to worker_deadline_close().
 * Threads  worker_deadline_await() is for the thread that stops the worker, the others are for the
 *          worker.
 * Errors   none.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct worker_deadline {
    pthread_mutex_t lock;
    pthread_cond_t moved; /* ended or passed has changed; CLOCK_MONOTONIC */
    /* guarded by lock */
    bool ended;  /* the worker claims nothing more */
    bool passed; /* what is not finished is requeued */
};

void worker_deadline_open(struct worker_deadline *d);
void worker_deadline_close(struct worker_deadline *d);

/* Has the deadline passed? Waits for that at most so many nanoseconds. */
bool worker_deadline_passed(struct worker_deadline *d, int64_t wait_ns);

/* The worker has finished its last submission. */
void worker_deadline_end(struct worker_deadline *d);

/* Waits for worker_deadline_end() until deadline_ns (clock_mono_ns), then sets `passed` in any
 * case. False: the worker is not finished. */
bool worker_deadline_await(struct worker_deadline *d, int64_t deadline_ns);
