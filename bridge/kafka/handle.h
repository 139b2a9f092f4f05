/* bridge/kafka/handle.h - the end of a librdkafka handle, which must not become ours.
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

/* Destroys rk in a thread of its own, and waits for it as long as wait_ns. What is not done then is
 * said in the log, and ends with the process. Callbacks that are set on rk must not be called any
 * more, or need nothing that ends before. Takes NULL. */
void handle_destroy(rd_kafka_t *rk, int flags, int64_t wait_ns);
