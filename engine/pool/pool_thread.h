/* engine/pool/pool_thread.h - a thread of the pool with a Docker handle of its own.
 *
 * Room     engine/pool; a part of the pool.
 * Owns     the thread and the handle, from pool_thread_start() to pool_thread_join().
 * Threads  started and joined by one thread; pool_thread_until() by any in between.
 * Errors   as docker_open(); ERR_NOMEM.
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

/* Runs main(t) for the pool, which is borrowed. After a failure pool_thread_join() clears t. */
NODISCARD int pool_thread_start(struct pool_thread *t, struct pool *p, const char *docker_host,
                                void *(*main)(void *), struct err *e);

/* Its calls to Docker end at this moment (clock_mono_ns). Nothing happens to one that never began.
 */
void pool_thread_until(struct pool_thread *t, int64_t deadline_ns);

/* Waits for its end, if it ever began. */
void pool_thread_join(struct pool_thread *t);
