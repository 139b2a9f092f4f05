/* server/http/gate.h - who is inside, so that the end can wait for them: requests; those that use
 * the engine or write to the job table; connections that are suspended (the library aborts when it
 * is stopped with one).
 *
 *     OPEN --gate_drain()--> DRAINING: new requests are refused, nobody may use any more
 *          --gate_stop()---> STOPPING: nobody may pause any more
 *
 * Room     server/http.
 * Threads  any.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t less;
    atomic_bool draining;

    /* guarded by lock */
    int64_t requests, users, paused;
    bool stopping;
};

void gate_init(struct gate *g);
void gate_destroy(struct gate *g);

void gate_enter(struct gate *g);
void gate_leave(struct gate *g);

/* False when stopping. Each true one needs a gate_unpause(). */
NODISCARD bool gate_pause(struct gate *g);
void gate_unpause(struct gate *g);

/* False when draining. Each true one needs a gate_unuse(). */
NODISCARD bool gate_use(struct gate *g);
void gate_unuse(struct gate *g);

/* Returns when nobody uses. */
void gate_drain(struct gate *g);
bool gate_is_draining(struct gate *g);
void gate_stop(struct gate *g);

/* Waits until nobody is paused. */
void gate_wait_unpaused(struct gate *g);
/* Waits until no request is inside, or deadline_ns (clock_mono_ns). */
void gate_wait_empty(struct gate *g, int64_t deadline_ns);
