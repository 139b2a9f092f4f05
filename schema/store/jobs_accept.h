/* schema/store/jobs_accept.h - stores a new submission (row, submission, blobs, origin), or finds
 * the row of one that was accepted before.
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

/* JOBS_ACCEPT. */
NODISCARD int jobs_accept(struct jobs *j, struct jobs_op *op, struct err *e);
