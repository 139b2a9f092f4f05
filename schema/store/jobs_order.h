/* schema/store/jobs_order.h - in which order queued rows are claimed.
 *
 * A row gets its rank when it is accepted and keeps it, also when it is queued again. The lowest
 * rank is claimed first, of equal ones the lowest number:
 *
 *     rank = (10 - priority) << 58 | start
 *
 * So a higher priority always goes first. Among rows of one priority start is a virtual time, as of
 * start-time fair queueing (Goyal, Vin, Cheng: Start-time Fair Queueing, SIGCOMM 1996): an owner's
 * row starts one step behind the last one that this owner has queued, or now, whichever is later;
 * "now" is the start of the first row of its language, or of all if none waits in that. So each of
 * n owners that wait gets one claim of n, however many rows the others have queued. Rows without an
 * owner are those of one owner, and in a shared table of one for each server: their last start is
 * in memory, so that these, which are most, need no entry in an index of owners.
 *
 * A row's ticket is its number times the step. All starts are at most the ticket of the newest row,
 * so a row that finds nothing queued starts at its ticket, and is behind all that was ever there.
 * While no owner is named all starts are tickets, which is the order of arrival.
 *
 * Room     schema/store, private to the job table.
 * Threads  the writer thread, in the transaction of a group.
 * Errors   0, or -1 with *e filled: roll back the transaction.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct err;
struct jobs;
struct jobs_accept_op;

#define JOBS_ORDER_STEP  1024 /* of one row; an owner of weight w will take a w-th of it */
#define JOBS_ORDER_SHIFT 58   /* of the priority */

/* The rank of a row with start 0: of this priority the lowest. */
int64_t jobs_order_lowest(int64_t priority);

/* The start of a row, from `now` and the last start of its owner; -1: it has none queued. Pure. */
int64_t jobs_order_start(int64_t now, int64_t last);

/* A row without an owner has this rank, or had it when the table was opened. */
void jobs_order_unowned(struct jobs *j, int64_t rank);

/* Of a new row, while so many are queued. Sets *ret_rank; 0: its rank is jobs_order_lowest() plus
 * its ticket. */
NODISCARD int jobs_order_rank(struct jobs *j, const struct jobs_accept_op *a, int64_t queued,
                              int64_t *ret_rank, struct err *e);
