/* engine/engine.h - takes queued submissions from the job table, judges them, stores their reports.
 *
 * Processes
 *
 *     server --HTTP--> dockerd --creates--> a container for each cell
 *        \----- RUN, RESULT, descriptors ----> agent --> init of a box --> program
 *
 *     The agent (agent/) is process 1 of the container. It serves one server over one unix socket.
 *     When that socket closes, it exits, and all processes of the container with it. Docker only
 *     creates, resizes and removes containers; it has no part in a test.
 *
 * Threads of the server
 *
 *     supervisor        engine.c: pings Docker, starts the other threads if engine_start() could
 *                       not, ends a pause, removes orphaned containers
 *     self-test         queue/selftest.h: looks for images, runs hello, makes toolchains available
 *     workers           queue/worker.h, RUNNER_MAX_PARALLEL of them: each judges one submission at
 *                       a time; it has a second thread while a run cell is prefetched
 *     creators, removers  pool/pool.h: create and remove containers in the background
 *     build writer      build/build_share.h: writes outcomes of builds to the cache
 *
 * How a submission is judged
 *
 *     Rows in a language that is OK are claimed (look_ahead.h), for the workers that wait and as
 *     many ahead. A worker takes one (look_ahead_take()), reads it and calls judge_submission(),
 *     which makes an executable of it. build_run() finds the artefact in the build cache, or waits
 *     for another worker that builds the same, or asks a compile server, or runs the compiler in a
 *     build cell. judge_tests() acquires a run cell and calls cell_run() for each test: source or
 *     artefact, stdin and output pipes go to the agent as descriptors. While cores are idle,
 *     judge_ahead_room() lets the next tests begin in further cells; their results are taken in
 *     order. The agent has made the box before the RUN comes; it watches the program, kills it at a
 *     limit and sends the RESULT.
 *     judge_verdict() decides the verdict from limits and counters, judge_compare() compares the
 *     output. judge_report_make() makes the report of all results, worker_claim_finish() has
 *     it stored behind the worker, and lease_end() releases the cells.
 *     A fault of ours is -1 with an err; worker_fault() decides what happens to the row.
 *
 * Words
 *
 *     cell        a container of ours and its directory. A run cell serves one submission, or
 *                 RUNNER_CELL_USES of them, a build cell many builds
 *     box         the isolation of one run inside a cell: each run has a new one, either of new
 *                 namespaces or in place with a new uid
 *     pool        idle cells; a pool class holds those of one cell_spec, whatever their memory
 *     lease       what one judging thread uses: a Docker handle and at most LEASE_CELLS_MAX cells
 *     toolchain   a language on this host: its images, its pool classes, its memory overhead
 *     compile server  a compiler that stays in a build cell and serves one build after the other
 *     executable  a program as a value: toolchain, source, command lines, artefact
 *     verify clean  the agent checks that nothing of the last submission is left
 *     dead        of a cell: it must not be used again and is discarded
 *     orphan      a container whose server was killed; the supervisor removes it
 *
 * Locks
 *
 *     engine.lock comes first; a lock of readiness, lease or pool may be taken under it, one at a
 *     time; and that of readiness under the look-ahead's. Every other lock of the engine is taken
 * alone. No lock is held during a wait for Docker, a cell or the job table. The job table calls
 * jobs_changed() without a lock of its own.
 *
 * Room     engine: start, stop, health. May know schema and all of engine; never calls server or
 *          bridge.
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

/* Starts threads and returns at once, even if Docker does not answer yet. Borrows everything
 * until engine_stop(). ERR_PLATFORM for what can never work (remote Docker, no controllers). It
 * listens to the table: call it before anything writes to it. */
NODISCARD int engine_start(const struct engine_config *c, const struct language_table *l,
                           struct jobs *j, struct engine **ret_engine, struct err *e);

/* Claims nothing more. Runs in progress may go on until deadline (clock_mono_ns) and are then
 * requeued without counting an attempt. Then removes all cells, for which there are at least 5
 * s, whatever the deadline. Takes NULL, returns NULL. Stop what else
 * writes to the table here first; after this, or after a failed engine_start(), only jobs_close()
 * may follow. */
struct engine *engine_stop(struct engine *g, int64_t deadline_ns);

/* Writes to out why nothing, or not this language, is being judged; "" when it is. */
void engine_reason(struct engine *g, const char *language, char *out, size_t size);

struct engine_health {
    bool docker;       /* it answered the last ping, and all could be started */
    bool ready;        /* docker, not paused, and one language has its images */
    char why[400];     /* when not ready */
    int64_t silent_ms; /* since the supervisor came round: a minute or two while Docker hangs */
    int64_t running, cells_idle, cells_taken, cells_removing;
    int64_t cells_made, cells_died; /* since the start */
    /* the build cache: now (max 0: there is none), and since the start */
    int64_t builds_kept, builds_bytes, builds_max_bytes;
    int64_t builds_found, builds_made, builds_evicted;
};
void engine_health(struct engine *g, struct engine_health *ret_health);

/* GET /languages: {"languages": [{name, title, image, run_image, state: pending|ok|failed, version,
 * error, ...}]}. New reference, or NULL out of memory. */
json_t *engine_languages(struct engine *g);
