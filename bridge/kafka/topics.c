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
#define LEAST_MS 50 /* for one question, when the time is over */

_Static_assert(TOPICS_NAME_SIZE == KAFKA_CONF_TOPIC_MAX + 1, "a topic's name");

struct said {
    char why[200]; /* the last error of the connection; "": none */
};

/* That all brokers are down says less than what came before. */
static void on_error(rd_kafka_t *rk, int code, const char *reason, void *ctx)
{
    struct said *said = ctx;

    (void)rk;
    if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        (void)snprintf(said->why, sizeof said->why, "%s", reason);
}

static int open_handle(const struct bridge_config *c, struct said *said, rd_kafka_t **ret_rk,
                       struct err *e)
{
    rd_kafka_conf_t *conf = NULL;
    char why[300];

    if (kafka_conf_make(c, KAFKA_CONF_SCAN, &conf, e) < 0)
        return -1;
    rd_kafka_conf_set_opaque(conf, said);
    rd_kafka_conf_set_log_cb(conf, handle_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    *ret_rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (*ret_rk)
        return 0;
    rd_kafka_conf_destroy(conf);
    return err_set(e, ERR_SETTING, "Kafka: %s", why);
}

struct looking {
    rd_kafka_t *rk;
    struct said said;
    int64_t until_ns;
};

static int left_ms(const struct looking *l)
{
    int64_t ms = (l->until_ns - clock_mono_ns()) / NS_PER_MS;

    return ms < LEAST_MS ? LEAST_MS : (int)ms;
}

/* Any answer will do. */
static int find_broker(struct looking *l, struct err *e)
{
    const struct rd_kafka_metadata *all = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(l->rk, 0, NULL, &all, left_ms(l));

    if (all)
        rd_kafka_metadata_destroy(all);
    (void)rd_kafka_poll(l->rk, 0); /* for on_error() */
    if (!code)
        return 0;
    return err_set(e, ERR_UNAVAILABLE, "no broker of KAFKA_BROKERS answers: %s",
                   l->said.why[0] ? l->said.why : rd_kafka_err2str(code));
}

static void look(const struct looking *l, struct topics_view *v)
{
    struct err e;

    if (topic_config_copies(l->rk, v->name, left_ms(l), &v->copies, &e) == 0)
        v->counted = true;
    else if (e.kind == ERR_NOT_FOUND)
        v->missing = true;
    else
        (void)snprintf(v->why, sizeof v->why, "%.199s", e.msg);
    if (v->missing)
        return;
    if (topic_config_read(l->rk, v->name, left_ms(l), &v->config, &e) == 0)
        v->read = true;
    else if (!v->why[0])
        (void)snprintf(v->why, sizeof v->why, "%.199s", e.msg);
}

int topics_query(const struct bridge_config *c, int timeout_ms,
                 struct topics_view out[TOPICS_COUNT], struct err *e)
{
    struct looking l = { .until_ns = clock_mono_ns() + timeout_ms * NS_PER_MS };

    memset(out, 0, TOPICS_COUNT * sizeof *out);
    (void)snprintf(out[TOPICS_SCRIPTS].name, TOPICS_NAME_SIZE, "%s", c->topic);
    (void)snprintf(out[TOPICS_RESULTS].name, TOPICS_NAME_SIZE, "%s", c->results_topic);
    kafka_conf_dead_letter_topic(c, out[TOPICS_DEAD_LETTERS].name);
    if (open_handle(c, &l.said, &l.rk, e) < 0)
        return -1;
    int result = find_broker(&l, e);
    for (int i = 0; i < TOPICS_COUNT && result == 0; i++)
        look(&l, &out[i]);
    handle_destroy(l.rk, 0, END_NS);
    return result;
}
