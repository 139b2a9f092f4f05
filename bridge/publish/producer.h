/* bridge/publish/producer.h - one transactional producer, and its transaction.
 *
 *     producer_open() --> producer_init() --> producer_begin() --> producer_send() ...
 *                                               ^   |
 *                                               |   +--> producer_commit() or producer_abort()
 *                                               +--------------+
 *
 * Room     bridge/publish.
 * Owns     a librdkafka handle, and every payload that it has taken, until its delivery.
 * Threads  one owner; deliveries are told inside producer_commit() and producer_abort().
 * Errors   enum producer_result; producer_error() says why.
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
    PRODUCER_WAITS,  /* the time is over, or the broker is away: the same call goes on with it */
    PRODUCER_FAILED, /* the transaction is to be aborted: nothing of it is on the topic */
    PRODUCER_DEAD    /* only a new one goes on; what became of the transaction is not known */
};

/* Of one message that was taken. code 0: it is at that place, once the transaction is committed. */
typedef void producer_delivered_fn(void *ctx, void *opaque, rd_kafka_resp_err_t code,
                                   int32_t partition, int64_t offset);

struct producer_config {
    const struct bridge_config *bridge;
    const char *name; /* the transactional id: whoever opens it next ends what this one left open */
    size_t batch_bytes;               /* the broker takes no more at once; 0: not known */
    producer_delivered_fn *delivered; /* called for every message once */
    void *ctx;                        /* its own */
};

/* All of c is borrowed until it returns, and c->ctx until the last message is delivered. */
NODISCARD int producer_open(const struct producer_config *c, struct producer **ret_producer,
                            struct err *e);

/* Until PRODUCER_DONE nothing can be begun. Behind it every earlier transaction of that name is
 * committed or aborted. */
enum producer_result producer_init(struct producer *p, int timeout_ms);

enum producer_result producer_begin(struct producer *p);
enum producer_result producer_commit(struct producer *p, int timeout_ms);
enum producer_result producer_abort(struct producer *p, int timeout_ms);

/* Why the last call was not PRODUCER_DONE: a code, and a text of the producer's. */
rd_kafka_resp_err_t producer_error(const struct producer *p, const char **ret_why);

struct producer_message {
    const char *topic; /* all borrowed but payload */
    const void *key;   /* NULL: none */
    size_t key_len;
    char *payload; /* NULL: none; taken when queued */
    size_t len;
    const char *outbox;             /* for the header scrc-outbox */
    const struct outbox_item *from; /* its origin, reason and headers become headers */
    bool bare;                      /* without the headers that came with the origin */
    bool truncated;                 /* the header scrc-truncated */
    void *opaque;
};

/* 0, or why it was not taken: RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE: more than message.max.bytes;
 * RD_KAFKA_RESP_ERR__QUEUE_FULL: not now. */
rd_kafka_resp_err_t producer_send(struct producer *p, const struct producer_message *m);

/* message.max.bytes: no message may have more, headers and key included. */
size_t producer_max_bytes(const struct producer *p);

/* For tests. */
rd_kafka_t *producer_handle(struct producer *p);

/* What is in flight is given up, and its transaction with it. Takes NULL, returns NULL. */
struct producer *producer_free(struct producer *p);
