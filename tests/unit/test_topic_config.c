/* What is asked about topics where the broker cannot say it: librdkafka's broker of straw knows no
 * DescribeConfigs. test_kafka_topics.py asks a real one. */
#include <string.h>

#include "bridge/kafka/topic_config.h"
#include "bridge/kafka/topics.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "tests/support/assert_err.h"
#include "tests/support/world.h"

#define SOON_MS 500

static void what_is_not_said_has_a_default(void **state)
{
    struct world *w = *state;
    struct topic_config c = { .max_message_bytes = 7 };
    struct err e = { 0 };

    assert_int_equal(topic_config_read(w->stranger, "results", SOON_MS, &c, &e), -1);
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    assert_non_null(strstr(e.msg, "results"));
    assert_int_equal(c.max_message_bytes, 7);
    assert_int_equal(topic_config_max_bytes(w->stranger, "results", SOON_MS),
                     TOPIC_CONFIG_MAX_BYTES);
}

static void partitions_and_copies(void **state)
{
    struct world *w = *state;
    struct topic_config_copies c = { 0 };
    struct err e = { 0 };

    assert_int_equal(topic_config_copies(w->stranger, "results", 10 * SOON_MS, &c, &e), 0);
    assert_int_equal(c.partitions, 2);
    assert_int_equal(c.replicas, 1);
}

/* In time, and with a reason. */
static void nobody_is_there(void **state)
{
    struct world *w = *state;
    struct bridge_config config = w->config;
    struct topics_view topics[TOPICS_COUNT];
    struct topic_config c;
    struct err e = { 0 };
    int64_t begin = clock_mono_ns();

    assert_int_equal(rd_kafka_mock_broker_set_down(w->cluster, 1), 0);
    assert_int_equal(topic_config_read(w->stranger, "results", SOON_MS, &c, &e), -1);
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    config.brokers = "127.0.0.1:1";
    assert_int_equal(topics_look(&config, SOON_MS, topics, &e), -1);
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    assert_non_null(strstr(e.msg, "127.0.0.1:1"));
    assert_true(clock_mono_ns() - begin < PATIENCE_S * NS_PER_S);
}

static void what_is_known_without_the_right(void **state)
{
    struct world *w = *state;
    struct topics_view topics[TOPICS_COUNT];
    struct err e = { 0 };

    assert_int_equal(topics_look(&w->config, SOON_MS, topics, &e), 0);
    assert_string_equal(topics[TOPICS_SCRIPTS].name, "scripts");
    assert_string_equal(topics[TOPICS_LETTERS].name, "scripts.dead-letter");
    for (int i = 0; i < TOPICS_COUNT; i++) {
        const struct topics_view *t = &topics[i];
        assert_true(t->counted && !t->read && !t->missing);
        assert_int_equal(t->copies.partitions, i == TOPICS_LETTERS ? 1 : 2);
        assert_non_null(strstr(t->why, t->name));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(what_is_not_said_has_a_default),
        IN_WORLD(partitions_and_copies),
        IN_WORLD(nobody_is_there),
        IN_WORLD(what_is_known_without_the_right),
    };
    log_init(LOG_ERROR, false);
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
