/* What is read of librdkafka's statistics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/kafka/kafka_stats.h"

struct seen {
    bool ok, connected;
    struct bridge_lag lags[BRIDGE_LAGS_MAX];
    size_t len;
};

static struct seen look(const char *json)
{
    struct seen s = { .len = 77 };

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
    assert_true(look("{" BROKER("UP", 900000) "}").connected);
    assert_false(look("{" BROKER("UP", 2000) "}").connected); /* at a listener that hangs up */
    assert_false(look("{" BROKER("TRY_CONNECT", 900000) "}").connected);
    assert_true(
        look("{\"brokers\":{\"a\":" STATE("DOWN", 0) ",\"b\":" STATE("UP", 900000) "}}").connected);
    assert_false(look("{\"brokers\":{}}").connected);
    assert_true(look("{\"brokers\":{" BOOTSTRAP "}}").connected);
    assert_true(look("{\"brokers\":{" BOOTSTRAP ",\"b\":" STATE("INIT", 900000) "}}").connected);
    /* What it advertises is not reached. */
    assert_false(look("{\"brokers\":{" BOOTSTRAP ",\"b\":" STATE("DOWN", 900000) "}}").connected);
}

/* librdkafka lists partitions that another one of the group reads, and one of its own. */
static void our_partitions(void **state)
{
    (void)state;
    struct seen s = look("{" SCRIPTS(PARTITION(-1, "active") "," PARTITION(0, "none") "," PARTITION(
        1, "stopped") "," PARTITION(3, "active") "," PARTITION(4, "offset-query")) "}");
    assert_true(s.ok);
    assert_int_equal(s.len, 2);
    assert_int_equal(s.lags[0].partition, 3);
    assert_int_equal(s.lags[1].partition, 4);
    assert_int_equal(s.lags[0].lag, -1);
}

static void other_topics_are_not_ours(void **state)
{
    (void)state;
    struct seen s = look("{\"topics\":{\"other\":{\"partitions\":{" PARTITION(0, "active") "}}}}");
    assert_true(s.ok);
    assert_int_equal(s.len, 0);
}

static void there_is_room_for_so_many(void **state)
{
    static char json[BRIDGE_LAGS_MAX * 200];
    size_t len = (size_t)snprintf(json, sizeof json, "{\"topics\":{\"scripts\":{\"partitions\":{");
    (void)state;

    for (int i = 0; i < BRIDGE_LAGS_MAX + 5; i++)
        len += (size_t)snprintf(json + len, sizeof json - len,
                                "%s\"%d\":{\"partition\":%d,\"fetch_state\":\"active\"}",
                                i ? "," : "", i, i);
    (void)snprintf(json + len, sizeof json - len, "}}}}");
    struct seen s = look(json);
    assert_true(s.ok);
    assert_int_equal(s.len, BRIDGE_LAGS_MAX);
}

/* What is no JSON changes nothing. */
static void what_is_none(void **state)
{
    (void)state;
    struct seen s = look("{\"brokers\":");
    assert_false(s.ok || s.connected);
    assert_int_equal(s.len, 77);
    s = look("{}");
    assert_true(s.ok && !s.connected);
    assert_int_equal(s.len, 0);
    s = look("{\"brokers\":[1],\"topics\":{\"scripts\":3}}");
    assert_true(s.ok && !s.connected);
    assert_int_equal(s.len, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_broker_is_enough),
        cmocka_unit_test(our_partitions),
        cmocka_unit_test(other_topics_are_not_ours),
        cmocka_unit_test(there_is_room_for_so_many),
        cmocka_unit_test(what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
