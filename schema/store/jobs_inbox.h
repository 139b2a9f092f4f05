/* schema/store/jobs_inbox.h - which messages of Kafka were taken. They come in the order of their
 * offsets: whether one is new is seen in memory, and its row goes to the end of those of its
 * partition.
 *
 * Room     schema/store, the job table's own.
 * Threads  the writer's, within the transaction of a group.
 * Errors   -1 with *e filled: the transaction is lost.
 */
#pragma once

#include <stdint.h>

#include "schema/base/base.h"

struct err;
struct jobs;
struct outbox_origin;

/* 1 when a message was taken before, with the row it belongs to (0: none); 0; -1. */
NODISCARD int jobs_inbox_find(struct jobs *j, const struct outbox_origin *o, int64_t *ret_seq,
                              struct err *e);
/* The number of the origin's partition: 1, 0 when nothing was ever taken from it, -1. */
NODISCARD int jobs_inbox_known(struct jobs *j, const struct outbox_origin *o, int64_t *ret_number,
                               struct err *e);
/* The number of the origin's partition, made when it is new. */
NODISCARD int jobs_inbox_stream(struct jobs *j, const struct outbox_origin *o, int64_t *ret_number,
                                struct err *e);
/* seq 0: it made no row. */
NODISCARD int jobs_inbox_put(struct jobs *j, const struct outbox_origin *o, int64_t seq,
                             struct err *e);
/* What memory knows may be of a transaction that was lost. */
void jobs_inbox_forget(struct jobs *j);
