/* schema/store/jobs_return.h - what goes back to Kafka: rows that were taken from a partition, were
 * not begun, and whose offsets are not committed. Whoever has the partition next reads them again,
 * so here they never were.
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

/* JOBS_RETURN. */
NODISCARD int jobs_return(struct jobs *j, struct jobs_op *op, struct err *e);
