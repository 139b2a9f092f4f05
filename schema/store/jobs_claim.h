/* schema/store/jobs_claim.h - claims a queued row for judging, begins it, or requeues it at its old
 * position.
 *
 * Room     schema/store, private to the job table.
 * Threads  the writer thread, in the transaction of a group.
 * Errors   -1 with *e filled: roll back the transaction. A refused operation is no error here.
 */
#pragma once

#include "schema/base/base.h"

struct err;
struct jobs;
struct jobs_op;

/* JOBS_CLAIM, JOBS_BEGIN, JOBS_REQUEUE. */
NODISCARD int jobs_claim(struct jobs *j, struct jobs_op *op, struct err *e);
NODISCARD int jobs_begin(struct jobs *j, struct jobs_op *op, struct err *e);
NODISCARD int jobs_requeue(struct jobs *j, struct jobs_op *op, struct err *e);
