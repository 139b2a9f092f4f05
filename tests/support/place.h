/* tests/support/place.h - a worker's place: job table, pool and one worker, on the fake Docker.
 *
 * Threads  those of the worker and the pool; what is below is the test's.
 */
#pragma once

#include "engine/language/language.h"
#include "engine/pool/pool.h"
#include "engine/queue/look_ahead.h"
#include "engine/queue/readiness.h"
#include "engine/queue/worker.h"
#include "engine/queue/worker_fault.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_read.h"
#include "tests/support/fake_docker.h"
#include "tests/support/submitted.h"

extern struct place {
    char dir[128];
    struct jobs *jobs;
    struct look_ahead *look_ahead;
    struct language_table *languages;
    struct pool *pool;
    struct readiness *readiness;
    struct worker_host_faults host_faults;
    struct worker *worker;
    _Atomic int64_t running;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* guarded by lock */
    int64_t final;
} place;

/* cmocka's set-up and tear-down. The worker is started by place_start(). */
int place_open(void **state);
int place_close(void **state);
#define ON_PLACE(test) cmocka_unit_test_setup_teardown(test, place_open, place_close)

void place_start(void);

/* The language is ready, as after its self-test. */
void place_publish(const char *language);

/* A submission; memory_bytes 0: as much as is usual. */
int place_send(const char *language, const char *source, int64_t memory_bytes,
               struct submitted *ret_submitted, struct err *e);
/* The same; it must be accepted. */
struct submitted place_put(const char *language, const char *source, int64_t memory_bytes);

/* Waits for the report, which must have this verdict, these attempts and this in its error; error
 * "": none. */
void place_expect(const struct submitted *t, const char *verdict, int64_t attempts,
                  const char *error);

enum job_state place_state(const struct submitted *t);

/* Cancels what is running. */
void place_cancel(const struct submitted *t);
