#include "bridge/producer.h"

#include <stdio.h>
#include <string.h>

#include "bridge/bridge.h"
#include "bridge/headers.h"
#include "bridge/settings.h"
#include "schema/err.h"
#include "schema/log.h"
#include "schema/outbox.h"

#define PURGE_MS 1000

struct producer {
    rd_kafka_t *rk;
    producer_told_fn *told;
    void *ctx;
    size_t max_bytes;
};

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    log_debug("librdkafka", log_i("level", level), log_s("facility", facility),
              log_s("text", text));
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *ctx)
{
    (void)rk, (void)ctx;
    log_debug("kafka_error", log_s("code", rd_kafka_err2name((rd_kafka_resp_err_t)code)),
              log_s("reason", reason));
}

static enum producer_fate fate_of(const rd_kafka_message_t *m)
{
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return PRODUCER_DELIVERED;
    if (m->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
        return PRODUCER_TOO_LARGE;
    return rd_kafka_message_status(m) == RD_KAFKA_MSG_STATUS_NOT_PERSISTED ? PRODUCER_NOT_SENT
                                                                           : PRODUCER_UNKNOWN;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *ctx)
{
    struct producer *p = ctx;
    struct producer_delivery d = { .opaque = m->_private,
                                   .fate = fate_of(m),
                                   .partition = m->partition,
                                   .offset = m->offset,
                                   .why = rd_kafka_err2name(m->err) };

    (void)rk;
    p->told(p->ctx, &d);
}

static int make_handle(struct producer *p, const struct bridge_config *c, struct err *e)
{
    rd_kafka_conf_t *conf = NULL;
    char why[300], most[32];
    size_t size = sizeof most;

    if (settings_make(c, SETTINGS_PRODUCER, &conf, e) < 0)
        return -1;
    rd_kafka_conf_set_opaque(conf, p);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    if (rd_kafka_conf_get(conf, "message.max.bytes", most, &size) == RD_KAFKA_CONF_OK)
        p->max_bytes = strtoul(most, NULL, 10);
    p->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!p->rk) {
        rd_kafka_conf_destroy(conf);
        return err_set(e, ERR_SETTING, "Kafka producer: %s", why);
    }
    return 0;
}

int producer_open(const struct bridge_config *c, producer_told_fn *told, void *ctx,
                  struct producer **ret_producer, struct err *e)
{
    struct producer *p = calloc(1, sizeof *p);

    if (!p)
        return err_set(e, ERR_NOMEM, "Kafka producer");
    p->told = told;
    p->ctx = ctx;
    if (make_handle(p, c, e) < 0) {
        free(p);
        return -1;
    }
    *ret_producer = p;
    return 0;
}

/* ---- sending ---- */

static void add_header(rd_kafka_headers_t *headers, const char *name, const char *value)
{
    (void)rd_kafka_header_add(headers, name, -1, value, -1); /* fails for read-only headers alone */
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

static rd_kafka_headers_t *make_headers(const struct producer_message *m)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(8);

    if (!m->bare)
        (void)headers_unpack(m->from->headers, m->from->headers_len, headers);
    add_header(headers, "scrc-outbox", m->outbox);
    if (m->from->kind == OUTBOX_DEAD_LETTER)
        add_header(headers, "scrc-reason", m->from->reason ? m->from->reason : "");
    add_origin(headers, m->from);
    if (m->truncated)
        add_header(headers, "scrc-truncated", "1");
    return headers;
}

static enum producer_result result_of(rd_kafka_resp_err_t code)
{
    switch ((int)code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return PRODUCER_QUEUED;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        return PRODUCER_BUSY;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return PRODUCER_OVER;
    default:
        return PRODUCER_REFUSED;
    }
}

enum producer_result producer_send(struct producer *p, const struct producer_message *m,
                                   const char **ret_why)
{
    rd_kafka_headers_t *headers = make_headers(m);
    rd_kafka_resp_err_t code = rd_kafka_producev(
        p->rk, RD_KAFKA_V_TOPIC(m->topic), RD_KAFKA_V_KEY(m->key, m->key_len),
        RD_KAFKA_V_VALUE(m->payload, m->len),
        RD_KAFKA_V_MSGFLAGS(m->payload ? RD_KAFKA_MSG_F_FREE : 0), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_OPAQUE(m->opaque), RD_KAFKA_V_END);

    if (code)
        rd_kafka_headers_destroy(headers);
    *ret_why = rd_kafka_err2name(code);
    return result_of(code);
}

void producer_poll(struct producer *p, int timeout_ms) { (void)rd_kafka_poll(p->rk, timeout_ms); }

bool producer_is_dead(struct producer *p, char *why, size_t size)
{
    return rd_kafka_fatal_error(p->rk, why, size) != RD_KAFKA_RESP_ERR_NO_ERROR;
}

size_t producer_max_bytes(const struct producer *p) { return p->max_bytes; }

rd_kafka_t *producer_handle(struct producer *p) { return p->rk; }

struct producer *producer_free(struct producer *p)
{
    if (!p)
        return NULL;
    (void)rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    (void)rd_kafka_flush(p->rk, PURGE_MS);
    rd_kafka_destroy(p->rk);
    free(p);
    return NULL;
}
