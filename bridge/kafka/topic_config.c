#include "bridge/kafka/topic_config.h"

#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/err.h"
#include "schema/base/log.h"

#define REASON_SIZE 200
#define MARGIN_MS   1000 /* so that librdkafka's own timeout is first, which has a reason */

static int set_topic_error(struct err *e, const char *topic, rd_kafka_resp_err_t code,
                           const char *right)
{
    switch ((int)code) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        return err_set(e, ERR_NOT_FOUND, "the topic %s does not exist", topic);
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        return err_set(e, ERR_UNAVAILABLE, "no right to ask about the topic %s: it needs %s", topic,
                       right);
    default:
        return err_set(e, ERR_UNAVAILABLE, "ask about the topic %s: %s", topic,
                       rd_kafka_err2str(code));
    }
}

/* ---- settings ---- */

static void read_config_entry(const char *name, const char *value, struct topic_config *c)
{
    if (strcmp(name, "max.message.bytes") == 0)
        c->max_message_bytes = strtoll(value, NULL, 10);
    else if (strcmp(name, "min.insync.replicas") == 0)
        c->min_insync_replicas = strtoll(value, NULL, 10);
    else if (strcmp(name, "retention.ms") == 0)
        c->retention_ms = strtoll(value, NULL, 10);
    else if (strcmp(name, "cleanup.policy") == 0) {
        c->compacts = strstr(value, "compact") != NULL;
        c->deletes = strstr(value, "delete") != NULL;
    }
}

static int read_resource(const rd_kafka_ConfigResource_t *r, const char *topic,
                         struct topic_config *ret_config, struct err *e)
{
    struct topic_config c = { 0 };
    rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(r);
    size_t len = 0;

    if (code)
        return set_topic_error(e, topic, code, "DESCRIBE_CONFIGS");
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(r, &len);
    for (size_t i = 0; i < len; i++) {
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        if (value)
            read_config_entry(rd_kafka_ConfigEntry_name(entries[i]), value, &c);
    }
    if (c.max_message_bytes <= 0)
        return err_set(e, ERR_UNAVAILABLE, "the broker does not tell max.message.bytes of %s",
                       topic);
    *ret_config = c;
    return 0;
}

static int read_answer(rd_kafka_event_t *answer, const char *topic, struct topic_config *ret_config,
                       struct err *e)
{
    const rd_kafka_ConfigResource_t **resources;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
    size_t len = 0;

    if (answer)
        code = rd_kafka_event_error(answer);
    if (code)
        return set_topic_error(e, topic, code, "DESCRIBE_CONFIGS");
    resources = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(answer), &len);
    if (len == 0)
        return set_topic_error(e, topic, RD_KAFKA_RESP_ERR__BAD_MSG, "DESCRIBE_CONFIGS");
    return read_resource(resources[0], topic, ret_config, e);
}

int topic_config_read(rd_kafka_t *rk, const char *topic, int timeout_ms,
                      struct topic_config *ret_config, struct err *e)
{
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_ConfigResource_t *asked = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    char why[REASON_SIZE];

    (void)rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, why, sizeof why);
    rd_kafka_DescribeConfigs(rk, &asked, 1, options, queue);
    rd_kafka_event_t *answer = rd_kafka_queue_poll(queue, timeout_ms + MARGIN_MS);
    int result = read_answer(answer, topic, ret_config, e);
    if (answer)
        rd_kafka_event_destroy(answer);
    rd_kafka_queue_destroy(queue);
    rd_kafka_ConfigResource_destroy(asked);
    rd_kafka_AdminOptions_destroy(options);
    return result;
}

int64_t topic_config_max_bytes(rd_kafka_t *rk, const char *topic, int timeout_ms)
{
    struct topic_config c;
    struct err e;

    if (topic_config_read(rk, topic, timeout_ms, &c, &e) == 0)
        return c.max_message_bytes;
    log_debug("kafka_topic_config", log_s("topic", topic), log_s("why", e.msg),
              log_i("max_message_bytes", TOPIC_CONFIG_MAX_BYTES));
    return TOPIC_CONFIG_MAX_BYTES;
}

/* ---- copies ---- */

static int count_copies(const rd_kafka_metadata_topic_t *t, struct topic_config_copies *ret_copies,
                        struct err *e)
{
    struct topic_config_copies c = { .partitions = t->partition_cnt };

    if (t->err)
        return set_topic_error(e, t->topic, t->err, "DESCRIBE");
    for (int i = 0; i < t->partition_cnt; i++) {
        if (i == 0 || t->partitions[i].replica_cnt < c.replicas)
            c.replicas = t->partitions[i].replica_cnt;
    }
    *ret_copies = c;
    return 0;
}

int topic_config_copies(rd_kafka_t *rk, const char *topic, int timeout_ms,
                        struct topic_config_copies *ret_copies, struct err *e)
{
    rd_kafka_topic_t *t = rd_kafka_topic_new(rk, topic, NULL);
    const struct rd_kafka_metadata *all = NULL;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__INVALID_ARG;

    if (t)
        code = rd_kafka_metadata(rk, 0, t, &all, timeout_ms);
    int result =
        code || all->topic_cnt == 0
            ? set_topic_error(e, topic, code ? code : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
                              "DESCRIBE")
            : count_copies(&all->topics[0], ret_copies, e);
    if (all)
        rd_kafka_metadata_destroy(all);
    if (t)
        rd_kafka_topic_destroy(t);
    return result;
}
