/* Topic queries that the broker does not answer: librdkafka's mock broker has no DescribeConfigs.
 * test_kafka_topics.py uses a real one. */
#include <string.h>

#include "bridge/kafka/topic_config.h"
#include "bridge/kafka/topics.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "tests/support/assert_err.h"
#include "tests/support/world.h"

#define TIMEOUT_MS 500

static void an_unknown_limit_has_a_default(void **state)
{
    struct world *w = *state;
    struct topic_config c = { .max_message_bytes = 7 };
    struct err e = { 0 };

    assert_int_equal(topic_config_read(w->stranger, "results", TIMEOUT_MS, &c, &e), -1);
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    assert_non_null(strstr(e.msg, "results"));
    assert_int_equal(c.max_message_bytes, 7);
    assert_int_equal(topic_config_max_bytes(w->stranger, "results", TIMEOUT_MS),
                     TOPIC_CONFIG_MAX_BYTES);
}

static void partitions_and_replicas_are_counted(void **state)
{
    struct world *w = *state;
    struct topic_config_copies c = { 0 };
    struct err e = { 0 };

    assert_int_equal(topic_config_copies(w->stranger, "results", 10 * TIMEOUT_MS, &c, &e), 0);
    assert_int_equal(c.partitions, 2);
    assert_int_equal(c.replicas, 1);
}

/* It fails in time, with a reason. */
static void no_broker_is_an_error(void **state)
{
    struct world *w = *state;
    struct bridge_config config = w->config;
    struct topics_view topics[TOPICS_COUNT];
    struct topic_config c;
    struct err e = { 0 };
    int64_t begin = clock_mono_ns();

    assert_int_equal(rd_kafka_mock_broker_set_down(w->cluster, 1), 0);
    assert_int_equal(topic_config_read(w->stranger, "results", TIMEOUT_MS, &c, &e), -1);
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    config.brokers = "127.0.0.1:1";
    assert_int_equal(topics_query(&config, TIMEOUT_MS, topics, &e), -1);
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    assert_non_null(strstr(e.msg, "127.0.0.1:1"));
    assert_true(clock_mono_ns() - begin < PATIENCE_S * NS_PER_S);
}

static void copies_are_known_without_the_config(void **state)
{
    struct world *w = *state;
    struct topics_view topics[TOPICS_COUNT];
    struct err e = { 0 };

    assert_int_equal(topics_query(&w->config, TIMEOUT_MS, topics, &e), 0);
    assert_string_equal(topics[TOPICS_SCRIPTS].name, "scripts");
    assert_string_equal(topics[TOPICS_DEAD_LETTERS].name, "scripts.dead-letter");
    for (int i = 0; i < TOPICS_COUNT; i++) {
        const struct topics_view *t = &topics[i];
        assert_true(t->counted && !t->read && !t->missing);
        assert_int_equal(t->copies.partitions, i == TOPICS_DEAD_LETTERS ? 1 : 2);
        assert_non_null(strstr(t->why, t->name));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(an_unknown_limit_has_a_default),
        IN_WORLD(partitions_and_replicas_are_counted),
        IN_WORLD(no_broker_is_an_error),
        IN_WORLD(copies_are_known_without_the_config),
    };
    log_init(LOG_ERROR, false);
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
