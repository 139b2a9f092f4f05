/* schema/store/jobs_return.h - returns rows to Kafka: those that were read from a partition, are
 * still queued, and whose offsets are not committed. The next consumer of the partition reads them
 * again, so all that we stored of them is deleted.
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

/* JOBS_RETURN. */
NODISCARD int jobs_return(struct jobs *j, struct jobs_op *op, struct err *e);
