/* tests/simulator/traffic.h - scripts out, results in: librdkafka.
 *
 * All results published after traffic_open() are read, whoever reads with the same group: the
 * partitions are taken as a whole, from where they end at the start.
 *
 * Room     tests.
 * Owns     a producer and a consumer.
 * Threads  one thread calls, or one sends and another does the rest, as long as fewer than 100,000
 *          scripts are on their way; librdkafka has its own behind them.
 * Errors   0, or -1 with *e filled (ERR_UNAVAILABLE: Kafka; what it said is in it).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

struct err;
struct options;
struct traffic;

/* Valid for the call alone; key and value may be NULL. */
struct traffic_message {
    const char *key, *value;
    size_t key_len, value_len;
    int32_t partition;
    int64_t offset;
};

/* Waits for the broker and the results topic, at most o->wait_ms; the topic is made by the broker
 * when that makes topics that are asked for. Borrows o. */
NODISCARD int traffic_open(const struct options *o, struct traffic **ret_traffic, struct err *e);

/* Copies id (the key) and text. What becomes of it, traffic_poll() says. */
NODISCARD int traffic_send(struct traffic *t, const char *id, char *text, struct err *e);

/* Waits at most timeout_ms for one result and hands it to fn. -1 when a script could not be
 * delivered or nothing can be read any more. */
NODISCARD int traffic_poll(struct traffic *t, int timeout_ms,
                           void (*fn)(void *ctx, const struct traffic_message *m), void *ctx,
                           struct err *e);

/* What Kafka complained of last, or "". */
const char *traffic_trouble(const struct traffic *t);

struct traffic *traffic_close(struct traffic *t);
DEFINE_CLEANUP(struct traffic, traffic_close)
