/* bridge/consume/lookback.h - finds the messages of newly assigned partitions that other servers
 * have reported already.
 *
 * With KAFKA_COMMIT=reported a partition is read from its first unreported message on. Reports of
 * later messages by its last owner are on the results topic, and their headers name the messages
 * (scrc-source-*). So the results topic is read from the time of that first message to its end.
 *
 * With many reports this takes seconds; meanwhile the consumer polls.
 *
 * Room     bridge/consume.
 * Owns     a thread and its librdkafka handles, which end by themselves after lookback_free().
 * Threads  one owner.
 * Errors   a read error is logged; messages whose report was not read are judged again.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct bridge_config;
struct err;
struct lookback;
struct outbox_origin;

/* assigned: partitions of the topic, each with the offset it is read from (or
 * RD_KAFKA_OFFSET_BEGINNING). Copies what it needs of both. */
NODISCARD int lookback_start(const struct bridge_config *c,
                             const rd_kafka_topic_partition_list_t *assigned,
                             struct lookback **ret_lookback, struct err *e);

bool lookback_is_done(struct lookback *l);

/* Whether a report for this message was found, by partition, offset and digest; the digest differs
 * if the topic was deleted and created again. Only after lookback_is_done(). */
bool lookback_has(const struct lookback *l, const struct outbox_origin *o);

/* Cancels it, without waiting. Takes NULL, returns NULL. */
struct lookback *lookback_free(struct lookback *l);
