/* engine/judge/judge_ahead.h - the runs of one submission: in order in one cell, and, while cores
 * are idle, ahead of their turn in further cells.
 *
 *     judge_ahead_open()
 *         judge_ahead_room() --> judge_ahead_begin() ... for as many tests as there is room for
 *         judge_ahead_finish()                       the result of the oldest one
 *     judge_ahead_close()     drops those in progress
 *
 * Results come in the order in which the runs began, so the caller sees no difference but the time.
 * One thread is enough for all: it reads the output of each run while it waits for the oldest. Each
 * run but one has taken a permit (permits.h), and gives it back when it is over.
 *
 * Room     engine/judge. Knows nothing of tests and verdicts.
 * Owns     no cell: those of the lease are released by lease_end().
 * Threads  one thread for each lease.
 * Errors   as cell_run().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/cell/cell_types.h"
#include "schema/base/base.h"

struct err;
struct lease;
struct lease_cell;
struct lease_class;

struct judge_ahead {
    struct lease *lease;                  /* borrowed */
    const struct lease_class *cell_class; /* borrowed */
    int64_t memory_bytes;
    int uses_max;
    struct lease_cell *cells[CELL_POLL_MAX]; /* borrowed */
    size_t cells_len;
    struct lease_cell
        *runs[CELL_POLL_MAX]; /* the cells of the runs that have begun, oldest first */
    size_t runs_len;
    size_t further;    /* permits taken, beside the lease's own */
    bool asked;        /* one more cell is being prefetched */
    bool in_order;     /* from now on nothing begins ahead of its turn */
    int64_t wall_ns;   /* of all runs that are finished... */
    int64_t wall_runs; /* ...and their number */
};

/* Acquires the first cell. Borrows lease and cell_class until judge_ahead_close(), which may follow
 * a failure too. */
NODISCARD int judge_ahead_open(struct judge_ahead *a, struct lease *lease,
                               const struct lease_class *cell_class, int64_t memory_bytes,
                               int uses_max, struct err *e);

/* True if one more run can begin now; `left` is the number of tests that have not begun. Always
 * true when no run is in progress. The first run is always alone. */
NODISCARD bool judge_ahead_room(struct judge_ahead *a, size_t left);

/* Begins a run after judge_ahead_room(). The request is borrowed for the call. After a failure
 * ahead of its turn (others are in progress), it can be begun again at its turn, in another cell.
 */
NODISCARD int judge_ahead_begin(struct judge_ahead *a, const struct cell_request *request,
                                struct err *e);

/* Waits for the oldest run. The caller owns what is in *ret_result. */
NODISCARD int judge_ahead_finish(struct judge_ahead *a, struct cell_result *ret_result,
                                 struct err *e);

/* Ends the runs in progress; nobody sees their results. Takes a few milliseconds. */
void judge_ahead_close(struct judge_ahead *a);
