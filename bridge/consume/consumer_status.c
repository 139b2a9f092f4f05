#include <stdio.h>
#include <string.h>

#include "bridge/consume/consumer_internal.h"
#include "bridge/kafka/kafka_health.h"
#include "bridge/kafka/kafka_stats.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"

#define AWAY_AFTER 2              /* statistics in a row without a broker: it is away */
#define RECHECK_NS (2 * NS_PER_S) /* between two checks whether a problem is over */
#define NO_BROKER  "no broker of KAFKA_BROKERS answers"

/* Errors that do not go away by themselves, with their remedy. */
static const struct {
    rd_kafka_resp_err_t code;
    const char *text; /* %s: the name of the topic or, if group, of the group */
    bool group;
} known_problems[] = {
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

/* Causes for which no broker answers, with the setting to correct. */
static const struct {
    rd_kafka_resp_err_t code;
    const char *mark; /* part of librdkafka's text; "": any text */
    const char *text;
} known_causes[] = {
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

/* Of a reason "host:9092/1: what went wrong (after 3ms in state CONNECT)" only the middle is kept,
 * because it is the same at each attempt. */
static void set_cause(struct consumer *c, const char *text, const char *reason)
{
    const char *name = strstr(reason, ": ");
    const char *what = name ? name + 2 : reason;
    const char *end = strstr(what, " (after ");

    (void)snprintf(c->cause, sizeof c->cause, "%s (%.*s)", text,
                   (int)(end ? end - what : (ptrdiff_t)strlen(what)), what);
}

static void set_connection_cause(struct consumer *c, rd_kafka_resp_err_t code, const char *reason)
{
    for (size_t i = 0; i < ARRAY_LEN(known_causes); i++) {
        if (known_causes[i].code != code || !strstr(reason, known_causes[i].mark))
            continue;
        set_cause(c, known_causes[i].text, reason);
        c->cause_is_certain = true;
        return;
    }
    if (code == RD_KAFKA_RESP_ERR__TRANSPORT && !c->cause[0] && !strstr(reason, ": Disconnected"))
        set_cause(c, NO_BROKER, reason);
}

/* Both problems are kept, because librdkafka reports each error only once. */
static void update_reading_problem(struct consumer *c)
{
    char why[sizeof c->problems + sizeof "; "];

    (void)snprintf(why, sizeof why, "%s%s%s", c->problems[0],
                   c->problems[0][0] && c->problems[1][0] ? "; " : "", c->problems[1]);
    kafka_health_why(c->health, BRIDGE_READING, why);
    if (c->reading_ok)
        c->recheck_ns = clock_mono_ns() + RECHECK_NS;
    c->reading_ok = false;
}

/* False: not a known problem. */
static bool set_problem(struct consumer *c, rd_kafka_resp_err_t code)
{
    for (size_t i = 0; i < ARRAY_LEN(known_problems); i++) {
        if (known_problems[i].code != code)
            continue;
        const char *name = known_problems[i].group ? c->config->group_id : c->config->topic;
        const char *at = strstr(known_problems[i].text, "%s");
        (void)snprintf(c->problems[known_problems[i].group], sizeof c->problems[0], "%.*s%.100s%s",
                       (int)(at - known_problems[i].text), known_problems[i].text, name, at + 2);
        update_reading_problem(c);
        return true;
    }
    return false;
}

void consumer_set_fatal_problem(struct consumer *c)
{
    char why[sizeof c->problems[0]] = "the member cannot go on";

    if (set_problem(c, rd_kafka_fatal_error(c->rk, why, sizeof why)))
        return;
    (void)snprintf(c->problems[1], sizeof c->problems[1], "%s", why);
    update_reading_problem(c);
}

void consumer_on_error(rd_kafka_t *rk, int code, const char *reason, void *ctx)
{
    struct consumer *c = ctx;

    (void)rk;
    log_debug("kafka_error", log_s("code", rd_kafka_err2name((rd_kafka_resp_err_t)code)),
              log_s("reason", reason));
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        c->broken = true;
    else if (!set_problem(c, (rd_kafka_resp_err_t)code))
        set_connection_cause(c, (rd_kafka_resp_err_t)code, reason);
}

/* An error is about one broker while others may answer, so only the statistics show whether no
 * broker does. */
static void set_connected(struct consumer *c, bool connected)
{
    c->without_broker = connected ? 0 : c->without_broker + 1;
    if (connected) {
        c->cause[0] = '\0';
        c->cause_is_certain = false;
        kafka_health_connected(c->health, true, NULL);
    } else if (c->cause_is_certain || c->without_broker >= AWAY_AFTER) {
        kafka_health_connected(c->health, false, c->cause[0] ? c->cause : NO_BROKER);
    }
}

/* There is no callback for connections: the statistics show them. */
int consumer_on_stats(rd_kafka_t *rk, char *json, size_t len, void *ctx)
{
    struct bridge_lag lags[BRIDGE_LAGS_MAX];
    struct consumer *c = ctx;
    bool connected;
    size_t lags_len;

    (void)rk;
    if (!kafka_stats_read(json, len, c->config->topic, &connected, lags, &lags_len))
        return 0;
    kafka_health_partitions(c->health, lags, lags_len);
    set_connected(c, connected);
    return 0;
}

void consumer_handle_error(struct consumer *c, const rd_kafka_message_t *m)
{
    switch ((int)m->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        consumer_clear_problems(c);
        intake_reached(c->intake, m->partition, m->offset);
        break;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        consumer_reset_position(c, m->partition);
        break;
    case RD_KAFKA_RESP_ERR__FATAL:
        c->broken = true;
        break;
    default:
        if (!set_problem(c, m->err))
            log_debug("kafka_poll", log_s("code", rd_kafka_err2name(m->err)),
                      log_s("error", rd_kafka_message_errstr(m)));
    }
}

/* librdkafka reports that a partition cannot be read, but not that it can be again: at its end, no
 * message comes, and EOF is reported only once. To pause and resume repeats EOF or the error. */
void consumer_recheck_problems(struct consumer *c)
{
    rd_kafka_topic_partition_list_t *list;
    int64_t now = clock_mono_ns();

    if ((!c->problems[0][0] && !c->problems[1][0]) || now < c->recheck_ns)
        return;
    c->recheck_ns = now + RECHECK_NS;
    if (rd_kafka_assignment(c->rk, &list))
        return;
    if (list->cnt > 0) {
        (void)rd_kafka_pause_partitions(c->rk, list);
        (void)rd_kafka_resume_partitions(c->rk, list);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

void consumer_clear_problems(struct consumer *c)
{
    if (!c->reading_ok)
        kafka_health_why(c->health, BRIDGE_READING, "");
    c->reading_ok = true;
    c->problems[0][0] = c->problems[1][0] = '\0';
}
