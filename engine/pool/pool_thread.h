/* engine/pool/pool_thread.h - a thread of the pool, with its own Docker handle.
 *
 * Room     engine/pool; a part of the pool.
 * Owns     the thread and the handle, from pool_thread_start() to pool_thread_join().
 * Threads  one thread starts and joins; any may call pool_thread_until() in between.
 * Errors   those of docker_open(); ERR_NOMEM.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct docker;
struct err;
struct pool;

struct pool_thread {
    struct pool *pool;     /* borrowed */
    struct docker *docker; /* owned */
    pthread_t thread;
    bool started;
};

/* Starts a thread that runs main(t). Borrows the pool. After a failure pool_thread_join() clears
 * t. */
NODISCARD int pool_thread_start(struct pool_thread *t, struct pool *p, const char *docker_host,
                                void *(*main)(void *), struct err *e);

/* Its calls to Docker fail from this moment on (clock_mono_ns). Does nothing if it never
 * started. */
void pool_thread_until(struct pool_thread *t, int64_t deadline_ns);

/* Waits for its end, if it was started, and frees the handle. */
void pool_thread_join(struct pool_thread *t);
