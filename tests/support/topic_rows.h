/* tests/support/topic_rows.h - rows that come from a topic of Kafka and go to one, in short words.
 * As row.h: all fail the test where they cannot do it, but for those that say how it went. */
#pragma once

#include "schema/store/outbox.h"
#include "tests/support/row.h"

/* A message at (topic, partition, offset). derived NULL: it has an id of its own. 0 or -1. */
int topic_take_json(struct jobs *j, const char *json, struct outbox_origin o, const char *derived,
                    struct jobs_op *ret_op);

/* A submission with one test, at an offset of scripts/0. 0 or -1. */
int topic_take(struct jobs *j, const char *id, const char *source, int64_t offset,
               struct jobs_op *ret_op);
int64_t topic_take_ok(struct jobs *j, const char *id, int64_t offset);

/* Claims the oldest and finishes it; returns its number. */
int64_t topic_judge(struct jobs *j);

/* How many rows wait to be published. */
int64_t topic_waiting(struct jobs *j);

/* Everything that waits; the caller clears it with outbox_batch_clear(). */
struct outbox_batch topic_read_all(struct jobs *j);

/* These, or all that wait, have been published. */
void topic_sent(struct jobs *j, const int64_t *numbers, size_t len);
void topic_send_all(struct jobs *j);

/* Asks for the report of this id; the kind of the failure, or ERR_NONE. */
enum err_kind topic_publish(struct jobs *j, const char *id);

/* A message that is no submission, and what is to be published of it. 0 or -1. */
int topic_refuse(struct jobs *j, struct outbox_origin o, const struct outbox_dead_letter *letters,
                 size_t len, bool *ret_replay, struct err *e);
