/* bridge/stats.h - the two things we want of librdkafka's statistics: is a broker there, and how
 * far behind we are.
 *
 * Pure.  Room bridge.  Threads: none of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "bridge/bridge.h"

/* Reads the JSON of a statistics callback. False when it is none. lags has BRIDGE_LAGS_MAX places;
 * partitions of `topic` that are not assigned to us are left out. */
bool stats_read(const char *json, size_t len, const char *topic, bool *ret_connected,
                struct bridge_lag *lags, size_t *ret_lags_len);
