/* bridge/kafka/kafka_stats.h - the two things we want of librdkafka's statistics: is a broker
 * there, and which partitions are ours.
 *
 * Room     bridge/kafka.
 * Threads  none of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "bridge/kafka/bridge_health.h"

/* Reads the JSON of a statistics callback. False when it is none. lags has BRIDGE_LAGS_MAX places,
 * for the partitions of `topic` that are assigned to us; how far behind they are is not told: -1.
 */
bool kafka_stats_read(const char *json, size_t len, const char *topic, bool *ret_connected,
                      struct bridge_lag *lags, size_t *ret_lags_len);
