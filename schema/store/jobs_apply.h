/* schema/store/jobs_apply.h - calls the function of an operation.
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

/* Each operation reads first and writes last: a refused one has written nothing, so the rest of
 * its group can be committed. Its result is in op->result and op->err. */
NODISCARD int jobs_apply(struct jobs *j, struct jobs_op *op, struct err *e);
