/* engine/queue/look_ahead.h - rows that are claimed for the workers before they ask, so that none
 * waits for the commit of a claim.
 *
 *     rows are queued --look_ahead_claim()--> JOBS_CLAIM in the same transaction --\
 *     a worker takes a row --claims the next ones-----------------------------------+--> ready rows
 *                                                                                   |
 *     look_ahead_take() <-----------------------------------------------------------/
 *
 * A small row that is accepted in the transaction of its claim is ready just before the commit: it
 * is judged while the disk writes. What a worker stores of it comes behind that commit, and is
 * refused if that has failed.
 *
 * All workers share it: a row waits here only while each of them is busy. At most as many wait as
 * there are workers. Such a row stays queued for clients, and keeps its position; when a worker
 * takes it, JOBS_BEGIN makes it running, behind the worker.
 *
 * Room     engine/queue.
 * Owns     the claims, from JOBS_CLAIM until a worker takes the row.
 * Threads  any. Its lock comes before that of readiness.
 * Errors   look_ahead_take() returns those of the table.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

struct err;
struct jobs;
struct jobs_op;
struct look_ahead;
struct readiness;
struct worker_claim;

/* Borrows both until look_ahead_free(). */
NODISCARD int look_ahead_open(struct jobs *j, struct readiness *r, int64_t workers,
                              struct look_ahead **ret_ahead, struct err *e);
/* After look_ahead_stop(), or when nothing was ever claimed. Takes NULL, returns NULL. */
struct look_ahead *look_ahead_free(struct look_ahead *ahead);

/* ---- for workers: each calls these three in turn ---- */

/* Takes a row, for a worker that can judge these languages (NULL-terminated; none: it takes
 * nothing, and what waits is requeued), and has the next ones claimed. Does not wait. 1: taken. 0:
 * none is ready. -1: the table takes no claims. */
NODISCARD int look_ahead_take(struct look_ahead *ahead, const char *const *languages,
                              struct worker_claim *ret_claim, struct err *e);
/* After a take of 0 or -1: waits until that may have changed since this version of
 * readiness_claimable(). False: stopping. */
bool look_ahead_wait(struct look_ahead *ahead, uint64_t version);

/* ---- for the job table ---- */

/* A jobs_claimer_fn; ctx is the struct look_ahead. */
struct jobs_op *look_ahead_claim(void *ctx, int64_t rows);
/* A commit has queued so many rows: wakes the workers that wait for them, unless claims are
 * pending. */
void look_ahead_queued(struct look_ahead *ahead, int64_t rows);

/* Drops a row that was cancelled. False: it does not wait here. */
bool look_ahead_cancel(struct look_ahead *ahead, int64_t claim);

/* After readiness_stop(): requeues the rows that wait. Waits for the commit. */
void look_ahead_stop(struct look_ahead *ahead);
