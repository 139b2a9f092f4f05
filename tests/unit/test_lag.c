/* Consumer lag at librdkafka's mock broker; test_kafka_topics.py compares it with Kafka's own
 * tool. */
#include "bridge/kafka/lag.h"
#include "schema/base/log.h"
#include "tests/support/assert_err.h"
#include "tests/support/world.h"

static void write_to(struct world *w, int32_t partition, int n)
{
    for (int i = 0; i < n; i++)
        assert_int_equal(rd_kafka_producev(w->stranger, RD_KAFKA_V_TOPIC("scripts"),
                                           RD_KAFKA_V_PARTITION(partition),
                                           RD_KAFKA_V_VALUE((void *)(uintptr_t) "x", 1),
                                           RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                           RD_KAFKA_V_END),
                         0);
    world_flush(w);
}

static void commit(struct world *w, int32_t partition, int64_t offset)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    char why[200];

    (void)rd_kafka_conf_set(conf, "bootstrap.servers", w->config.brokers, why, sizeof why);
    (void)rd_kafka_conf_set(conf, "group.id", w->config.group_id, why, sizeof why);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    assert_non_null(rk);
    rd_kafka_topic_partition_list_add(list, "scripts", partition)->offset = offset;
    assert_int_equal(rd_kafka_commit(rk, list, 0), 0);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
}

static int64_t lag_in(struct world *w, size_t i)
{
    struct bridge_health h;

    kafka_health_read(&w->tally, &h);
    return i < h.lags_len ? h.lags[i].lag : -2;
}

static void lag_follows_writes_and_commits(void **state)
{
    static const struct bridge_lag assigned[] = { { 0, -1 }, { 1, -1 } };
    struct world *w = *state;
    struct lag *l = NULL;
    struct err e = { 0 };

    assert_int_equal(lag_open(&w->config, w->table->j, &w->tally, &l, &e), 0);
    assert_int_equal(lag_start(l, &e), 0);
    write_to(w, 0, 10);
    kafka_health_partitions(&w->tally, assigned, 2);
    WAIT_UNTIL(lag_in(w, 0) == 10 && lag_in(w, 1) == 0); /* no offset is committed */
    commit(w, 0, 4);
    WAIT_UNTIL(lag_in(w, 0) == 6);
    write_to(w, 1, 3);
    WAIT_UNTIL(lag_in(w, 0) == 6 && lag_in(w, 1) == 3);
    kafka_health_partitions(&w->tally, assigned, 2); /* the same ones: known lags stay */
    assert_int_equal(lag_in(w, 0), 6);
    commit(w, 0, 10);
    WAIT_UNTIL(lag_in(w, 0) == 0);
    kafka_health_partitions(&w->tally, assigned + 1, 1);
    WAIT_UNTIL(lag_in(w, 0) == 3 && lag_in(w, 1) == -2);
    kafka_health_partitions(&w->tally, assigned, 0);
    assert_int_equal(lag_in(w, 0), -2);
    assert_null(lag_free(l));
}

static int64_t unreported(struct world *w)
{
    struct bridge_health h;

    kafka_health_read(&w->tally, &h);
    return h.unreported;
}

/* Needs no broker. */
static void unreported_submissions_are_counted(void **state)
{
    struct world *w = *state;
    struct lag *l = NULL;
    struct err e = { 0 };

    assert_int_equal(rd_kafka_mock_broker_set_down(w->cluster, 1), 0);
    assert_int_equal(lag_open(&w->config, w->table->j, &w->tally, &l, &e), 0);
    assert_int_equal(lag_start(l, &e), 0);
    (void)topic_take_ok(w->table->j, "a", 5);
    (void)topic_take_ok(w->table->j, "b", 6);
    WAIT_UNTIL(unreported(w) == 2);
    (void)topic_judge(w->table->j);
    topic_send_all(w->table->j);
    WAIT_UNTIL(unreported(w) == 1);
    assert_null(lag_free(l));
}

/* Without a broker the lag is unknown, and lag_free() does not wait for one. */
static void lag_is_unknown_without_a_broker(void **state)
{
    static const struct bridge_lag assigned[] = { { 0, -1 } };
    struct world *w = *state;
    struct lag *l = NULL;
    struct err e = { 0 };

    write_to(w, 0, 10);
    assert_int_equal(lag_open(&w->config, w->table->j, &w->tally, &l, &e), 0);
    assert_int_equal(lag_start(l, &e), 0);
    kafka_health_partitions(&w->tally, assigned, 1);
    WAIT_UNTIL(lag_in(w, 0) == 10);
    assert_int_equal(rd_kafka_mock_broker_set_down(w->cluster, 1), 0);
    WAIT_UNTIL(lag_in(w, 0) == -1);
    assert_int_equal(rd_kafka_mock_broker_set_up(w->cluster, 1), 0);
    WAIT_UNTIL(lag_in(w, 0) == 10);
    lag_halt(l);
    assert_null(lag_free(l));
}

int main(void)
{
    const struct CMUnitTest tests[] = { IN_WORLD(lag_follows_writes_and_commits),
                                        IN_WORLD(lag_is_unknown_without_a_broker),
                                        IN_WORLD(unreported_submissions_are_counted) };
    log_init(LOG_ERROR, false);
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
