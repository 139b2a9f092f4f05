#include <stdio.h>
#include <string.h>

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

/* The errors that somebody must mend, and what with. ctx: the topic or the group. */
static const struct {
    rd_kafka_resp_err_t code;
    const char *text; /* %s: the topic, the group */
    bool group;
} troubles[] = {
    { RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "the topic %s does not exist yet", false },
    { RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, "the topic %s does not exist yet", false },
    { RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "no right to read the topic %s: it needs READ",
      false },
    { RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, "no right to the group %s: it needs READ",
      true },
    { RD_KAFKA_RESP_ERR_GROUP_MAX_SIZE_REACHED, "the group %s has no room for another member",
      true },
    { RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL,
      "the members of the group %s have no common assignment strategy", true },
};

/* False: nobody needs to hear of it. */
static bool note_trouble(struct consumer *c, rd_kafka_resp_err_t code)
{
    char why[200];

    for (size_t i = 0; i < ARRAY_LEN(troubles); i++) {
        if (troubles[i].code != code)
            continue;
        const char *name = troubles[i].group ? c->config->group_id : c->config->topic;
        const char *at = strstr(troubles[i].text, "%s");
        (void)snprintf(why, sizeof why, "%.*s%.100s%s", (int)(at - troubles[i].text),
                       troubles[i].text, name, at + 2);
        tally_why(c->tally, BRIDGE_READING, why);
        c->well = false;
        return true;
    }
    return false;
}

void consumer_on_error(rd_kafka_t *rk, int code, const char *reason, void *ctx)
{
    struct consumer *c = ctx;

    log_debug("kafka_error", log_s("code", rd_kafka_err2name((rd_kafka_resp_err_t)code)),
              log_s("reason", reason));
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        char why[200];
        (void)rd_kafka_fatal_error(rk, why, sizeof why);
        tally_why(c->tally, BRIDGE_READING, why);
        c->well = false;
        c->broken = true;
    } else if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL ||
               code == RD_KAFKA_RESP_ERR__RESOLVE) {
        c->known = true; /* says more than that no broker answers */
        tally_why(c->tally, BRIDGE_CONNECTION, reason);
    } else if (!note_trouble(c, (rd_kafka_resp_err_t)code) && c->without_broker > 0 && !c->known) {
        tally_why(c->tally, BRIDGE_CONNECTION, reason);
    }
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
    tally_partitions(c->tally, lags, lags_len);
    c->without_broker = connected ? 0 : c->without_broker + 1;
    c->known = c->known && !connected;
    if (connected)
        tally_connected(c->tally, true, NULL);
    else if (c->without_broker == AWAY_AFTER)
        tally_connected(c->tally, false, c->known ? NULL : "no broker of KAFKA_BROKERS answers");
    return 0;
}

void consumer_note_error(struct consumer *c, const rd_kafka_message_t *m)
{
    switch ((int)m->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        consumer_note_well(c);
        intake_reached(c->intake, m->partition, m->offset);
        break;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        consumer_reset(c, m->partition);
        break;
    case RD_KAFKA_RESP_ERR__FATAL:
        c->broken = true;
        break;
    default:
        if (!note_trouble(c, m->err))
            log_debug("kafka_poll", log_s("code", rd_kafka_err2name(m->err)),
                      log_s("error", rd_kafka_message_errstr(m)));
    }
}

void consumer_note_well(struct consumer *c)
{
    if (!c->well)
        tally_why(c->tally, BRIDGE_READING, "");
    c->well = true;
}
