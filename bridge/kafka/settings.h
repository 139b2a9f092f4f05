/* bridge/kafka/settings.h - from our settings and KAFKA_PROP_* to a librdkafka configuration.
 *
 * Room     bridge/kafka: what consumer and relay share: settings, handles, topics, health, lag.
 *          May know schema.
 * Owns     nothing; the caller owns *ret_conf until rd_kafka_new() takes it.
 * Threads  any.
 * Errors   0, or -1 with *e filled: ERR_SETTING names the variable, and shows no secret's value.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

#include "schema/base/base.h"

struct bridge_config;
struct err;

enum settings_for { SETTINGS_CONSUMER, SETTINGS_PRODUCER, SETTINGS_SCAN, SETTINGS_LAG };

NODISCARD int settings_make(const struct bridge_config *c, enum settings_for what,
                            rd_kafka_conf_t **ret_conf, struct err *e);

/* Names of topics, as the broker would have them; beyond that settings_make() for each. */
NODISCARD int settings_check(const struct bridge_config *c, struct err *e);

/* Whether the value of "KAFKA_PROP_NAME=value" may be shown to anybody. False without a value. */
bool settings_shown(const char *variable);

#define SETTINGS_TOPIC_MAX 249

/* KAFKA_DEAD_LETTER_TOPIC, or what stands for it. */
void settings_dead_letter_topic(const struct bridge_config *c, char out[SETTINGS_TOPIC_MAX + 1]);
