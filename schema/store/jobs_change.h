/* schema/store/jobs_change.h - what changed: as it happens, since somebody looked, and lately.
 *
 * Room     schema/store.
 * Threads  any; a listener is called on the writer thread and must not block.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/model/verdict.h"
#include "schema/store/job_state.h"

struct err;
struct jobs;

/* ---- as it happens ---- */

/* What happened to a row, told after its commit. */
struct jobs_change {
    int64_t seq;    /* the row's number, unique for the life of the table */
    const char *id; /* borrowed for the call */
    enum job_state state;
    bool fresh;           /* it has just been accepted */
    bool returned;        /* it went back to Kafka: told as cancelled, and the row is gone */
    int64_t revision;     /* the number of this change; they rise by the order of commits */
    const char *language; /* borrowed; NULL for a claim */
    /* of a row that has just become final */
    enum verdict verdict;
    int64_t total_ms; /* since it was accepted */
    bool judged;      /* false: cancelled, or unreadable; the three below are unknown */
    int64_t queue_ms, build_ms, run_ms;
};

/* The one "something changed" notification; several listeners may be added before traffic starts.
 * Called on the writer thread with everything one commit changed. */
typedef void jobs_listener_fn(void *ctx, const struct jobs_change *changes, size_t len);
void jobs_listen(struct jobs *j, jobs_listener_fn *fn, void *ctx);

/* ---- since somebody looked ---- */

/* A row as an item of jobs_list(), with its `position` in the queue (0: not queued) as one more
 * member. Everything is borrowed for the call. */
struct jobs_item {
    int64_t seq, revision;
    enum job_state state;
    const char *id;
    const char *json; /* an object in one line */
    size_t len;
};
/* False ends it. Called while a reader is held: must not call jobs_* functions. */
typedef bool jobs_item_fn(void *ctx, const struct jobs_item *item);

/* Tells at most `limit` rows that changed after change `after`, each once and in its present state,
 * in the order of their last changes. */
NODISCARD int jobs_items_since(struct jobs *j, int64_t after, int64_t limit, enum status_set set,
                               jobs_item_fn *fn, void *ctx, struct err *e);
/* How many it would tell; `most` bounds the counting. */
NODISCARD int jobs_items_count(struct jobs *j, int64_t after, int64_t most, int64_t *ret_rows,
                               struct err *e);
/* One row. ERR_NOT_FOUND. */
NODISCARD int jobs_item_of(struct jobs *j, int64_t seq, enum status_set set, jobs_item_fn *fn,
                           void *ctx, struct err *e);

/* ---- lately ---- */

/* A row of which something happened lately; finished_ms 0: it is not final. Of c there are state,
 * language, verdict, judged, total_ms and queue_ms (-1: not known). False ends it. Called while a
 * reader is held: must not call jobs_* functions. */
typedef bool jobs_history_fn(void *ctx, int64_t submitted_ms, int64_t finished_ms,
                             const struct jobs_change *c);
/* Tells the rows that were submitted or became final at since_ms (wall clock) or later, in no
 * order. */
NODISCARD int jobs_history(struct jobs *j, int64_t since_ms, jobs_history_fn *fn, void *ctx,
                           struct err *e);
