/* engine/engine.h - takes queued submissions from the job table, judges them, writes reports.
 *
 * Room     engine. Knows the job table; never calls server or bridge.
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
NODISCARD int engine_start(const struct engine_config *c, const struct languages *l, struct jobs *j,
                           struct engine **ret_engine, struct err *e);

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
