/* bridge/kafka/kafka_conf.h - makes librdkafka configurations from our settings and KAFKA_PROP_*.
 *
 * Room     bridge/kafka: what consumer and relay share: settings, handles, topics, health, lag.
 *          May include schema only.
 * Owns     nothing; the caller owns *ret_conf until rd_kafka_new() takes it.
 * Threads  any.
 * Errors   0, or -1 with *e filled: ERR_SETTING names the variable, and never shows a secret value.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

#include "schema/base/base.h"

struct bridge_config;
struct err;

enum kafka_conf_for { KAFKA_CONF_CONSUMER, KAFKA_CONF_PRODUCER, KAFKA_CONF_SCAN, KAFKA_CONF_LAG };

NODISCARD int kafka_conf_make(const struct bridge_config *c, enum kafka_conf_for what,
                              rd_kafka_conf_t **ret_conf, struct err *e);

/* Checks the topics' names by the broker's rules, and that every configuration can be made. */
NODISCARD int kafka_conf_check(const struct bridge_config *c, struct err *e);

/* Whether the value of "KAFKA_PROP_NAME=value" is no secret. False when the value is empty. */
bool kafka_conf_shown(const char *variable);

#define KAFKA_CONF_TOPIC_MAX 249

/* KAFKA_DEAD_LETTER_TOPIC, or its default. */
void kafka_conf_dead_letter_topic(const struct bridge_config *c,
                                  char out[KAFKA_CONF_TOPIC_MAX + 1]);
