/* bridge/kafka/topics.h - queries the state of the three topics, for the checks at setup.
 *
 * Room     bridge/kafka.
 * Owns     nothing; it connects for the call only.
 * Threads  any; blocks on the broker for at most little more than timeout_ms.
 * Errors   0, or -1 with *e filled: ERR_UNAVAILABLE: no broker answers; ERR_SETTING.
 */
#pragma once

#include <stdbool.h>

#include "bridge/kafka/topic_config.h"

struct bridge_config;
struct err;

#define TOPICS_NAME_SIZE 250

enum topics_role { TOPICS_SCRIPTS, TOPICS_RESULTS, TOPICS_DEAD_LETTERS, TOPICS_COUNT };

struct topics_view {
    char name[TOPICS_NAME_SIZE];
    bool missing;  /* there is no such topic */
    bool counted;  /* `copies` is known */
    bool read;     /* `config` is known */
    char why[200]; /* why something is not known; "" when missing */
    struct topic_config_copies copies;
    struct topic_config config;
};

/* Fills in out, indexed by enum topics_role. Creates no topic. */
NODISCARD int topics_query(const struct bridge_config *c, int timeout_ms,
                           struct topics_view out[TOPICS_COUNT], struct err *e);
