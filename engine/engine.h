/* engine/engine.h - takes queued submissions from the job table, judges them, writes reports.
 *
 * Processes
 *
 *     server --HTTP--> dockerd --makes--> a container for each cell
 *        \----- RUN, RESULT, descriptors ----> agent --> init of a box --> program
 *
 *     The agent (agent/) is process 1 of the container. It serves one server over one unix socket
 *     and ends when that closes, and with it all that is in the container. Docker makes, resizes
 *     and removes containers; of a test it sees nothing.
 *
 * Threads of the server
 *
 *     steward           engine.c: asks Docker whether it is there, brings the others up where
 *                       engine_start() could not yet, ends a pause, sweeps
 *     self-test         queue/selftest.h: looks for images, runs hello, publishes plans in `ready`
 *     workers           queue/worker.h, RUNNER_MAX_PARALLEL of them: one submission at a time each,
 *                       with a thread beside it while a run cell is taken ahead
 *     makers, removers  pool/pool.h: containers come and go ahead of need and behind it
 *
 * How a submission is judged
 *
 *     A worker claims a row in a language that is OK (worker_claim_next()), reads it and calls
 *     judge_submission(), which makes an executable of it. build_run() finds the artefact in the
 * build cache, or runs the compiler in a build cell. judge_tests() takes a run cell and calls
 *     cell_run() for each test: source or artefact, stdin and output pipes go to the agent as
 *     descriptors. The agent has made the box before the RUN comes; it watches the program, ends
 *     it at a limit and sends the RESULT.
 *     judge_verdict() makes the verdict of limits and counters, judge_compare() compares what was
 *     printed. judge_report_make() makes the report of all results, worker_claim_finish() stores
 *     it, and lease_end() gives the cells back.
 *     A fault of ours is -1 with an err; worker_fault() says what becomes of the row.
 *
 * Words
 *
 *     cell     a container of ours and its directory. A run cell serves one submission, or
 *              RUNNER_CELL_USES of them, a build cell many builds
 *     box      what one run sees in a cell: each run has a new one, of new namespaces, or in place
 *              with a new uid
 *     pool     idle cells; a shelf is those of one cell_spec, memory apart
 *     bench    what a worker holds: a Docker handle and the cells it uses, at most LEASE_CELLS_MAX
 *     plan     a language on this host: its images, its shelves, its allowance
 *     trial    one submission from its source to its report
 *     executable  a program as a value: plan, source, command lines, what was built of it
 *     prove    the agent looks whether anything of the last submission is left
 *     spent    of a cell: it may not be used again, and is dropped
 *     sweep    removal of containers whose server was killed
 *     adopted  of a table: of a server that is gone; judged from when the own one has nothing
 *
 * Locks
 *
 *     engine.lock comes first; those of ready, bench or pool may be taken under it, one at a time.
 *     Every other lock of the engine is taken alone. None is held while Docker, a cell or the job
 *     table is waited for. The job table calls jobs_changed() without one of its own.
 *
 * Room     engine: the start, the end, questions. May know schema and all of engine; never calls
 *          server or bridge.
 * Owns     worker threads, the pool and its cells, from engine_start() to engine_stop().
 * Threads  every function from any thread.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/engine_config.h"
#include "engine/language/language.h"
#include "schema/base/base.h"
#include "schema/base/err.h"

struct engine;
struct jobs;

/* Starts threads and returns at once; Docker may still be away. Borrows everything until
 * engine_stop(). ERR_PLATFORM for what can never work (remote Docker, no controllers). It listens
 * to the table: call it before there is traffic. */
NODISCARD int engine_start(const struct engine_config *c, const struct language_table *l,
                           struct jobs *j, struct engine **ret_engine, struct err *e);

/* Judges from j too, when the own table has nothing: the table of a server that is gone. One at a
 * time, of which no row may be cancelled. Borrows j until engine_disown() or engine_stop(), and
 * listens to it: only jobs_close() ends that. */
NODISCARD int engine_adopt(struct engine *g, struct jobs *j, struct err *e);
/* Returns when nothing of it is being judged any more. Not after engine_stop(). */
void engine_disown(struct engine *g);

/* Takes nothing new; runs in progress get until deadline (clock_mono_ns) and are then given back to
 * the queue without spending an attempt; removes all cells, for which there are 5 s more however
 * late it is, whatever Docker does. Takes NULL, returns NULL. The table has
 * no unlisten: stop what else writes to it first; after this, or after a failed engine_start(),
 * only jobs_close() may follow. */
struct engine *engine_stop(struct engine *g, int64_t deadline_ns);

/* Stops the cell of a running submission of the own table whose row has just been cancelled. */
void engine_cancel(struct engine *g, int64_t seq);

/* Why nothing, or not this language, is being judged; "" when it is. Written to out. */
void engine_reason(struct engine *g, const char *language, char *out, size_t size);

struct engine_health {
    bool docker;   /* it answered when last asked */
    bool ready;    /* docker, and one language's images are present */
    char why[400]; /* when not ready */
    int64_t running, cells_idle, cells_taken, cells_removing;
    int64_t cells_made, cells_died; /* since the start */
    /* of the build cache: now (max 0: there is none), and since the start */
    int64_t builds_kept, builds_bytes, builds_max_bytes;
    int64_t builds_found, builds_made, builds_evicted;
};
void engine_health(struct engine *g, struct engine_health *ret_health);

/* GET /languages: {"languages": [{name, title, image, run_image, state: pending|ok|failed, version,
 * error, ...}]}. New reference, or NULL out of memory. */
json_t *engine_languages(struct engine *g);
