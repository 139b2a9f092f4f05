/* bridge/consume/giveback.h - submissions that were taken from the topic and are not begun go back
 * to it: their rows are deleted, and whoever has the partition reads their messages again.
 *
 * For tables whose offsets wait for reports.
 *
 * Room     bridge/consume.
 * Owns     nothing.
 * Threads  none of its own; each function waits for the table, the last two for the broker, too.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdint.h>

#include "schema/base/base.h"

struct bridge_config;
struct err;
struct jobs;

/* Those at `from` and behind it. What cannot go back is said in the log: it is judged here. */
void giveback_partition(struct jobs *jobs, const char *topic, int32_t partition, int64_t from);

/* What an earlier life of the table took from partitions that are not in `mine`, and what others
 * find there: the group has not committed it, and the topic still has it. rk: of the group.
 * ERR_UNAVAILABLE: some of it is left here. */
NODISCARD int giveback_strays(rd_kafka_t *rk, const struct bridge_config *c, struct jobs *jobs,
                              const rd_kafka_topic_partition_list_t *mine, struct err *e);

/* The same of a table that was adopted: it has no partition. */
NODISCARD int giveback_adopted(const struct bridge_config *c, struct jobs *jobs, struct err *e);
