/* schema/store/jobs_inbox.h - which messages of Kafka were read. They are read in the order of
 * their offsets: a new one is recognised by a number in memory, and its row is inserted at the end
 * of its partition's rows.
 *
 * Room     schema/store, private to the job table.
 * Threads  the writer thread, in the transaction of a group.
 * Errors   -1 with *e filled: roll back the transaction.
 */
#pragma once

#include <stdint.h>

#include "schema/base/base.h"

struct err;
struct jobs;
struct outbox_origin;

/* 1: the message was read before; *ret_seq is its row, 0: none. 0: it is new. -1. */
NODISCARD int jobs_inbox_find(struct jobs *j, const struct outbox_origin *o, int64_t *ret_seq,
                              struct err *e);
/* The number of the origin's partition: 1, 0: nothing was read from it yet, -1. */
NODISCARD int jobs_inbox_find_partition(struct jobs *j, const struct outbox_origin *o,
                                        int64_t *ret_number, struct err *e);
/* The number of the origin's partition, which is added if it is new. */
NODISCARD int jobs_inbox_ensure_partition(struct jobs *j, const struct outbox_origin *o,
                                          int64_t *ret_number, struct err *e);
/* Records that a message was read; seq: its row, 0: none. */
NODISCARD int jobs_inbox_add(struct jobs *j, const struct outbox_origin *o, int64_t seq,
                             struct err *e);
/* After a rollback: the cached partitions may be those of the lost transaction. */
void jobs_inbox_drop_cache(struct jobs *j);
