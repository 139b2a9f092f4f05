/* schema/store/jobs_claim.h - a queued row is taken to be judged, or given back at its old place.
 *
 * Room     schema/store, the job table's own.
 * Threads  the writer's, within the transaction of a group.
 * Errors   -1 with *e filled: the transaction is lost. An operation refused says so itself.
 */
#pragma once

#include "schema/base/base.h"

struct err;
struct jobs;
struct jobs_op;

/* JOBS_CLAIM, JOBS_REQUEUE. */
NODISCARD int jobs_claim(struct jobs *j, struct jobs_op *op, struct err *e);
NODISCARD int jobs_give_back(struct jobs *j, struct jobs_op *op, struct err *e);
