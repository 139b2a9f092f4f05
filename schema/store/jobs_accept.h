/* schema/store/jobs_accept.h - a new submission: the row, its body, its texts, where it came from;
 * or the row that it repeats.
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

/* JOBS_ACCEPT. */
NODISCARD int jobs_accept(struct jobs *j, struct jobs_op *op, struct err *e);
