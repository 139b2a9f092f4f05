/* bridge/kafka/topic_config.h - the limits of a topic, and how the broker stores it.
 *
 * Room     bridge/kafka.
 * Owns     nothing; borrows the handle, of a producer or of a consumer.
 * Threads  any; blocks on the broker, for timeout_ms at most.
 * Errors   0, or -1 with *e filled: ERR_NOT_FOUND: there is no such topic; ERR_UNAVAILABLE: no
 *          broker answers, or we lack a right, which the message names.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct err;
struct rd_kafka_s; /* rd_kafka_t, without its header */

struct topic_config {
    int64_t max_message_bytes; /* of a record batch, see topic_config_max_bytes() */
    int64_t min_insync_replicas;
    int64_t retention_ms;   /* negative: for ever */
    bool compacts, deletes; /* cleanup.policy */
};

struct topic_config_copies {
    int partitions;
    int replicas; /* of the partition that has the fewest */
};

#define TOPIC_CONFIG_TIMEOUT_MS 5000
/* Used when the limit is not known: a little less than the broker's default (1,048,588). */
#define TOPIC_CONFIG_MAX_BYTES 1000000

/* Needs the right DESCRIBE_CONFIGS. Creates no topic. */
NODISCARD int topic_config_read(struct rd_kafka_s *rk, const char *topic, int timeout_ms,
                                struct topic_config *ret_config, struct err *e);

/* Needs the right DESCRIBE. With a producer's handle it creates the topic where the broker allows
 * that. */
NODISCARD int topic_config_copies(struct rd_kafka_s *rk, const char *topic, int timeout_ms,
                                  struct topic_config_copies *ret_copies, struct err *e);

/* The topic's max.message.bytes, or TOPIC_CONFIG_MAX_BYTES when it cannot be read (the debug log
 * has the reason). Always more than 0.
 *
 * The broker measures the record batch as sent: compressed if the producer compresses, with 61
 * bytes of overhead, and up to 21 for each record beside its key, value and headers. So a message
 * fits if it does alone in its batch; several that fit alone may be too large together. */
int64_t topic_config_max_bytes(struct rd_kafka_s *rk, const char *topic, int timeout_ms);
