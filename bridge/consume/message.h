/* bridge/consume/message.h - one message of Kafka, and the operation of the job table that it asks
 * for.
 *
 * Room     bridge/consume.
 * Owns     the message of librdkafka and all that was read from it.
 * Threads  one at a time.
 * Errors   -1 or NULL when memory is short: nothing else goes wrong here, for what cannot be read
 *          asks for a dead letter.
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
    struct dead_letter letter;
    struct outbox_origin origin;
    struct buf headers;        /* packed */
    rd_kafka_message_t *kafka; /* owned */
    struct submission_packed packed;
    struct message *next;

    /* the intake's */
    struct intake *intake;       /* borrowed */
    struct partition *partition; /* borrowed */
    uint64_t ticket;
    size_t bytes; /* that it takes */
};

/* Reads kafka and prepares op. Takes kafka, unless it returns NULL. */
struct message *message_open(rd_kafka_message_t *kafka, const struct bridge_config *c);
/* Takes NULL, returns NULL. */
struct message *message_free(struct message *m);

/* It asks for nothing that the table could keep; op is empty. */
bool message_is_skipped(const struct message *m);

/* Prepares op anew: what the table did not take for its own sake is a dead letter, without a
 * report. Memory short: op is as it was. */
NODISCARD int message_refuse(struct message *m, const char *why);

struct message_queue {
    struct message *head, **tail;
};
void message_queue_init(struct message_queue *q);
void message_put(struct message_queue *q, struct message *m);
/* Linked by next; NULL when there is none. */
struct message *message_take_all(struct message_queue *q);
