#include <stdio.h>

#include "bridge/consumer_internal.h"
#include "bridge/stats.h"
#include "bridge/tally.h"
#include "schema/log.h"

#define AWAY_AFTER 2 /* statistics in a row without a broker */

void consumer_on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    log_debug("librdkafka", log_i("level", level), log_s("facility", facility),
              log_s("text", text));
}

void consumer_on_error(rd_kafka_t *rk, int code, const char *reason, void *ctx)
{
    struct consumer *c = ctx;

    (void)rk;
    log_debug("kafka_error", log_s("code", rd_kafka_err2name((rd_kafka_resp_err_t)code)),
              log_s("reason", reason));
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        c->broken = true;
    if (c->without_broker > 0 || code == RD_KAFKA_RESP_ERR__AUTHENTICATION)
        tally_why(c->tally, reason);
}

/* Brokers come and go without a call of their own; the statistics know. */
int consumer_on_stats(rd_kafka_t *rk, char *json, size_t len, void *ctx)
{
    struct bridge_lag lags[BRIDGE_LAGS_MAX];
    struct consumer *c = ctx;
    bool connected;
    size_t lags_len;

    (void)rk;
    if (!stats_read(json, len, c->config->topic, &connected, lags, &lags_len))
        return 0;
    tally_lags(c->tally, lags, lags_len);
    c->without_broker = connected ? 0 : c->without_broker + 1;
    if (connected)
        tally_connected(c->tally, true, NULL);
    else if (c->without_broker == AWAY_AFTER)
        tally_connected(c->tally, false, "no broker of KAFKA_BROKERS answers");
    return 0;
}

void consumer_note_missing(struct consumer *c, bool missing)
{
    char why[300];

    if (c->missing == missing)
        return;
    c->missing = missing;
    if (!missing) {
        tally_why(c->tally, "");
        log_info("kafka_topic_found", log_s("topic", c->config->topic));
        return;
    }
    (void)snprintf(why, sizeof why, "the topic %s does not exist yet", c->config->topic);
    tally_why(c->tally, why);
    log_warning("kafka_topic_missing", log_s("topic", c->config->topic));
}

void consumer_note_error(struct consumer *c, const rd_kafka_message_t *m)
{
    switch ((int)m->err) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        consumer_note_missing(c, true);
        break;
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        consumer_note_missing(c, false);
        intake_reached(c->intake, m->partition, m->offset);
        break;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        consumer_reset(c, m->partition);
        break;
    case RD_KAFKA_RESP_ERR__FATAL:
        c->broken = true;
        break;
    default:
        log_debug("kafka_poll", log_s("code", rd_kafka_err2name(m->err)),
                  log_s("error", rd_kafka_message_errstr(m)));
    }
}
