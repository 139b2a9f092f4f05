/* server/kafka_check.h - checks whether the configuration of the topics suits the server.
 *
 * Room     server.
 * Owns     nothing.
 * Threads  kafka_check_rate() any; kafka_check_run() main's, and it blocks on the broker for some
 *          seconds at most.
 */
#pragma once

#include <stddef.h>

#include "bridge/kafka/topics.h"
#include "engine/host/host_check.h"
#include "schema/base/base.h"

struct kafka_config_settings;

#define KAFKA_CHECK_MAX 32

/* Pure: writes a diagnostic for each rule that a topic breaks, or HOST_OK for a topic that breaks
 * none. Never HOST_UNFIT, because the server can still judge over HTTP. Returns how many. */
size_t kafka_check_rate(const struct topics_view topics[TOPICS_COUNT],
                        struct host_diagnostic out[KAFKA_CHECK_MAX]);

/* Queries the topics and rates them, for `scrc --check`. A broker that cannot be reached is a
 * diagnostic. Returns 0 without KAFKA_BROKERS. Call kafka_config_check() before. */
size_t kafka_check_run(const struct kafka_config_settings *s,
                       struct host_diagnostic out[KAFKA_CHECK_MAX]);
