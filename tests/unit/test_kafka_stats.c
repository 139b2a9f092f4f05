/* What is read of librdkafka's statistics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/stats.h"

struct seen {
    bool ok, connected;
    struct bridge_lag lags[BRIDGE_LAGS_MAX];
    size_t len;
};

static struct seen look(const char *json)
{
    struct seen s = { .len = 77 };

    s.ok = stats_read(json, strlen(json), "scripts", &s.connected, s.lags, &s.len);
    return s;
}

/* Messages 100 to 199 are there. */
#define PARTITION(n, state, committed)                                                             \
    "\"" #n "\":{\"partition\":" #n ",\"fetch_state\":\"" state "\",\"lo_offset\":100,"            \
    "\"hi_offset\":200,\"committed_offset\":" #committed ",\"consumer_lag\":-1}"
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

static void the_lag_of_each_partition(void **state)
{
    (void)state;
    struct seen s =
        look("{" SCRIPTS(PARTITION(0, "active", 195) "," PARTITION(2, "active", 200)) "}");
    assert_true(s.ok);
    assert_int_equal(s.len, 2);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(s.lags[i].lag, s.lags[i].partition == 0 ? 5 : 0);
    assert_int_equal(s.lags[0].partition + s.lags[1].partition, 2);
}

/* librdkafka lists partitions that another one of the group reads, and one of its own. */
static void those_of_others_are_left_out(void **state)
{
    (void)state;
    struct seen s = look("{" SCRIPTS(PARTITION(-1, "active", 9) "," PARTITION(
        0, "none", 9) "," PARTITION(1, "stopped", 9) "," PARTITION(3, "active", 196)) "}");
    assert_int_equal(s.len, 1);
    assert_int_equal(s.lags[0].partition, 3);
    assert_int_equal(s.lags[0].lag, 4);
}

/* Nothing committed yet, or messages deleted since: what is there and was not read. */
static void what_is_not_there_does_not_wait(void **state)
{
    (void)state;
    struct seen s =
        look("{" SCRIPTS(PARTITION(0, "active", -1001) "," PARTITION(1, "active", 40)) "}");
    assert_int_equal(s.len, 2);
    assert_int_equal(s.lags[0].lag, 100);
    assert_int_equal(s.lags[1].lag, 100);
}

static void a_lag_that_is_not_known(void **state)
{
    (void)state;
    struct seen s = look("{" SCRIPTS("\"0\":{\"partition\":0,\"fetch_state\":\"active\","
                                     "\"lo_offset\":-1001,\"hi_offset\":-1001,"
                                     "\"committed_offset\":-1001}") "}");
    assert_int_equal(s.len, 1);
    assert_int_equal(s.lags[0].lag, -1);
}

static void other_topics_are_not_ours(void **state)
{
    (void)state;
    struct seen s =
        look("{\"topics\":{\"other\":{\"partitions\":{" PARTITION(0, "active", 5) "}}}}");
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
        cmocka_unit_test(the_lag_of_each_partition),
        cmocka_unit_test(those_of_others_are_left_out),
        cmocka_unit_test(what_is_not_there_does_not_wait),
        cmocka_unit_test(a_lag_that_is_not_known),
        cmocka_unit_test(other_topics_are_not_ours),
        cmocka_unit_test(there_is_room_for_so_many),
        cmocka_unit_test(what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
