/* Connection and assigned partitions, from librdkafka's statistics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/kafka/kafka_stats.h"

struct stats_result {
    bool ok, connected;
    struct bridge_lag lags[BRIDGE_LAGS_MAX];
    size_t len;
};

static struct stats_result read_stats(const char *json)
{
    struct stats_result s = { .len = 77 };

    s.ok = kafka_stats_read(json, strlen(json), "scripts", &s.connected, s.lags, &s.len);
    return s;
}

#define PARTITION(n, state)                                                                        \
    "\"" #n "\":{\"partition\":" #n ",\"fetch_state\":\"" state "\",\"consumer_lag\":7}"
#define SCRIPTS(partitions) "\"topics\":{\"scripts\":{\"partitions\":{" partitions "}}}"
#define STATE(state, us)    "{\"state\":\"" state "\",\"stateage\":" #us "}"
#define BOOTSTRAP           "\"a\":{\"nodeid\":-1,\"state\":\"UP\",\"stateage\":900000}"
#define BROKER(state, us)   "\"brokers\":{\"b:9092/1\":" STATE(state, us) "}"

static void one_broker_is_enough(void **state)
{
    (void)state;
    assert_true(read_stats("{" BROKER("UP", 900000) "}").connected);
    assert_false(read_stats("{" BROKER("UP", 2000) "}")
                     .connected); /* a listener that closes the connection */
    assert_false(read_stats("{" BROKER("TRY_CONNECT", 900000) "}").connected);
    assert_true(
        read_stats("{\"brokers\":{\"a\":" STATE("DOWN", 0) ",\"b\":" STATE("UP", 900000) "}}")
            .connected);
    assert_false(read_stats("{\"brokers\":{}}").connected);
    assert_true(read_stats("{\"brokers\":{" BOOTSTRAP "}}").connected);
    assert_true(
        read_stats("{\"brokers\":{" BOOTSTRAP ",\"b\":" STATE("INIT", 900000) "}}").connected);
    /* The advertised broker cannot be reached. */
    assert_false(
        read_stats("{\"brokers\":{" BOOTSTRAP ",\"b\":" STATE("DOWN", 900000) "}}").connected);
}

/* librdkafka also lists partitions of other members, and an internal one (-1). */
static void only_assigned_partitions_are_listed(void **state)
{
    (void)state;
    struct stats_result s =
        read_stats("{" SCRIPTS(PARTITION(-1, "active") "," PARTITION(0, "none") "," PARTITION(
            1, "stopped") "," PARTITION(3, "active") "," PARTITION(4, "offset-query")) "}");
    assert_true(s.ok);
    assert_int_equal(s.len, 2);
    assert_int_equal(s.lags[0].partition, 3);
    assert_int_equal(s.lags[1].partition, 4);
    assert_int_equal(s.lags[0].lag, -1);
}

static void other_topics_are_ignored(void **state)
{
    (void)state;
    struct stats_result s =
        read_stats("{\"topics\":{\"other\":{\"partitions\":{" PARTITION(0, "active") "}}}}");
    assert_true(s.ok);
    assert_int_equal(s.len, 0);
}

static void the_list_of_partitions_is_bounded(void **state)
{
    static char json[BRIDGE_LAGS_MAX * 200];
    size_t len = (size_t)snprintf(json, sizeof json, "{\"topics\":{\"scripts\":{\"partitions\":{");
    (void)state;

    for (int i = 0; i < BRIDGE_LAGS_MAX + 5; i++)
        len += (size_t)snprintf(json + len, sizeof json - len,
                                "%s\"%d\":{\"partition\":%d,\"fetch_state\":\"active\"}",
                                i ? "," : "", i, i);
    (void)snprintf(json + len, sizeof json - len, "}}}}");
    struct stats_result s = read_stats(json);
    assert_true(s.ok);
    assert_int_equal(s.len, BRIDGE_LAGS_MAX);
}

/* Text that is not JSON leaves the results unchanged. */
static void unexpected_json_is_ignored(void **state)
{
    (void)state;
    struct stats_result s = read_stats("{\"brokers\":");
    assert_false(s.ok || s.connected);
    assert_int_equal(s.len, 77);
    s = read_stats("{}");
    assert_true(s.ok && !s.connected);
    assert_int_equal(s.len, 0);
    s = read_stats("{\"brokers\":[1],\"topics\":{\"scripts\":3}}");
    assert_true(s.ok && !s.connected);
    assert_int_equal(s.len, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_broker_is_enough),
        cmocka_unit_test(only_assigned_partitions_are_listed),
        cmocka_unit_test(other_topics_are_ignored),
        cmocka_unit_test(the_list_of_partitions_is_bounded),
        cmocka_unit_test(unexpected_json_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
