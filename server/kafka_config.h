/* server/kafka_config.h - checks and opens the bridge with the settings of the server.
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

/* From what the bridge's settings are made; all borrowed. */
struct kafka_config_settings {
    const struct config *config;
    const struct language_table *languages;
    char *const *environment; /* "NAME=value"; the bridge reads KAFKA_PROP_... from it */
};

/* Checks the bridge's settings, before the table is opened. 0 without KAFKA_BROKERS. */
NODISCARD int kafka_config_check(const struct kafka_config_settings *s, struct err *e);

/* bridge_open(). Without KAFKA_BROKERS it returns 0 and leaves *ret_bridge as it is. Borrows all
 * until bridge_free(). */
NODISCARD int kafka_config_open(const struct kafka_config_settings *s, struct jobs *jobs,
                                const struct bridge_hooks *hooks, struct bridge **ret_bridge,
                                struct err *e);

/* topics_query(). Only with KAFKA_BROKERS set. Blocks for some seconds at most. */
NODISCARD int kafka_config_topics(const struct kafka_config_settings *s,
                                  struct topics_view out[TOPICS_COUNT], struct err *e);
