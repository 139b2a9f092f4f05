/* bridge/producer.h - one idempotent producer: hands messages over and tells what became of them.
 *
 * Room     bridge.
 * Owns     a librdkafka handle, and every payload that it has taken, until its delivery.
 * Threads  one owner; the deliveries are told inside producer_poll().
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base.h"

struct bridge_config;
struct err;
struct outbox_item;
struct producer;

enum producer_fate {
    PRODUCER_DELIVERED,
    PRODUCER_TOO_LARGE, /* for the broker; alone or together with its neighbours */
    PRODUCER_NOT_SENT,  /* certainly not on the topic: may be tried again */
    PRODUCER_UNKNOWN    /* perhaps on the topic: look before it is sent again */
};

struct producer_delivery {
    void *opaque; /* the message's */
    enum producer_fate fate;
    int32_t partition; /* DELIVERED: where */
    int64_t offset;
    const char *why; /* static; not DELIVERED */
};

typedef void producer_told_fn(void *ctx, const struct producer_delivery *d);

/* told is called for every message that was taken, once. Borrows c. */
NODISCARD int producer_open(const struct bridge_config *c, producer_told_fn *told, void *ctx,
                            struct producer **ret_producer, struct err *e);

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

enum producer_result {
    PRODUCER_QUEUED,
    PRODUCER_BUSY, /* its queue is full: poll, and try again */
    PRODUCER_OVER, /* more than message.max.bytes */
    PRODUCER_REFUSED
};

/* On PRODUCER_REFUSED *ret_why (static) says why. */
enum producer_result producer_send(struct producer *p, const struct producer_message *m,
                                   const char **ret_why);

/* Tells of deliveries; waits up to timeout_ms for the first. */
void producer_poll(struct producer *p, int timeout_ms);

/* A fatal error has ended its idempotence: only a new one goes on. why may be NULL. */
bool producer_is_dead(struct producer *p, char *why, size_t size);

/* message.max.bytes: no message may have more, headers and key included. */
size_t producer_max_bytes(const struct producer *p);

/* For tests. */
rd_kafka_t *producer_handle(struct producer *p);

/* Gives up what is in flight (told of as UNKNOWN). Takes NULL, returns NULL. */
struct producer *producer_free(struct producer *p);
