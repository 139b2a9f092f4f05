/* tests/support/engine_fixture.h - an engine on a job table of its own.
 *
 * The images are the settings' (PYTHON_IMAGE, ...), else those of scrc-local. Without an engine or
 * without the images a test program exits 77: skipped.
 */
#pragma once

#include <pthread.h>

#include "engine/engine.h"
#include "schema/base/err.h"
#include "schema/base/text.h"
#include "schema/store/jobs.h"

#define ENGINE_WAIT_S 300

struct engine_fixture {
    char dir[64], cells[64], images[5][128], instance[TEXT_ID_SIZE];
    struct engine_config config;
    struct jobs_config table;
    struct language_table *languages;
    struct jobs *jobs;
    struct engine *engine;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t changes; /* of the job table; guarded by lock */
};
extern struct engine_fixture engine_fixture;

/* The settings' defaults, but for what `change` may do to them; NULL: nothing. 0 or -1. */
int engine_open(void (*change)(struct engine_config *c));

/* Nothing may be left: -1 when there is a container of this table. */
int engine_close(void);

/* The two halves of a start, for a test that starts again. */
void engine_open_table(void);
void engine_begin(void);

/* Waits until the self-test has passed for this language. */
void engine_await(const char *language);

void engine_sleep_ms(long ms);

/* Fails the test, with what was done and the error, unless rc is a success. */
void engine_check(int rc, const struct err *e, const char *what);
