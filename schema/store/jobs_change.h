/* schema/store/jobs_change.h - changes of rows: notified as they happen, those after a revision,
 * and those of the recent past.
 *
 * Room     schema/store.
 * Threads  any; listeners are called on one thread of the table and must not block.
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

/* One change of a row, notified after its commit. */
struct jobs_change {
    int64_t seq;    /* the row's number, unique for the life of the table */
    int64_t rank;   /* in the queue: jobs_order.h */
    const char *id; /* borrowed for the call */
    int64_t claim;  /* that this change has ended without a report of it; 0: none */
    int was;        /* enum job_state, the one before; -1: the row is new */
    enum job_state state;
    bool returned;        /* returned to Kafka: the row is deleted; state is JOB_CANCELLED */
    int64_t revision;     /* of this change; revisions rise in the order of commits */
    const char *language; /* borrowed; NULL for a claim */
    /* only if the row just became final: */
    enum verdict verdict;
    int64_t total_ms; /* since it was accepted */
    bool judged;      /* false: cancelled, or unreadable; the three below are not set */
    int64_t queue_ms, build_ms, run_ms;
    /* the stored report, borrowed for the call; NULL: it was not at hand and can be read */
    const char *report;
    size_t report_len;
};

/* Called with all changes of one commit, on one thread of the table: of a table in a file the
 * writer. Listeners must be added before
 * traffic starts. */
typedef void jobs_listener_fn(void *ctx, const struct jobs_change *changes, size_t len);
void jobs_listen(struct jobs *j, jobs_listener_fn *fn, void *ctx);
/* Nothing that was given to the table with this ctx is called any more: listener, claimer, outbox
 * listener. Waits for calls in progress, so not from one. */
void jobs_unlisten(struct jobs *j, const void *ctx);

/* ---- after a revision ---- */

/* Revisions go on within an epoch. Servers that share a table have the same one; a replica that was
 * promoted begins another, for it may lack rows that clients have heard of. */
#define JOBS_EPOCH_SIZE 40 /* letters, digits and a dot */
void jobs_epoch(struct jobs *j, char out[JOBS_EPOCH_SIZE]);
/* For the table itself: the epoch is the table's, and this (copied; "" at first). */
void jobs_set_epoch(struct jobs *j, const char *timeline);

/* A row as an item of jobs_list(), with one more member: its `position` in the queue (0: not
 * queued). All is borrowed for the call. */
struct jobs_item {
    int64_t seq, revision;
    enum job_state state;
    const char *id;
    const char *json; /* an object, on one line */
    size_t len;
};
/* Returns false to stop. The caller holds a reader: it must not call jobs_* functions. */
typedef bool jobs_item_fn(void *ctx, const struct jobs_item *item);

struct jobs_items_query {
    int64_t after; /* a revision */
    int64_t limit; /* at most so many rows */
    enum status_set set;
};

/* Calls fn for the rows whose revision is above `after`, each once and in its present state, in the
 * order of their revisions. */
NODISCARD int jobs_items_since(struct jobs *j, const struct jobs_items_query *q, jobs_item_fn *fn,
                               void *ctx, struct err *e);
/* How many rows that would be without a limit, counted up to `most`; `most` also when not all
 * changes behind `after` are kept any more. */
NODISCARD int jobs_items_count(struct jobs *j, int64_t after, int64_t most, int64_t *ret_rows,
                               struct err *e);
/* Calls fn for one row. ERR_NOT_FOUND. */
NODISCARD int jobs_item_of(struct jobs *j, int64_t seq, enum status_set set, jobs_item_fn *fn,
                           void *ctx, struct err *e);

/* ---- history ---- */

/* A row that was submitted or became final recently; finished_ms 0: it is not final. Set in c:
 * state, language, verdict, judged, total_ms, queue_ms (-1: not known). Returns false to stop. The
 * caller holds a reader: it must not call jobs_* functions. */
typedef bool jobs_history_fn(void *ctx, int64_t submitted_ms, int64_t finished_ms,
                             const struct jobs_change *c);
/* Calls fn for each row that was submitted or became final at since_ms (wall clock) or later, in
 * any order. Has no deadline. */
NODISCARD int jobs_history(struct jobs *j, int64_t since_ms, jobs_history_fn *fn, void *ctx,
                           struct err *e);
