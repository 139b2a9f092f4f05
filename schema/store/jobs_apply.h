/* schema/store/jobs_apply.h - an operation finds the file that does it.
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

/* Reads first, writes last: an operation that is refused has written nothing, so that its
 * neighbours may commit. Its result is in op->result and op->err. */
NODISCARD int jobs_apply(struct jobs *j, struct jobs_op *op, struct err *e);
