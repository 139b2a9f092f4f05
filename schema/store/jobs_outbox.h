/* schema/store/jobs_outbox.h - what Kafka must still be told, as it comes in and as it goes.
 * outbox.h reads it.
 *
 * Room     schema/store, the job table's own.
 * Threads  the writer's, within the transaction of a group.
 * Errors   -1 with *e filled: the transaction is lost. An operation refused says so itself.
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
NODISCARD int jobs_keep_watermarks(struct jobs *j, struct jobs_op *op, struct err *e);

/* The report of a row that has just become final: 1 put in, 0 nobody wants it, -1. */
NODISCARD int jobs_outbox_final(struct db *d, int64_t seq, struct err *e);
/* The report of a row that was sent again: now if it is final, else when it will be. */
NODISCARD int jobs_outbox_again(struct jobs *j, int64_t seq, enum job_state state,
                                const struct outbox_origin *o, struct err *e);
/* The headers of the message that made row seq, until it expires. */
NODISCARD int jobs_outbox_keep_headers(struct db *d, int64_t seq, const struct outbox_origin *o,
                                       struct err *e);

/* The counts: at start, before the writer runs, and after each group. */
NODISCARD int jobs_outbox_load(struct jobs *j, struct err *e);
void jobs_outbox_remember(struct jobs *j);
