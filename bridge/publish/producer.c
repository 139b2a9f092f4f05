#include "bridge/publish/producer.h"

#include <stdio.h>
#include <string.h>

#include "bridge/kafka/bridge_config.h"
#include "bridge/kafka/handle.h"
#include "bridge/kafka/headers.h"
#include "bridge/kafka/kafka_conf.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/base/traceparent.h"
#include "schema/store/outbox.h"

#define FREE_NS (2 * NS_PER_S)

struct producer {
    rd_kafka_t *rk;
    producer_delivered_fn *delivered;
    void *ctx;
    size_t max_bytes;
    rd_kafka_resp_err_t code; /* of the last call that failed */
    char why[200];
};

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *ctx)
{
    struct producer *p = ctx;

    (void)rk;
    p->delivered(p->ctx, m->_private, m->err, m->partition, m->offset);
}

/* ---- start and end ---- */

/* The broker's limit is for a batch, which holds several messages of one partition. */
static int limit_batches(rd_kafka_conf_t *conf, size_t batch_bytes, struct err *e)
{
    char size[32], why[300];
    size_t len = sizeof size;

    if (batch_bytes == 0 || rd_kafka_conf_get(conf, "batch.size", size, &len) != RD_KAFKA_CONF_OK ||
        strtoul(size, NULL, 10) <= batch_bytes)
        return 0;
    (void)snprintf(size, sizeof size, "%zu", batch_bytes);
    if (rd_kafka_conf_set(conf, "batch.size", size, why, sizeof why) != RD_KAFKA_CONF_OK)
        return err_set(e, ERR_SETTING, "Kafka producer: %s", why);
    return 0;
}

static int make_conf(struct producer *p, const struct producer_config *c,
                     rd_kafka_conf_t **ret_conf, struct err *e)
{
    rd_kafka_conf_t *conf = NULL;
    char why[300], max_bytes[32];
    size_t size = sizeof max_bytes;

    if (kafka_conf_make(c->bridge, KAFKA_CONF_PRODUCER, &conf, e) < 0)
        return -1;
    rd_kafka_conf_set_opaque(conf, p);
    rd_kafka_conf_set_log_cb(conf, handle_log);
    rd_kafka_conf_set_error_cb(conf, handle_error);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    if (rd_kafka_conf_get(conf, "message.max.bytes", max_bytes, &size) == RD_KAFKA_CONF_OK)
        p->max_bytes = strtoul(max_bytes, NULL, 10);
    int result = 0;
    if (rd_kafka_conf_set(conf, "transactional.id", c->name, why, sizeof why) != RD_KAFKA_CONF_OK)
        result = err_set(e, ERR_SETTING, "Kafka producer: %s", why);
    if (result == 0)
        result = limit_batches(conf, c->batch_bytes, e);
    if (result < 0)
        rd_kafka_conf_destroy(conf);
    else
        *ret_conf = conf;
    return result;
}

int producer_open(const struct producer_config *c, struct producer **ret_producer, struct err *e)
{
    struct producer *p = calloc(1, sizeof *p);
    rd_kafka_conf_t *conf;
    char why[300];

    if (!p)
        return err_set(e, ERR_NOMEM, "Kafka producer");
    p->delivered = c->delivered;
    p->ctx = c->ctx;
    if (make_conf(p, c, &conf, e) < 0) {
        free(p);
        return -1;
    }
    p->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!p->rk) {
        rd_kafka_conf_destroy(conf);
        free(p);
        return err_set(e, ERR_SETTING, "Kafka producer: %s", why);
    }
    *ret_producer = p;
    return 0;
}

struct producer *producer_free(struct producer *p)
{
    if (!p)
        return NULL;
    /* Reports no more deliveries, because the handle is not polled any more. */
    (void)rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    handle_destroy(p->rk, 0, FREE_NS);
    free(p);
    return NULL;
}

/* ---- transactions ---- */

static enum producer_result result_of(struct producer *p, rd_kafka_error_t *error)
{
    enum producer_result result = PRODUCER_DEAD;

    if (!error)
        return PRODUCER_DONE;
    p->code = rd_kafka_error_code(error);
    (void)snprintf(p->why, sizeof p->why, "%s", rd_kafka_error_string(error));
    if (!rd_kafka_error_is_fatal(error)) {
        if (rd_kafka_error_txn_requires_abort(error))
            result = PRODUCER_FAILED;
        else if (rd_kafka_error_is_retriable(error))
            result = PRODUCER_WAITS;
    }
    rd_kafka_error_destroy(error);
    return result;
}

enum producer_result producer_init(struct producer *p, int timeout_ms)
{
    return result_of(p, rd_kafka_init_transactions(p->rk, timeout_ms));
}

enum producer_result producer_begin(struct producer *p)
{
    return result_of(p, rd_kafka_begin_transaction(p->rk));
}

enum producer_result producer_commit(struct producer *p, int timeout_ms)
{
    return result_of(p, rd_kafka_commit_transaction(p->rk, timeout_ms));
}

enum producer_result producer_abort(struct producer *p, int timeout_ms)
{
    return result_of(p, rd_kafka_abort_transaction(p->rk, timeout_ms));
}

rd_kafka_resp_err_t producer_error(const struct producer *p, const char **ret_why)
{
    *ret_why = p->why;
    return p->code;
}

/* ---- sending ---- */

static void add_header(rd_kafka_headers_t *headers, const char *name, const char *value)
{
    (void)rd_kafka_header_add(headers, name, -1, value, -1); /* fails for read-only headers only */
}

static void add_number(rd_kafka_headers_t *headers, const char *name, int64_t value)
{
    char number[24];

    (void)snprintf(number, sizeof number, "%lld", (long long)value);
    add_header(headers, name, number);
}

static void add_origin(rd_kafka_headers_t *headers, const struct outbox_item *from)
{
    if (!from->topic)
        return;
    add_header(headers, "scrc-source-topic", from->topic);
    add_number(headers, "scrc-source-partition", from->partition);
    add_number(headers, "scrc-source-offset", from->offset);
    if (from->sent_ms >= 0)
        add_number(headers, "scrc-source-timestamp", from->sent_ms);
    if (from->digest != 0)
        add_number(headers, "scrc-source-digest", from->digest);
}

static rd_kafka_headers_t *make_message_headers(const struct producer_message *m)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(8);
    const void *sent;
    size_t size;

    if (!m->bare)
        (void)headers_unpack(m->from->headers, m->from->headers_len, headers);
    if (m->traceparent && m->traceparent[0] &&
        rd_kafka_header_get_last(headers, TRACEPARENT_NAME, &sent, &size))
        add_header(headers, TRACEPARENT_NAME, m->traceparent);
    add_header(headers, "scrc-outbox", m->outbox);
    if (m->from->kind == OUTBOX_DEAD_LETTER)
        add_header(headers, "scrc-reason", m->from->reason ? m->from->reason : "");
    add_origin(headers, m->from);
    if (m->truncated)
        add_header(headers, "scrc-truncated", "1");
    return headers;
}

rd_kafka_resp_err_t producer_send(struct producer *p, const struct producer_message *m)
{
    rd_kafka_headers_t *headers = make_message_headers(m);
    rd_kafka_resp_err_t code = rd_kafka_producev(
        p->rk, RD_KAFKA_V_TOPIC(m->topic), RD_KAFKA_V_KEY(m->key, m->key_len),
        RD_KAFKA_V_VALUE(m->payload, m->len),
        RD_KAFKA_V_MSGFLAGS(m->payload ? RD_KAFKA_MSG_F_FREE : 0), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_OPAQUE(m->opaque), RD_KAFKA_V_END);

    if (code) {
        rd_kafka_headers_destroy(headers);
        p->code = code;
        (void)snprintf(p->why, sizeof p->why, "%s", rd_kafka_err2str(code));
    }
    return code;
}

size_t producer_max_bytes(const struct producer *p) { return p->max_bytes; }

rd_kafka_t *producer_handle(struct producer *p) { return p->rk; }
