/* bridge/publish/producer.h - one transactional producer, and its current transaction.
 *
 *     producer_open() --> producer_init() --> producer_begin() --> producer_send() ...
 *                                               ^   |
 *                                               |   +--> producer_commit() or producer_abort()
 *                                               +--------------+
 *
 * Room     bridge/publish.
 * Owns     a librdkafka handle, and every payload passed to producer_send(), until its delivery.
 * Threads  one owner; deliveries are reported during producer_commit() and producer_abort().
 * Errors   enum producer_result; producer_error() returns the reason.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

struct bridge_config;
struct err;
struct outbox_item;
struct producer;

enum producer_result {
    PRODUCER_DONE,
    PRODUCER_WAITS,  /* timeout, or the broker is away: repeat the same call */
    PRODUCER_FAILED, /* the transaction must be aborted; nothing of it will be visible */
    PRODUCER_DEAD    /* a new producer is needed; the outcome of the transaction is unknown */
};

/* Called once for each message sent. code 0: it has this partition and offset, if the transaction
 * is committed. */
typedef void producer_delivered_fn(void *ctx, void *opaque, rd_kafka_resp_err_t code,
                                   int32_t partition, int64_t offset);

struct producer_config {
    const struct bridge_config *bridge;
    const char *name;   /* the transactional id; a later producer of this name ends the transaction
                           that this one left open */
    size_t batch_bytes; /* the broker's limit of a batch; 0: not known */
    producer_delivered_fn *delivered; /* called once for every message */
    void *ctx;                        /* passed to `delivered` */
};

/* All of c is borrowed until it returns, and c->ctx until the last message is delivered. */
NODISCARD int producer_open(const struct producer_config *c, struct producer **ret_producer,
                            struct err *e);

/* Must return PRODUCER_DONE before producer_begin(). After that every earlier transaction of this
 * name is committed or aborted. */
enum producer_result producer_init(struct producer *p, int timeout_ms);

enum producer_result producer_begin(struct producer *p);
enum producer_result producer_commit(struct producer *p, int timeout_ms);
enum producer_result producer_abort(struct producer *p, int timeout_ms);

/* Why the last call failed: a code, and a text owned by the producer. */
rd_kafka_resp_err_t producer_error(const struct producer *p, const char **ret_why);

struct producer_message {
    const char *topic; /* all are borrowed, but payload */
    const void *key;   /* NULL: none */
    size_t key_len;
    char *payload; /* NULL: none; owned by the producer if producer_send() returns 0 */
    size_t len;
    const char *outbox;             /* for the header scrc-outbox */
    const struct outbox_item *from; /* its origin, reason and headers become headers */
    const char *traceparent;        /* of its report; NULL or "": none */
    bool bare;                      /* without the sender's headers */
    bool truncated;                 /* adds the header scrc-truncated */
    void *opaque;                   /* for producer_delivered_fn */
};

/* Queues m. 0, or why it was not queued, for example RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE (more
 * than message.max.bytes) or RD_KAFKA_RESP_ERR__QUEUE_FULL (try later). */
rd_kafka_resp_err_t producer_send(struct producer *p, const struct producer_message *m);

/* message.max.bytes: the largest message, headers and key included. */
size_t producer_max_bytes(const struct producer *p);

/* librdkafka's handle, to query the topic, and for tests. Owned by the producer. */
rd_kafka_t *producer_handle(struct producer *p);

/* Drops messages in flight, and their transaction. Takes NULL, returns NULL. */
struct producer *producer_free(struct producer *p);
