/* bridge/consume/lookback.h - which messages of the partitions that were just taken are reported
 * already.
 *
 * Where offsets wait for reports, a partition that moves is read from its lowest unreported message
 * on. What its last owner reported behind that is on the results topic, and every report there
 * names its message (scrc-source-*). So the results are read from the time of that message to their
 * end.
 *
 * It takes seconds where much was reported since; the consumer goes on polling meanwhile.
 *
 * Room     bridge/consume.
 * Owns     a thread and its librdkafka handles; one that is freed ends them by itself.
 * Threads  one owner.
 * Errors   what cannot be read is said in the log, and counts as not reported: it is judged again.
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

/* taken: partitions of the topic, each with the offset it is read from (or
 * RD_KAFKA_OFFSET_BEGINNING). Copies what it needs of both. */
NODISCARD int lookback_start(const struct bridge_config *c,
                             const rd_kafka_topic_partition_list_t *taken,
                             struct lookback **ret_lookback, struct err *e);

bool lookback_is_done(struct lookback *l);

/* Whether the message is reported: a report names its place and its digest, which a topic that was
 * made anew has not in common with the old one. Only when it is done. */
bool lookback_has(const struct lookback *l, const struct outbox_origin *o);

/* Ends it where it is, without waiting. Takes NULL, returns NULL. */
struct lookback *lookback_free(struct lookback *l);
