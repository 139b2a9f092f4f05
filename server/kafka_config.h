/* server/kafka_config.h - the bridge as the settings want it.
 *
 * Room     server.
 * Owns     nothing.
 * Threads  main's.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include "bridge/bridge.h"
#include "bridge/kafka/topics.h"

struct config;
struct language_table;

/* What the bridge's settings are made of; all borrowed. */
struct kafka_config_settings {
    const struct config *config;
    const struct language_table *languages;
    char *const *environment; /* "NAME=value", for what goes to the Kafka library as it is */
};

/* What is wrong with its settings, before a table is opened. Without KAFKA_BROKERS nothing is. */
NODISCARD int kafka_check(const struct kafka_config_settings *s, struct err *e);

/* bridge_open(); NULL without KAFKA_BROKERS. Borrows all for as long as the bridge lives. */
NODISCARD int kafka_config_open(const struct kafka_config_settings *s, struct jobs *jobs,
                                const struct bridge_hooks *hooks, struct bridge **ret_bridge,
                                struct err *e);

/* topics_query(), with KAFKA_BROKERS set. Blocks for some seconds at most. */
NODISCARD int kafka_config_topics(const struct kafka_config_settings *s,
                                  struct topics_view out[TOPICS_COUNT], struct err *e);
