/* engine/queue/worker.h - one thread: claim a submission, judge it, write its report.
 *
 * What goes wrong on our side never becomes a verdict (worker_fault.h):
 *
 *     its own cell broke           the attempt is counted; after JOB_ATTEMPTS_MAX a report "-"
 *     no cell can be had           requeued; the language waits for the self-test
 *     Docker or disk gone          requeued; nothing is claimed until it is back; a report "-" for
 *                                  what has met this too often
 *     stopped                      requeued
 *     cancelled by its client      there is nothing to write
 *     it cannot be read            a report "-"
 *     the report cannot be stored  kept, and tried again until it can
 *
 * A row goes back to the table it was claimed from: the own one first, then the adopted one.
 *
 * Room     engine/queue: which work is taken, and who does it: workers, readiness, the self-test.
 *          May know schema, and of the engine judge, build, pool, docker and language.
 * Owns     its thread and its bench, from worker_start() to worker_stop().
 * Threads  worker_cancel() and worker_stop() from any.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct build_cache;
struct cell_host;
struct engine_config;
struct err;
struct pool;
struct readiness;
struct job_source;
struct worker;
struct worker_host_faults;

/* All borrowed. */
struct worker_config {
    const struct engine_config *engine;
    const struct cell_host *host;
    struct pool *pool;
    struct build_cache *builds; /* NULL: none */
    struct readiness *readiness;
    struct job_source *job_source;
    struct worker_host_faults *host_faults;
    _Atomic int64_t *running; /* counted up and down */
};

NODISCARD int worker_start(const struct worker_config *c, struct worker **ret_worker,
                           struct err *e);

/* seq is a row of the own table. False: that submission is not here. */
bool worker_cancel(struct worker *w, int64_t seq);

/* After readiness_stop(): waits until the submission at hand is done, or until deadline
 * (clock_mono_ns); then it is given back, and the pool closed for everybody: whatever it waits for
 * ends within about a second. Takes NULL, returns NULL. */
struct worker *worker_stop(struct worker *w, int64_t deadline_ns);
