#include "bridge/kafka/kafka_conf.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "bridge/kafka/bridge_config.h"
#include "schema/base/err.h"

#define PREFIX      "KAFKA_PROP_"
#define NAME_SIZE   80
#define REASON_SIZE 512

struct property {
    const char *name, *value;
};

/* The bridge's guarantees depend on these values. */
static const struct property consumer_rows[] = {
    { "enable.auto.offset.store", "false" }, /* stored when the row is durable */
    { "enable.auto.commit", "true" },
    { "auto.commit.interval.ms", "1000" },
    { "auto.offset.reset", "error" }, /* the consumer sets positions, so that a loss is logged */
    { "enable.partition.eof", "true" },
    { "partition.assignment.strategy", "range,roundrobin" },
    /* After this time a killed server's partitions get a new owner; the broker's default is
     * 45 s. */
    { "session.timeout.ms", "10000" },
    /* Members notice with a heartbeat that one joined or left; until then nobody reads the
     * partitions that move. */
    { "heartbeat.interval.ms", "500" },
    { "topic.metadata.refresh.interval.ms", "5000" }, /* finds a topic that is created later */
    /* A full prefetch queue stops fetching for a second (up to librdkafka 2.1), so it must hold
     * as many messages as the table takes in a second. */
    { "queued.min.messages", "100000" },
    { "queued.max.messages.kbytes", "65536" },
    { "statistics.interval.ms", "1000" },
    { NULL, NULL },
};
static const struct property producer_rows[] = {
    { "enable.idempotence", "true" },
    { "acks", "all" },
    /* An open transaction of a killed server blocks all readers of committed messages until the
     * broker ends it. A broker that is away for longer costs an abort, but no report. */
    { "transaction.timeout.ms", "15000" },
    { "message.timeout.ms", "12000" },
    { "linger.ms", "5" },
    /* librdkafka's maximum: the limit is the topic's own, see bridge/kafka/topic_config.h. */
    { "message.max.bytes", "1000000000" },
    { "topic.metadata.propagation.max.ms", "10000" },
    { NULL, NULL },
};
static const struct property scan_rows[] = {
    { "enable.auto.commit", "false" },
    { "enable.auto.offset.store", "false" },
    { "auto.offset.reset", "earliest" },
    { "enable.partition.eof", "true" },
    { NULL, NULL },
};

/* The end of a partition includes open transactions, as in Kafka's own tool. */
static const struct property lag_rows[] = { { "enable.auto.commit", "false" },
                                            { "isolation.level", "read_uncommitted" },
                                            { NULL, NULL } };

/* Users cannot set these: another value would break the bridge's guarantees. */
static const char *const fixed_names[] = { "bootstrap.servers",
                                           "metadata.broker.list",
                                           "group.id",
                                           "enable.auto.offset.store",
                                           "enable.auto.commit",
                                           "auto.commit.enable",
                                           "enable.partition.eof",
                                           "auto.offset.reset",
                                           "enable.idempotence",
                                           "enable.gapless.guarantee",
                                           "acks",
                                           "request.required.acks",
                                           "message.timeout.ms",
                                           "delivery.timeout.ms",
                                           "delivery.report.only.error",
                                           "transactional.id",
                                           "isolation.level",
                                           "message.send.max.retries",
                                           "retries",
                                           NULL };

/* They load code, start programs or hold pointers, which must not come from the environment. */
static const char *const denied_names[] = { "plugin.library.paths",
                                            "sasl.kerberos.kinit.cmd",
                                            "ssl.engine.location",
                                            "ssl.providers",
                                            "ssl.engine.id",
                                            "builtin.features",
                                            "opaque",
                                            "default.topic.conf",
                                            "interceptors",
                                            NULL };

/* Properties whose values are shown: in GET /system, in errors at start, in the log. Any other may
 * be or contain a secret. */
static const char *const shown_names[] = { "api.version.request",
                                           "auto.commit.interval.ms",
                                           "auto.offset.reset",
                                           "batch.num.messages",
                                           "batch.size",
                                           "broker.address.family",
                                           "broker.address.ttl",
                                           "check.crcs",
                                           "client.dns.lookup",
                                           "client.id",
                                           "client.rack",
                                           "compression.codec",
                                           "compression.level",
                                           "compression.type",
                                           "connections.max.idle.ms",
                                           "debug",
                                           "enable.ssl.certificate.verification",
                                           "fetch.error.backoff.ms",
                                           "fetch.max.bytes",
                                           "fetch.message.max.bytes",
                                           "fetch.min.bytes",
                                           "fetch.wait.max.ms",
                                           "group.instance.id",
                                           "heartbeat.interval.ms",
                                           "linger.ms",
                                           "log.connection.close",
                                           "max.in.flight",
                                           "max.in.flight.requests.per.connection",
                                           "max.partition.fetch.bytes",
                                           "max.poll.interval.ms",
                                           "message.max.bytes",
                                           "metadata.max.age.ms",
                                           "partition.assignment.strategy",
                                           "queue.buffering.max.kbytes",
                                           "queue.buffering.max.messages",
                                           "queue.buffering.max.ms",
                                           "queued.max.messages.kbytes",
                                           "queued.min.messages",
                                           "receive.message.max.bytes",
                                           "reconnect.backoff.max.ms",
                                           "reconnect.backoff.ms",
                                           "request.timeout.ms",
                                           "retry.backoff.ms",
                                           "sasl.mechanism",
                                           "sasl.mechanisms",
                                           "security.protocol",
                                           "session.timeout.ms",
                                           "socket.connection.setup.timeout.ms",
                                           "socket.keepalive.enable",
                                           "socket.max.fails",
                                           "socket.nagle.disable",
                                           "socket.receive.buffer.bytes",
                                           "socket.send.buffer.bytes",
                                           "socket.timeout.ms",
                                           "ssl.ca.location",
                                           "ssl.endpoint.identification.algorithm",
                                           "statistics.interval.ms",
                                           "topic.metadata.propagation.max.ms",
                                           "topic.metadata.refresh.interval.ms",
                                           NULL };

static bool is_property_listed(const char *const *list, const char *name)
{
    for (; *list; list++) {
        if (strcmp(*list, name) == 0)
            return true;
    }
    return false;
}

static bool is_property_denied(const char *name)
{
    size_t len = strlen(name);

    return is_property_listed(denied_names, name) || strncmp(name, "internal.", 9) == 0 ||
           strncmp(name, "test.", 5) == 0 || (len > 3 && strcmp(name + len - 3, "_cb") == 0);
}

/* "KAFKA_PROP_SECURITY_PROTOCOL=x" and "KAFKA_PROP_security.protocol=x" to security.protocol and x.
 * False when v is neither. A name that is too long for any property is cut, which makes it
 * unknown. */
static bool read_variable(const char *v, char name[NAME_SIZE], const char **ret_value)
{
    size_t n = 0;

    if (strncmp(v, PREFIX, sizeof PREFIX - 1) != 0)
        return false;
    for (v += sizeof PREFIX - 1; *v && *v != '='; v++) {
        if (n < NAME_SIZE - 1)
            name[n++] = *v == '_' ? '.' : (char)tolower((unsigned char)*v);
    }
    name[n] = '\0';
    *ret_value = *v ? v + 1 : v;
    return **ret_value != '\0'; /* an empty value counts as not set */
}

bool kafka_conf_shown(const char *variable)
{
    char name[NAME_SIZE];
    const char *value;

    return read_variable(variable, name, &value) && is_property_listed(shown_names, name);
}

static int set_property(rd_kafka_conf_t *conf, const char *variable, const char *name,
                        const char *value, struct err *e)
{
    char reason[REASON_SIZE];
    int len = (int)strcspn(variable, "=");
    rd_kafka_conf_res_t res = rd_kafka_conf_set(conf, name, value, reason, sizeof reason);

    if (res == RD_KAFKA_CONF_OK)
        return 0;
    if (res == RD_KAFKA_CONF_UNKNOWN)
        return err_set(e, ERR_SETTING, "%.*s: librdkafka has no property '%s'", len, variable,
                       name);
    return err_set(e, ERR_SETTING, "%.*s: %s", len, variable,
                   is_property_listed(shown_names, name) ? reason : "the value is not legal");
}

static int set_user_property(rd_kafka_conf_t *conf, char *const *environment, const char *v,
                             struct err *e)
{
    char name[NAME_SIZE], other[NAME_SIZE];
    const char *value, *again;
    int len = (int)strcspn(v, "=");

    if (!read_variable(v, name, &value))
        return 0;
    if (is_property_denied(name))
        return err_set(e, ERR_SETTING, "%.*s: '%s' is not to be set from the environment", len, v,
                       name);
    if (is_property_listed(fixed_names, name))
        return err_set(e, ERR_SETTING, "%.*s: '%s' is set by the server itself", len, v, name);
    if (strcmp(name, "partition.assignment.strategy") == 0 && strstr(value, "cooperative"))
        return err_set(e, ERR_SETTING, "%.*s: cooperative assignment is not supported", len, v);
    for (; *environment; environment++) {
        if (read_variable(*environment, other, &again) && strcmp(name, other) == 0 &&
            strcmp(value, again) != 0)
            return err_set(e, ERR_SETTING, "%.*s: '%s' is set twice, with different values", len, v,
                           name);
    }
    return set_property(conf, v, name, value, e);
}

static int set_fixed_properties(rd_kafka_conf_t *conf, const struct property *rows, struct err *e)
{
    for (; rows->name; rows++) {
        if (set_property(conf, rows->name, rows->name, rows->value, e) < 0)
            return -1;
    }
    return 0;
}

static int set_properties(rd_kafka_conf_t *conf, const struct bridge_config *c,
                          enum kafka_conf_for what, struct err *e)
{
    static const struct property *const rows[] = { [KAFKA_CONF_CONSUMER] = consumer_rows,
                                                   [KAFKA_CONF_PRODUCER] = producer_rows,
                                                   [KAFKA_CONF_SCAN] = scan_rows,
                                                   [KAFKA_CONF_LAG] = lag_rows };

    if (set_fixed_properties(conf, rows[what], e) < 0 ||
        set_property(conf, "client.id", "client.id", "scrc", e) < 0 ||
        set_property(conf, "KAFKA_BROKERS", "bootstrap.servers", c->brokers, e) < 0)
        return -1;
    if ((what == KAFKA_CONF_CONSUMER || what == KAFKA_CONF_LAG) &&
        set_property(conf, "KAFKA_GROUP_ID", "group.id", c->group_id, e) < 0)
        return -1;
    for (char *const *v = c->environment; v && *v; v++) {
        if (set_user_property(conf, c->environment, *v, e) < 0)
            return -1;
    }
    /* The user's consumer properties must not change the handles that only query. */
    return what == KAFKA_CONF_SCAN || what == KAFKA_CONF_LAG
               ? set_fixed_properties(conf, rows[what], e)
               : 0;
}

int kafka_conf_make(const struct bridge_config *c, enum kafka_conf_for what,
                    rd_kafka_conf_t **ret_conf, struct err *e)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    if (set_properties(conf, c, what, e) < 0) {
        rd_kafka_conf_destroy(conf);
        return -1;
    }
    *ret_conf = conf;
    return 0;
}

void kafka_conf_dead_letter_topic(const struct bridge_config *c, char out[KAFKA_CONF_TOPIC_MAX + 1])
{
    if (c->dead_letter_topic)
        (void)snprintf(out, KAFKA_CONF_TOPIC_MAX + 1, "%s", c->dead_letter_topic);
    else
        (void)snprintf(out, KAFKA_CONF_TOPIC_MAX + 1, "%.236s.dead-letter", c->topic);
}

static int check_topic_name(const char *setting, const char *topic, struct err *e)
{
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t len = strlen(topic);

    if (len == 0 || len > KAFKA_CONF_TOPIC_MAX || topic[strspn(topic, legal)] ||
        strcmp(topic, ".") == 0 || strcmp(topic, "..") == 0)
        return err_set(e, ERR_SETTING, "%s=%.100s: must be 1 to %d of letters, digits, . _ and -",
                       setting, topic, KAFKA_CONF_TOPIC_MAX);
    return 0;
}

/* Otherwise our own reports would be read as submissions. */
static int check_topics_differ(const struct bridge_config *c, const char *dead_letters,
                               struct err *e)
{
    if (strcmp(c->results_topic, c->topic) == 0)
        return err_set(e, ERR_SETTING, "KAFKA_RESULTS_TOPIC is KAFKA_TOPIC");
    if (strcmp(dead_letters, c->topic) == 0)
        return err_set(e, ERR_SETTING, "KAFKA_DEAD_LETTER_TOPIC is KAFKA_TOPIC");
    if (strcmp(dead_letters, c->results_topic) == 0)
        return err_set(e, ERR_SETTING, "KAFKA_DEAD_LETTER_TOPIC is KAFKA_RESULTS_TOPIC");
    return 0;
}

int kafka_conf_check(const struct bridge_config *c, struct err *e)
{
    char dead_letters[KAFKA_CONF_TOPIC_MAX + 1];

    if (check_topic_name("KAFKA_TOPIC", c->topic, e) < 0 ||
        check_topic_name("KAFKA_RESULTS_TOPIC", c->results_topic, e) < 0)
        return -1;
    if (c->dead_letter_topic &&
        check_topic_name("KAFKA_DEAD_LETTER_TOPIC", c->dead_letter_topic, e) < 0)
        return -1;
    kafka_conf_dead_letter_topic(c, dead_letters);
    if (check_topics_differ(c, dead_letters, e) < 0)
        return -1;
    for (int what = KAFKA_CONF_CONSUMER; what <= KAFKA_CONF_LAG; what++) {
        rd_kafka_conf_t *conf = NULL;
        if (kafka_conf_make(c, (enum kafka_conf_for)what, &conf, e) < 0)
            return -1;
        rd_kafka_conf_destroy(conf);
    }
    return 0;
}
