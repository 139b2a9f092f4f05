/* engine/queue/worker.h - one thread that claims a submission, judges it, and stores its report.
 *
 * A fault of ours never becomes a verdict (worker_fault.h):
 *
 *     its own cell broke           the attempt is counted; after JOB_ATTEMPTS_MAX a report "-"
 *     no cell can be acquired      requeued; the language waits for the self-test
 *     Docker or disk failed        requeued; nothing is claimed until it works again; a report "-"
 *                                  for a submission that has met this too often
 *     stopped                      requeued
 *     cancelled by its client      nothing is stored
 *     it cannot be read            a report "-"
 *     the report cannot be stored  kept, and tried again until it can
 *
 * A worker waits for no commit: rows are claimed ahead (look_ahead.h), and a report is stored while
 * the next submission is judged.
 *
 * Room     engine/queue: which rows are claimed, and by whom: workers, readiness, the self-test.
 *          May know schema, and of the engine judge, build, pool, docker and language.
 * Owns     its thread and its lease, from worker_start() to worker_stop().
 * Threads  worker_cancel() and worker_stop() from any.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct build_share;
struct cell_host;
struct permits;
struct engine_config;
struct err;
struct pool;
struct readiness;
struct look_ahead;
struct worker;
struct worker_host_faults;

/* All borrowed until worker_stop(). */
struct worker_config {
    const struct engine_config *engine;
    const struct cell_host *host;
    struct pool *pool;
    struct build_share *builds; /* NULL: no cache */
    struct permits *permits;    /* NULL: nothing runs ahead */
    struct readiness *readiness;
    struct look_ahead *look_ahead;
    struct worker_host_faults *host_faults;
    _Atomic int64_t *running; /* number of submissions being judged */
};

NODISCARD int worker_start(const struct worker_config *c, struct worker **ret_worker,
                           struct err *e);

/* Stops judging the row seq under this claim, which somebody has ended. False: this worker does not
 * judge it. */
bool worker_cancel(struct worker *w, int64_t seq, int64_t claim);

/* To be called after readiness_stop(). Waits until the current submission is finished, or until
 * deadline (clock_mono_ns). Then the submission is requeued and the pool is closed for all
 * workers: whatever the worker waits for ends within about a second. Takes NULL, returns NULL. */
struct worker *worker_stop(struct worker *w, int64_t deadline_ns);
