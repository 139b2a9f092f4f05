/* server/http/in_flight.h - who is inside, so that the end can wait for them: requests; those that
 * use the engine or write to the job table; connections that are suspended (the library aborts when
 * it is stopped with one).
 *
 *     OPEN --in_flight_drain()--> DRAINING: new requests are refused, nobody may use any more
 *          --in_flight_stop()---> STOPPING: nobody may pause any more
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

struct in_flight {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    atomic_bool draining;

    /* guarded by lock */
    int64_t requests, holders, paused;
    bool stopping;
};

void in_flight_init(struct in_flight *f);
void in_flight_destroy(struct in_flight *f);

void in_flight_begin(struct in_flight *f);
void in_flight_end(struct in_flight *f);

/* False when stopping. Each true one needs a in_flight_unpause(). */
NODISCARD bool in_flight_pause(struct in_flight *f);
void in_flight_unpause(struct in_flight *f);

/* False when draining. Each true one needs a in_flight_release(). */
NODISCARD bool in_flight_hold(struct in_flight *f);
void in_flight_release(struct in_flight *f);

/* Returns when nobody uses. */
void in_flight_drain(struct in_flight *f);
bool in_flight_is_draining(struct in_flight *f);
void in_flight_stop(struct in_flight *f);

/* Waits until nobody is paused. */
void in_flight_wait_unpaused(struct in_flight *f);
/* Waits until no request is inside, or deadline_ns (clock_mono_ns). */
void in_flight_wait_empty(struct in_flight *f, int64_t deadline_ns);
