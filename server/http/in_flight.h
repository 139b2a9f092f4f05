/* server/http/in_flight.h - counts what the end of the server has to wait for: requests; steps that
 * hold the engine, which may also write to the job table; suspended connections (the library aborts
 * when it is stopped while it has one).
 *
 *     OPEN --in_flight_drain()--> DRAINING: new requests are refused, the engine cannot be held
 *          --in_flight_stop()---> STOPPING: no request can be suspended either
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

/* A request begins and ends. */
void in_flight_begin(struct in_flight *f);
void in_flight_end(struct in_flight *f);

/* Counts a suspended connection. False when stopping. Each true needs one in_flight_unpause(). */
NODISCARD bool in_flight_pause(struct in_flight *f);
void in_flight_unpause(struct in_flight *f);

/* Counts a step that uses the engine. False when draining. Each true needs one in_flight_release().
 */
NODISCARD bool in_flight_hold(struct in_flight *f);
void in_flight_release(struct in_flight *f);

/* Returns when no step holds the engine. */
void in_flight_drain(struct in_flight *f);
bool in_flight_is_draining(struct in_flight *f);
/* Drains, too. */
void in_flight_stop(struct in_flight *f);

/* After in_flight_stop(): waits until no connection is suspended. */
void in_flight_wait_unpaused(struct in_flight *f);
/* After in_flight_stop(): waits until no request is left, or until deadline_ns (clock_mono_ns). */
void in_flight_wait_empty(struct in_flight *f, int64_t deadline_ns);
