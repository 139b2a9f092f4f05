/* schema/store/jobs_outbox.h - writes the outbox: adds rows that are to be published, and deletes
 * those that were. outbox.h reads it.
 *
 * Room     schema/store, private to the job table.
 * Threads  the writer thread, in the transaction of a group.
 * Errors   -1 with *e filled: roll back the transaction. A refused operation is no error here.
 */
#pragma once

#include <stdint.h>

#include "schema/base/base.h"
#include "schema/store/job_state.h"

struct db;
struct err;
struct jobs;
struct jobs_op;
struct outbox_origin;

/* JOBS_REFUSE, JOBS_PUBLISH, JOBS_SENT, JOBS_WATERMARKS. */
NODISCARD int jobs_refuse(struct jobs *j, struct jobs_op *op, struct err *e);
NODISCARD int jobs_publish(struct jobs *j, struct jobs_op *op, struct err *e);
NODISCARD int jobs_sent(struct jobs *j, struct jobs_op *op, struct err *e);
NODISCARD int jobs_store_watermarks(struct jobs *j, struct jobs_op *op, struct err *e);

/* Adds the report of a row that just became final: 1 added, 0: not to be published, -1. */
NODISCARD int jobs_outbox_add_final(struct db *d, int64_t seq, struct err *e);
/* The submission of row seq was sent again, at `o`: publishes its report again, now or when it is
 * final. */
NODISCARD int jobs_outbox_add_repeated(struct jobs *j, int64_t seq, enum job_state state,
                                       const struct outbox_origin *o, struct err *e);
/* Stores the headers of the message that row seq was made from, until the row expires. */
NODISCARD int jobs_outbox_store_headers(struct db *d, int64_t seq, const struct outbox_origin *o,
                                        struct err *e);

/* Reads the counts of outbox_counts() at start, before the writer runs; updates them after each
 * group. */
NODISCARD int jobs_outbox_load_counts(struct jobs *j, struct err *e);
void jobs_outbox_update_counts(struct jobs *j);
