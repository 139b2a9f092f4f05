#include "bridge/bridge.h"

#include "bridge/consume/consumer.h"
#include "bridge/kafka/kafka_conf.h"
#include "bridge/kafka/kafka_health.h"
#include "bridge/kafka/lag.h"
#include "bridge/publish/relay.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"

#define LEAVE_NS (3 * NS_PER_S) /* always left for the last commit */

struct bridge {
    struct bridge_config config; /* its pointers are borrowed */
    struct kafka_health health;
    struct consumer *consumer;
    struct lag *lag;
    struct relay *relay;
};

int bridge_check(const struct bridge_config *c, struct err *e) { return kafka_conf_check(c, e); }

int bridge_open(const struct bridge_config *c, struct jobs *jobs, const struct bridge_hooks *hooks,
                struct bridge **ret_bridge, struct err *e)
{
    if (kafka_conf_check(c, e) < 0)
        return -1;
    struct bridge *b = calloc(1, sizeof *b);
    if (!b)
        return err_set(e, ERR_NOMEM, "Kafka bridge");
    b->config = *c;
    kafka_health_init(&b->health);
    if (relay_open(&b->config, jobs, &b->health, &b->relay, e) < 0 ||
        consumer_open(&b->config, jobs, &b->health, hooks, &b->consumer, e) < 0 ||
        lag_open(&b->config, jobs, &b->health, &b->lag, e) < 0) {
        (void)bridge_free(b);
        return -1;
    }
    *ret_bridge = b;
    return 0;
}

int bridge_start(struct bridge *b, struct err *e)
{
    if (relay_start(b->relay, e) < 0 || consumer_start(b->consumer, e) < 0 ||
        lag_start(b->lag, e) < 0)
        return -1;
    log_info("kafka", log_s("brokers", b->config.brokers), log_s("topic", b->config.topic),
             log_s("group", b->config.group_id), log_s("results", b->config.results_topic));
    return 0;
}

void bridge_stop_consuming(struct bridge *b, int64_t deadline_ns)
{
    consumer_halt(b->consumer);
    if (!b->config.commit_reported)
        consumer_stop(b->consumer, deadline_ns);
}

void bridge_stop(struct bridge *b, int64_t deadline_ns)
{
    lag_halt(b->lag);
    bridge_stop_consuming(b, deadline_ns);
    relay_stop(b->relay, deadline_ns);
    /* Last, so that the offsets of all reports that the relay sent are committed. */
    consumer_stop(b->consumer, deadline_ns > clock_mono_ns() + LEAVE_NS
                                   ? deadline_ns
                                   : clock_mono_ns() + LEAVE_NS);
}

struct bridge *bridge_free(struct bridge *b)
{
    if (!b)
        return NULL;
    if (b->consumer)
        b->consumer = consumer_free(b->consumer);
    b->lag = lag_free(b->lag);
    b->relay = relay_free(b->relay);
    kafka_health_done(&b->health);
    free(b);
    return NULL;
}

int bridge_topics(struct bridge *b, struct topics_view out[TOPICS_COUNT], struct err *e)
{
    return topics_query(&b->config, TOPIC_CONFIG_TIMEOUT_MS, out, e);
}

void bridge_health(struct bridge *b, struct bridge_health *ret_health)
{
    kafka_health_read(&b->health, ret_health);
}
