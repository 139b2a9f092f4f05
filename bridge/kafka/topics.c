#include "bridge/kafka/topics.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <string.h>

#include "bridge/kafka/bridge_config.h"
#include "bridge/kafka/handle.h"
#include "bridge/kafka/kafka_conf.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"

#define END_NS   (1 * NS_PER_S)
#define LEAST_MS 50 /* timeout of a request when the time is already over */

_Static_assert(TOPICS_NAME_SIZE == KAFKA_CONF_TOPIC_MAX + 1, "a topic's name");

struct connection_error {
    char why[200]; /* of the last one; "": none */
};

/* "All brokers down" is dropped: the error before it has the cause. */
static void on_error(rd_kafka_t *rk, int code, const char *reason, void *ctx)
{
    struct connection_error *error = ctx;

    (void)rk;
    if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        (void)snprintf(error->why, sizeof error->why, "%s", reason);
}

static int open_query_handle(const struct bridge_config *c, struct connection_error *error,
                             rd_kafka_t **ret_rk, struct err *e)
{
    rd_kafka_conf_t *conf = NULL;
    char why[300];

    if (kafka_conf_make(c, KAFKA_CONF_SCAN, &conf, e) < 0)
        return -1;
    rd_kafka_conf_set_opaque(conf, error);
    rd_kafka_conf_set_log_cb(conf, handle_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    *ret_rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (*ret_rk)
        return 0;
    rd_kafka_conf_destroy(conf);
    return err_set(e, ERR_SETTING, "Kafka: %s", why);
}

struct broker_query {
    rd_kafka_t *rk;
    struct connection_error error;
    int64_t deadline_ns;
};

static int left_ms(const struct broker_query *q)
{
    int64_t ms = (q->deadline_ns - clock_mono_ns()) / NS_PER_MS;

    return ms < LEAST_MS ? LEAST_MS : (int)ms;
}

/* Succeeds if any broker answers. */
static int find_broker(struct broker_query *q, struct err *e)
{
    const struct rd_kafka_metadata *all = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(q->rk, 0, NULL, &all, left_ms(q));

    if (all)
        rd_kafka_metadata_destroy(all);
    (void)rd_kafka_poll(q->rk, 0); /* for on_error() */
    if (!code)
        return 0;
    return err_set(e, ERR_UNAVAILABLE, "no broker of KAFKA_BROKERS answers: %s",
                   q->error.why[0] ? q->error.why : rd_kafka_err2str(code));
}

static void query_topic(const struct broker_query *q, struct topics_view *v)
{
    struct err e;

    if (topic_config_copies(q->rk, v->name, left_ms(q), &v->copies, &e) == 0)
        v->counted = true;
    else if (e.kind == ERR_NOT_FOUND)
        v->missing = true;
    else
        (void)snprintf(v->why, sizeof v->why, "%.199s", e.msg);
    if (v->missing)
        return;
    if (topic_config_read(q->rk, v->name, left_ms(q), &v->config, &e) == 0)
        v->read = true;
    else if (!v->why[0])
        (void)snprintf(v->why, sizeof v->why, "%.199s", e.msg);
}

int topics_query(const struct bridge_config *c, int timeout_ms,
                 struct topics_view out[TOPICS_COUNT], struct err *e)
{
    struct broker_query q = { .deadline_ns = clock_mono_ns() + timeout_ms * NS_PER_MS };

    memset(out, 0, TOPICS_COUNT * sizeof *out);
    (void)snprintf(out[TOPICS_SCRIPTS].name, TOPICS_NAME_SIZE, "%s", c->topic);
    (void)snprintf(out[TOPICS_RESULTS].name, TOPICS_NAME_SIZE, "%s", c->results_topic);
    kafka_conf_dead_letter_topic(c, out[TOPICS_DEAD_LETTERS].name);
    if (open_query_handle(c, &q.error, &q.rk, e) < 0)
        return -1;
    int result = find_broker(&q, e);
    for (int i = 0; i < TOPICS_COUNT && result == 0; i++)
        query_topic(&q, &out[i]);
    handle_destroy(q.rk, 0, END_NS);
    return result;
}
