/* bridge/kafka/handle.h - what every librdkafka handle of ours has: where its words go, and an end
 * that must not become ours.
 *
 * rd_kafka_destroy() waits for the handle's threads. Up to version 2.11 at least it can wait for
 * ever, rarely, when partitions were started, moved or stopped shortly before.
 *
 * Room     bridge/kafka.
 * Threads  any.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdint.h>

/* Callbacks of a configuration: all goes to the debug log. What is wrong with the connection is
 * said by the consumer, with callbacks of its own. */
void handle_log(const rd_kafka_t *rk, int level, const char *facility, const char *text);
void handle_error(rd_kafka_t *rk, int code, const char *reason, void *ctx);

/* Destroys rk in a thread of its own, and waits for it as long as wait_ns. What is not done then is
 * said in the log, and ends with the process. Callbacks that are set on rk must not be called any
 * more, or need nothing that ends before. Takes NULL. */
void handle_destroy(rd_kafka_t *rk, int flags, int64_t wait_ns);
