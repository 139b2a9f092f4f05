/* tests/support/world.h - librdkafka's own broker of straw, and a stranger who reads and writes
 * there. It keeps little and forgets all; test_kafka.py has a real one. */
#pragma once

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <unistd.h>

#include "bridge/bridge.h"
#include "bridge/kafka/kafka_health.h"
#include "schema/base/clock.h"
#include "tests/support/topic_rows.h"

#define PATIENCE_S 60

struct world {
    struct job_table *table;
    rd_kafka_t *stranger; /* a producer, whose cluster it is */
    rd_kafka_mock_cluster_t *cluster;
    struct bridge_config config;
    struct kafka_health tally;
};

/* cmocka's set-up and tear-down; *state is a struct world. */
int world_setup(void **state);
int world_teardown(void **state);
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

/* The stranger writes a message. value NULL: a tombstone. header: of scrc-outbox; NULL: none. */
void world_write(struct world *w, const char *topic, const char *key, const char *value,
                 const char *header);
void world_flush(struct world *w);

/* Reads a topic from its beginning to its end; calls seen() for each message, if it is not NULL.
 * Returns how many there were. */
size_t world_read(struct world *w, const char *topic,
                  void (*seen)(void *ctx, const rd_kafka_message_t *m), void *ctx);

/* Polls, with a deadline: what is waited for happens in another thread. */
#define WAIT_UNTIL(condition)                                                                      \
    do {                                                                                           \
        int64_t end_ = clock_mono_ns() + PATIENCE_S * NS_PER_S;                                    \
        while (!(condition)) {                                                                     \
            if (clock_mono_ns() > end_)                                                            \
                fail_msg("not within %d s: %s", PATIENCE_S, #condition);                           \
            (void)usleep(2000);                                                                    \
        }                                                                                          \
    } while (0)
