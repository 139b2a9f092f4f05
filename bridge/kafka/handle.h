/* bridge/kafka/handle.h - log callbacks for every librdkafka handle, and a way to destroy a handle
 * that cannot block for ever.
 *
 * rd_kafka_destroy() waits for the handle's threads. In all versions up to 2.11 at least it can, in
 * rare cases, wait for ever when partitions were started, moved or stopped shortly before.
 *
 * Room     bridge/kafka.
 * Threads  any.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdint.h>

/* Callbacks of a configuration; both write to the debug log. Only the consumer reports connection
 * problems, with callbacks of its own. */
void handle_log(const rd_kafka_t *rk, int level, const char *facility, const char *text);
void handle_error(rd_kafka_t *rk, int code, const char *reason, void *ctx);

/* Destroys rk in a thread of its own, and waits at most wait_ns for it. If that is too short, it
 * logs a warning (not when wait_ns is 0) and returns, while the thread goes on. Callbacks set on rk
 * must not be called any more (nobody polls it), or use nothing that is freed. Takes NULL. */
void handle_destroy(rd_kafka_t *rk, int flags, int64_t wait_ns);
