/* bridge/consume/message.h - one message of Kafka, and the operation on the job table made from it.
 *
 * Room     bridge/consume.
 * Owns     librdkafka's message, and all that was made from it.
 * Threads  one at a time.
 * Errors   -1 or NULL: out of memory only; a message that cannot be read becomes a dead letter.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/consume/dead_letter.h"
#include "bridge/consume/envelope.h"
#include "schema/base/base.h"
#include "schema/base/buf.h"
#include "schema/store/jobs.h"
#include "schema/store/outbox.h"

struct bridge_config;
struct intake;
struct partition;

struct message {
    struct jobs_op op;
    struct envelope envelope;
    struct dead_letter dead_letter;
    struct outbox_origin origin;
    struct buf headers;        /* packed */
    rd_kafka_message_t *kafka; /* owned */
    struct submission_packed packed;
    struct message *next;

    /* used by the intake */
    struct intake *intake;       /* borrowed */
    struct partition *partition; /* borrowed */
    uint64_t index;              /* see offsets_begin() */
    size_t bytes;                /* of memory, about */
};

/* Reads kafka and fills in op. Takes ownership of kafka, unless it returns NULL. */
struct message *message_open(rd_kafka_message_t *kafka, const struct bridge_config *c);
/* Takes NULL, returns NULL. */
struct message *message_free(struct message *m);

/* The message (`done`, a tombstone, another type) needs no row; op is empty. */
bool message_is_skipped(const struct message *m);

/* Replaces op, which the table refused for its content, by a dead letter without a report. -1: op
 * is unchanged. */
NODISCARD int message_refuse(struct message *m, const char *why);

struct message_queue {
    struct message *head, **tail;
};
void message_queue_init(struct message_queue *q);
void message_queue_put(struct message_queue *q, struct message *m);
/* Empties the queue. The messages are linked by `next`; NULL: there are none. */
struct message *message_queue_take_all(struct message_queue *q);
