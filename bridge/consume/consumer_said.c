#include <stdio.h>
#include <string.h>

#include "bridge/consume/consumer_internal.h"
#include "bridge/kafka/kafka_health.h"
#include "bridge/kafka/kafka_stats.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"

#define AWAY_AFTER 2 /* statistics in a row without a broker */
#define ASK_NS     (2 * NS_PER_S)
#define NOBODY     "no broker of KAFKA_BROKERS answers"

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
    { RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT,
      "KAFKA_PROP_SESSION_TIMEOUT_MS of the group %s is not what the broker lets it be", true },
    { RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID,
      "another member of the group %s has this KAFKA_PROP_GROUP_INSTANCE_ID: each needs its own",
      true },
    { RD_KAFKA_RESP_ERR_INVALID_GROUP_ID, "the broker takes no group %s: KAFKA_GROUP_ID", true },
};

/* Why nobody answers, where librdkafka knows it, and what to set right. */
static const struct {
    rd_kafka_resp_err_t code;
    const char *mark; /* in its words; "": whatever they are */
    const char *text;
} causes[] = {
    { RD_KAFKA_RESP_ERR__AUTHENTICATION, "mechanism",
      "no such login at this listener: KAFKA_PROP_SASL_MECHANISM, KAFKA_PROP_SECURITY_PROTOCOL" },
    { RD_KAFKA_RESP_ERR__AUTHENTICATION, "",
      "user or password is wrong: KAFKA_PROP_SASL_USERNAME, KAFKA_PROP_SASL_PASSWORD" },
    { RD_KAFKA_RESP_ERR__SSL, "verify failed",
      "the broker's certificate is not trusted: KAFKA_PROP_SSL_CA_LOCATION" },
    { RD_KAFKA_RESP_ERR__SSL, "", "no TLS with this listener: KAFKA_PROP_SECURITY_PROTOCOL" },
    { RD_KAFKA_RESP_ERR__RESOLVE, "",
      "a name of KAFKA_BROKERS, or that a broker advertises, is not known" },
    { RD_KAFKA_RESP_ERR__TRANSPORT, "security.protocol",
      "the listener hangs up, it may want TLS or a login: KAFKA_PROP_SECURITY_PROTOCOL" },
};

/* "host:9092/1: what went wrong (after 3ms in state CONNECT)": what went wrong, which is the same
 * at each try. */
static void note_cause(struct consumer *c, const char *text, const char *reason)
{
    const char *name = strstr(reason, ": ");
    const char *what = name ? name + 2 : reason;
    const char *end = strstr(what, " (after ");

    (void)snprintf(c->cause, sizeof c->cause, "%s (%.*s)", text,
                   (int)(end ? end - what : (ptrdiff_t)strlen(what)), what);
}

static void note_connection(struct consumer *c, rd_kafka_resp_err_t code, const char *reason)
{
    for (size_t i = 0; i < ARRAY_LEN(causes); i++) {
        if (causes[i].code != code || !strstr(reason, causes[i].mark))
            continue;
        note_cause(c, causes[i].text, reason);
        c->sure = true;
        return;
    }
    if (code == RD_KAFKA_RESP_ERR__TRANSPORT && !c->cause[0] && !strstr(reason, ": Disconnected"))
        note_cause(c, NOBODY, reason);
}

/* The topic and the group may both be wrong, and each is said once by librdkafka. */
static void tell_wrong(struct consumer *c)
{
    char why[sizeof c->wrong + sizeof "; "];

    (void)snprintf(why, sizeof why, "%s%s%s", c->wrong[0],
                   c->wrong[0][0] && c->wrong[1][0] ? "; " : "", c->wrong[1]);
    kafka_health_why(c->tally, BRIDGE_READING, why);
    if (c->well)
        c->ask_ns = clock_mono_ns() + ASK_NS;
    c->well = false;
}

/* False: nobody needs to hear of it. */
static bool note_trouble(struct consumer *c, rd_kafka_resp_err_t code)
{
    for (size_t i = 0; i < ARRAY_LEN(troubles); i++) {
        if (troubles[i].code != code)
            continue;
        const char *name = troubles[i].group ? c->config->group_id : c->config->topic;
        const char *at = strstr(troubles[i].text, "%s");
        (void)snprintf(c->wrong[troubles[i].group], sizeof c->wrong[0], "%.*s%.100s%s",
                       (int)(at - troubles[i].text), troubles[i].text, name, at + 2);
        tell_wrong(c);
        return true;
    }
    return false;
}

void consumer_note_fatal(struct consumer *c)
{
    char why[sizeof c->wrong[0]] = "the member cannot go on";

    if (note_trouble(c, rd_kafka_fatal_error(c->rk, why, sizeof why)))
        return;
    (void)snprintf(c->wrong[1], sizeof c->wrong[1], "%s", why);
    tell_wrong(c);
}

void consumer_on_error(rd_kafka_t *rk, int code, const char *reason, void *ctx)
{
    struct consumer *c = ctx;

    (void)rk;
    log_debug("kafka_error", log_s("code", rd_kafka_err2name((rd_kafka_resp_err_t)code)),
              log_s("reason", reason));
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        c->broken = true;
    else if (!note_trouble(c, (rd_kafka_resp_err_t)code))
        note_connection(c, (rd_kafka_resp_err_t)code, reason);
}

/* One broker of several may be wrong while others answer: only the statistics know whether nobody
 * does. */
static void note_connected(struct consumer *c, bool connected)
{
    c->without_broker = connected ? 0 : c->without_broker + 1;
    if (connected) {
        c->cause[0] = '\0';
        c->sure = false;
        kafka_health_connected(c->tally, true, NULL);
    } else if (c->sure || c->without_broker >= AWAY_AFTER) {
        kafka_health_connected(c->tally, false, c->cause[0] ? c->cause : NOBODY);
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
    if (!kafka_stats_read(json, len, c->config->topic, &connected, lags, &lags_len))
        return 0;
    kafka_health_partitions(c->tally, lags, lags_len);
    note_connected(c, connected);
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

/* librdkafka says that a partition cannot be read, but not that it can again: its end, where it may
 * be, is said once. Resumed, it says so anew. */
void consumer_ask_well(struct consumer *c)
{
    rd_kafka_topic_partition_list_t *list;
    int64_t now = clock_mono_ns();

    if ((!c->wrong[0][0] && !c->wrong[1][0]) || now < c->ask_ns)
        return;
    c->ask_ns = now + ASK_NS;
    if (rd_kafka_assignment(c->rk, &list))
        return;
    if (list->cnt > 0) {
        (void)rd_kafka_pause_partitions(c->rk, list);
        (void)rd_kafka_resume_partitions(c->rk, list);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

void consumer_note_well(struct consumer *c)
{
    if (!c->well)
        kafka_health_why(c->tally, BRIDGE_READING, "");
    c->well = true;
    c->wrong[0][0] = c->wrong[1][0] = '\0';
}
