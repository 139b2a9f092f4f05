/* bridge/kafka/kafka_stats.h - reads two things from librdkafka's statistics: whether a broker is
 * connected, and which partitions are assigned to us.
 *
 * Room     bridge/kafka.
 * Threads  none of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "bridge/kafka/bridge_health.h"

/* Reads the JSON of a statistics callback. False, with nothing set, when it is not JSON. lags has
 * BRIDGE_LAGS_MAX entries, for the partitions of `topic` that are assigned to us; their lag is set
 * to -1, because these statistics do not contain it. */
bool kafka_stats_read(const char *json, size_t len, const char *topic, bool *ret_connected,
                      struct bridge_lag *lags, size_t *ret_lags_len);
