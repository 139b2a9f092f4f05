/* bridge/consume/giveback.h - gives submissions that no worker has begun back to Kafka: deletes
 * their rows, so that the owner of their partition reads the messages again.
 *
 * Only with KAFKA_COMMIT=reported, where their offsets are not committed yet, and with a table of
 * our own: in one that servers share the owner of the partition finds the rows, and all judge them.
 *
 * Room     bridge/consume.
 * Owns     nothing.
 * Threads  none of its own; each function waits for the table, the last one also for the broker.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct bridge_config;
struct err;
struct jobs;

/* Whether there is anything to give back to. */
bool giveback_is_needed(const struct bridge_config *c, const struct jobs *jobs);

/* Gives back those at offset `from` or later. On an error it logs a warning, and the rest is judged
 * here. */
void giveback_partition(struct jobs *jobs, const char *topic, int32_t partition, int64_t from);

/* Gives back rows of partitions that are not in `mine`, which a server before this one took, if
 * their owners will read them: not committed by the group, and still on the topic. rk: a handle of
 * the group. ERR_UNAVAILABLE: some rows are left here. */
NODISCARD int giveback_strays(rd_kafka_t *rk, const struct bridge_config *c, struct jobs *jobs,
                              const rd_kafka_topic_partition_list_t *mine, struct err *e);
