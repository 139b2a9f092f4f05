#include "tests/support/world.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/assert_err.h"

int world_setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    /* The cluster of straw lets a member that comes back wait for nearly all of this. */
    static char session[] = "KAFKA_PROP_SESSION_TIMEOUT_MS=6000";
    static char *environment[] = { session, NULL };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    void *table = NULL;
    char why[200];

    assert_int_equal(job_table_setup(&table), 0);
    w->table = table;
    w->table->config.publish_all = true;
    job_table_reopen(w->table);
    assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers", "127.0.0.1:1", why, sizeof why),
                     RD_KAFKA_CONF_OK);
    rd_kafka_conf_set_log_cb(conf, NULL);
    w->stranger = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    assert_non_null(w->stranger);
    w->cluster = rd_kafka_mock_cluster_new(w->stranger, 1);
    assert_non_null(w->cluster);
    w->config = (struct bridge_config){ .brokers = rd_kafka_mock_cluster_bootstraps(w->cluster),
                                        .topic = "scripts",
                                        .group_id = "g",
                                        .results_topic = "results",
                                        .environment = environment,
                                        .test_io = true,
                                        .max_body_bytes = 100000,
                                        .max_queued = 100000,
                                        .prefetch = 100000,
                                        .rules = { .max_tests = 100,
                                                   .max_source_bytes = 10000,
                                                   .max_depth = 8,
                                                   .max_time_ms = 300000,
                                                   .max_memory_bytes = 1 << 30,
                                                   .default_checker = CHECKER_INIT(CHECKER_LINES),
                                                   .knows_language = row_knows_any } };
    assert_int_equal(rd_kafka_mock_topic_create(w->cluster, "scripts", 2, 1), 0);
    assert_int_equal(rd_kafka_mock_topic_create(w->cluster, "results", 2, 1), 0);
    assert_int_equal(rd_kafka_mock_topic_create(w->cluster, "scripts.dead-letter", 1, 1), 0);
    assert_true(rd_kafka_brokers_add(w->stranger, w->config.brokers) > 0);
    kafka_health_init(&w->tally);
    *state = w;
    return 0;
}

int world_teardown(void **state)
{
    struct world *w = *state;
    void *table = w->table;

    rd_kafka_mock_cluster_destroy(w->cluster);
    rd_kafka_destroy(w->stranger);
    kafka_health_done(&w->tally);
    free(w);
    return job_table_teardown(&table);
}

void world_write(struct world *w, const char *topic, const char *key, const char *value,
                 const char *header)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(1);

    if (header)
        (void)rd_kafka_header_add(headers, "scrc-outbox", -1, header, -1);
    assert_int_equal(
        rd_kafka_producev(
            w->stranger, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(key, key ? strlen(key) : 0),
            RD_KAFKA_V_VALUE((void *)(uintptr_t)value, value ? strlen(value) : 0),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END),
        0);
}

void world_flush(struct world *w)
{
    assert_int_equal(rd_kafka_flush(w->stranger, PATIENCE_S * 1000), 0);
}

size_t world_read(struct world *w, const char *topic,
                  void (*seen)(void *ctx, const rd_kafka_message_t *m), void *ctx)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[200];
    size_t n = 0;

    (void)rd_kafka_conf_set(conf, "bootstrap.servers", w->config.brokers, why, sizeof why);
    (void)rd_kafka_conf_set(conf, "enable.partition.eof", "true", why, sizeof why);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    rd_kafka_topic_t *t = rd_kafka_topic_new(rk, topic, NULL);
    rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
    int partitions = strcmp(topic, "scripts.dead-letter") == 0 ? 1 : 2, left = partitions;
    for (int p = 0; p < partitions; p++)
        assert_int_equal(rd_kafka_consume_start_queue(t, p, RD_KAFKA_OFFSET_BEGINNING, q), 0);
    while (left > 0) {
        rd_kafka_message_t *m = rd_kafka_consume_queue(q, PATIENCE_S * 1000);
        assert_non_null(m);
        if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            left--;
        } else if (!m->err) {
            n++;
            if (seen)
                seen(ctx, m);
        }
        rd_kafka_message_destroy(m);
    }
    for (int p = 0; p < partitions; p++)
        (void)rd_kafka_consume_stop(t, p);
    rd_kafka_queue_destroy(q);
    rd_kafka_topic_destroy(t);
    rd_kafka_destroy(rk);
    return n;
}
