#include "tests/simulator/traffic.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "tests/simulator/options.h"

#define FLUSH_MS 2000
#define LOOK_MS  1000
#define AGAIN_MS 100

struct traffic {
    const struct options *options; /* borrowed */
    rd_kafka_t *producer, *consumer;
    /* Written by callbacks, which run inside our own calls of poll. */
    char trouble[200];
    char undelivered[200]; /* the first script that was not, and why */
};

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct traffic *t = opaque;
    (void)rk;
    (void)snprintf(t->trouble, sizeof t->trouble, "%.100s: %.90s",
                   rd_kafka_err2str((rd_kafka_resp_err_t)code), reason);
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct traffic *t = opaque;
    (void)rk;
    if (m->err && !*t->undelivered)
        (void)snprintf(t->undelivered, sizeof t->undelivered, "%.*s: %.100s",
                       m->key_len < 90 ? (int)m->key_len : 90, (const char *)m->key,
                       rd_kafka_err2str(m->err));
}

/* Its words to a terminal would tear the line of progress; on_error has what counts. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    (void)level;
    (void)facility;
    (void)text;
}

/* ---- the two handles ---- */

static int set(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *e)
{
    char said[200];
    if (rd_kafka_conf_set(conf, name, value, said, sizeof said) == RD_KAFKA_CONF_OK)
        return 0;
    return err_set(e, ERR_SETTING, "%s=%s: %s", name, value, said);
}

static rd_kafka_conf_t *conf_new(struct traffic *t)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_opaque(conf, t);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, on_log);
    return conf;
}

/* Takes conf, also when it fails. */
static int make(rd_kafka_type_t type, rd_kafka_conf_t *conf, rd_kafka_t **ret_handle, struct err *e)
{
    char said[200];
    rd_kafka_t *rk = rd_kafka_new(type, conf, said, sizeof said);
    if (!rk) {
        rd_kafka_conf_destroy(conf);
        return err_set(e, ERR_SETTING, "Kafka client: %s", said);
    }
    *ret_handle = rk;
    return 0;
}

static int open_producer(struct traffic *t, struct err *e)
{
    char wait[24];
    rd_kafka_conf_t *conf = conf_new(t);

    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    (void)snprintf(wait, sizeof wait, "%lld",
                   (long long)(t->options->wait_ms > 1000 ? t->options->wait_ms : 1000));
    if (set(conf, "bootstrap.servers", t->options->broker, e) < 0 ||
        set(conf, "enable.idempotence", "true", e) < 0 || set(conf, "linger.ms", "0", e) < 0 ||
        set(conf, "message.timeout.ms", wait, e) < 0) {
        rd_kafka_conf_destroy(conf);
        return -1;
    }
    return make(RD_KAFKA_PRODUCER, conf, &t->producer, e);
}

static int open_consumer(struct traffic *t, struct err *e)
{
    rd_kafka_conf_t *conf = conf_new(t);

    if (set(conf, "bootstrap.servers", t->options->broker, e) < 0 ||
        set(conf, "group.id", t->options->group, e) < 0 ||
        set(conf, "auto.offset.reset", "error", e) < 0) {
        rd_kafka_conf_destroy(conf);
        return -1;
    }
    if (make(RD_KAFKA_CONSUMER, conf, &t->consumer, e) < 0)
        return -1;
    rd_kafka_poll_set_consumer(t->consumer);
    return 0;
}

/* ---- where the results begin ---- */

/* Adds all partitions of the results topic, from where they end now. */
static rd_kafka_resp_err_t take_ends(struct traffic *t, const rd_kafka_metadata_topic_t *topic,
                                     rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < topic->partition_cnt; i++) {
        int64_t low, high;
        rd_kafka_resp_err_t rc = rd_kafka_query_watermark_offsets(
            t->consumer, topic->topic, topic->partitions[i].id, &low, &high, LOOK_MS);
        if (rc)
            return rc;
        rd_kafka_topic_partition_list_add(list, topic->topic, topic->partitions[i].id)->offset =
            high;
    }
    return rd_kafka_assign(t->consumer, list);
}

/* One look. Asked by the producer, because a broker makes missing topics for producers alone. */
static rd_kafka_resp_err_t look(struct traffic *t, rd_kafka_topic_t *results)
{
    const struct rd_kafka_metadata *found;
    rd_kafka_resp_err_t rc = rd_kafka_metadata(t->producer, 0, results, &found, LOOK_MS);
    if (rc)
        return rc;
    if (found->topic_cnt != 1 || found->topics[0].err || found->topics[0].partition_cnt == 0) {
        rc = found->topic_cnt == 1 && found->topics[0].err ? found->topics[0].err
                                                           : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    } else {
        rd_kafka_topic_partition_list_t *list =
            rd_kafka_topic_partition_list_new(found->topics[0].partition_cnt);
        rc = take_ends(t, &found->topics[0], list);
        rd_kafka_topic_partition_list_destroy(list);
    }
    rd_kafka_metadata_destroy(found);
    return rc;
}

static int await_topic(struct traffic *t, struct err *e)
{
    const char *name = t->options->results_topic;
    int64_t deadline = clock_mono_ns() + t->options->wait_ms * NS_PER_MS;
    rd_kafka_topic_t *results = rd_kafka_topic_new(t->producer, name, NULL);
    if (!results)
        return err_set(e, ERR_SETTING, "topic %s: %s", name,
                       rd_kafka_err2str(rd_kafka_last_error()));

    rd_kafka_resp_err_t rc = look(t, results);
    while (rc && clock_mono_ns() < deadline) {
        (void)rd_kafka_poll(t->producer, AGAIN_MS);
        rc = look(t, results);
    }
    rd_kafka_topic_destroy(results);
    return rc ? err_set(e, ERR_UNAVAILABLE, "topic %s at %s: %s%s%s", name, t->options->broker,
                        rd_kafka_err2str(rc), *t->trouble ? "; " : "", t->trouble)
              : 0;
}

int traffic_open(const struct options *o, struct traffic **ret_traffic, struct err *e)
{
    CLEANUP(traffic_closep) struct traffic *t = calloc(1, sizeof *t);
    if (!t)
        return err_set(e, ERR_NOMEM, "Kafka client");

    t->options = o;
    if (open_producer(t, e) < 0 || open_consumer(t, e) < 0 || await_topic(t, e) < 0)
        return -1;
    t->trouble[0] = '\0';
    *ret_traffic = TAKE(t);
    return 0;
}

struct traffic *traffic_close(struct traffic *t)
{
    if (!t)
        return NULL;
    if (t->producer) {
        (void)rd_kafka_flush(t->producer, FLUSH_MS);
        rd_kafka_destroy(t->producer);
    }
    if (t->consumer) {
        (void)rd_kafka_consumer_close(t->consumer);
        rd_kafka_destroy(t->consumer);
    }
    free(t);
    return NULL;
}

/* ---- messages ---- */

int traffic_send(struct traffic *t, const char *id, char *text, struct err *e)
{
    for (;;) {
        rd_kafka_resp_err_t rc = rd_kafka_producev(
            t->producer, RD_KAFKA_V_TOPIC(t->options->topic),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(id, strlen(id)),
            RD_KAFKA_V_VALUE(text, strlen(text)), RD_KAFKA_V_END);
        if (!rc)
            return 0;
        if (rc != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            return err_set(e, ERR_UNAVAILABLE, "send %s: %s", id, rd_kafka_err2str(rc));
        (void)rd_kafka_poll(t->producer, AGAIN_MS);
    }
}

int traffic_poll(struct traffic *t, int timeout_ms,
                 void (*fn)(void *ctx, const struct traffic_message *m), void *ctx, struct err *e)
{
    (void)rd_kafka_poll(t->producer, 0);
    if (*t->undelivered)
        return err_set(e, ERR_UNAVAILABLE, "not delivered: %s", t->undelivered);
    rd_kafka_message_t *m = rd_kafka_consumer_poll(t->consumer, timeout_ms);
    if (!m)
        return 0;
    int rc = 0;
    if (!m->err) {
        t->trouble[0] = '\0'; /* it is over */
        fn(ctx, &(struct traffic_message){ .key = m->key,
                                           .key_len = m->key_len,
                                           .value = m->payload,
                                           .value_len = m->len,
                                           .partition = m->partition,
                                           .offset = m->offset });
    } else if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        rc = err_set(e, ERR_UNAVAILABLE, "results were lost: %s", rd_kafka_message_errstr(m));
    } else {
        on_error(t->consumer, (int)m->err, rd_kafka_message_errstr(m), t);
    }
    rd_kafka_message_destroy(m);
    return rc;
}

const char *traffic_trouble(const struct traffic *t) { return t->trouble; }
