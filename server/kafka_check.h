/* server/kafka_check.h - `scrc --check`: whether the topics suit what is promised of them.
 *
 * Room     server.
 * Owns     nothing.
 * Threads  main's; kafka_check_look() blocks on the broker for some seconds at most.
 */
#pragma once

#include <stddef.h>

#include "bridge/kafka/topics.h"
#include "engine/host/host_check.h"
#include "schema/base/base.h"

struct kafka_config_settings;

#define KAFKA_CHECK_MAX 32

/* Pure: one finding for each thing that a topic's owner might mend, or one that says the topic is
 * as it should be. Never HOST_UNFIT: HTTP goes on, and messages wait. Returns how many. */
size_t kafka_check_rate(const struct topics_view topics[TOPICS_COUNT],
                        struct host_diagnostic out[KAFKA_CHECK_MAX]);

/* The same of the topics as they are. A broker that is away is a finding. Nothing (0) without
 * KAFKA_BROKERS. Wrong settings are for kafka_check() before. */
size_t kafka_check_look(const struct kafka_config_settings *s,
                        struct host_diagnostic out[KAFKA_CHECK_MAX]);
