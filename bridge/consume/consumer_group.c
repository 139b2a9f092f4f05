#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "bridge/consume/consumer_internal.h"
#include "bridge/consume/giveback.h"
#include "bridge/consume/lookback.h"
#include "bridge/kafka/kafka_health.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/store/outbox.h"

#define QUERY_MS          5000            /* timeout of one request to the broker */
#define IN_FLIGHT_WAIT_NS (5 * NS_PER_S)  /* for the table's answers about revoked partitions */
#define RUNS_WAIT_NS      (15 * NS_PER_S) /* for the reports of what is running of them */
#define CHECK_MS          50
#define ABLE_NS           (200 * NS_PER_MS) /* between two calls of hooks.able */
#define UNABLE_MAX_NS     (30 * NS_PER_S)   /* after that, it leaves the group */

/* ---- assigned partitions ---- */

/* Retention deleted messages [from, low) before they were read. */
static void count_lost_messages(struct consumer *c, int32_t partition, int64_t from, int64_t low)
{
    if (low <= from)
        return;
    kafka_health_add(c->health, BRIDGE_LOST, low - from);
    log_error("kafka_messages_lost", log_s("topic", c->config->topic),
              log_i("partition", partition), log_i("messages", low - from), log_i("first", from),
              log_s("means", "the topic's retention deleted them before they were read"),
              log_s("next", "it goes on from the earliest that is there"));
}

/* Sets the positions here, because auto.offset.reset would skip deleted messages without an
 * error. */
static void set_positions(struct consumer *c, rd_kafka_topic_partition_list_t *list)
{
    if (rd_kafka_committed(c->rk, list, QUERY_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return; /* librdkafka queries them itself */
    for (int i = 0; i < list->cnt; i++) {
        rd_kafka_topic_partition_t *t = &list->elems[i];
        int64_t low, high;
        if (t->offset < 0) {
            t->offset = RD_KAFKA_OFFSET_BEGINNING;
        } else if (rd_kafka_query_watermark_offsets(c->rk, t->topic, t->partition, &low, &high,
                                                    QUERY_MS) == RD_KAFKA_RESP_ERR_NO_ERROR &&
                   low > t->offset) {
            count_lost_messages(c, t->partition, t->offset, low);
            t->offset = low;
        }
    }
}

static bool is_reported_elsewhere(void *ctx, const struct outbox_origin *o)
{
    const struct consumer *c = ctx;

    return c->lookback && lookback_has(c->lookback, o);
}

static void start_lookback(struct consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    struct err e;

    c->lookback = lookback_free(c->lookback);
    if (!c->config->commit_reported || list->cnt == 0)
        return;
    if (lookback_start(c->config, list, &c->lookback, &e) < 0)
        log_warning("kafka_lookback", log_s("error", e.msg));
    intake_set_skip(c->intake, is_reported_elsewhere, c);
}

/* Empties the queues first: when a partition was deleted or not readable meanwhile, librdkafka 2.0
 * leaves an entry in its queue that refers to the partition, and to destroy the handle would block
 * for ever. */
void consumer_release_queues(struct consumer *c)
{
    rd_kafka_message_t *m;

    for (size_t i = 0; i < c->queues_len; i++) {
        rd_kafka_queue_forward(c->queues[i], NULL);
        while ((m = rd_kafka_consume_queue(c->queues[i], 0)) != NULL)
            rd_kafka_message_destroy(m);
        rd_kafka_queue_destroy(c->queues[i]);
    }
    free(c->queues);
    c->queues = NULL;
    c->queues_len = 0;
}

static void forward_queues(struct consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    c->queues = calloc((size_t)list->cnt + 1, sizeof *c->queues);
    for (int i = 0; c->queues && i < list->cnt; i++) {
        rd_kafka_queue_t *q =
            rd_kafka_queue_get_partition(c->rk, list->elems[i].topic, list->elems[i].partition);
        if (!q)
            continue; /* its messages come with poll_handle(), and are taken too */
        rd_kafka_queue_forward(q, c->messages);
        c->queues[c->queues_len++] = q;
    }
}

/* A rebalance must be answered, also by a member that is about to leave. */
static void assign_none(struct consumer *c)
{
    rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(0);

    (void)rd_kafka_assign(c->rk, none);
    rd_kafka_topic_partition_list_destroy(none);
}

/* Rows of an earlier, killed server may be of partitions that others have now. Once is enough: from
 * now on rows are given back when their partition is revoked. */
static void give_back_strays_once(struct consumer *c, const rd_kafka_topic_partition_list_t *mine)
{
    struct err e;

    if (c->strays_given_back || !giveback_is_needed(c->config, c->jobs))
        return;
    c->strays_given_back = giveback_strays(c->rk, c->config, c->jobs, mine, &e) == 0;
    if (!c->strays_given_back)
        log_warning("kafka_not_given_back", log_s("error", e.msg),
                    log_s("means", "it may be judged elsewhere, too"));
}

static void assign_partitions(struct consumer *c, rd_kafka_topic_partition_list_t *list)
{
    consumer_release_queues(c);
    for (int i = 0; i < list->cnt; i++) {
        if (intake_assign(c->intake, list->elems[i].partition) < 0)
            log_error("kafka_partition_left_out", log_i("partition", list->elems[i].partition),
                      log_s("error", "out of memory"));
    }
    set_positions(c, list);
    give_back_strays_once(c, list);
    start_lookback(c, list);
    (void)rd_kafka_assign(c->rk, list);
    forward_queues(c, list);
    log_info("kafka_assigned", log_s("topic", c->config->topic), log_i("partitions", list->cnt));
}

void consumer_reset_position(struct consumer *c, int32_t partition)
{
    const char *topic = c->config->topic;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *t = rd_kafka_topic_partition_list_add(list, topic, partition);
    int64_t low = 0, high = 0, from = -1;

    if (rd_kafka_committed(c->rk, list, QUERY_MS) == RD_KAFKA_RESP_ERR_NO_ERROR)
        from = t->offset;
    if (rd_kafka_query_watermark_offsets(c->rk, topic, partition, &low, &high, QUERY_MS)) {
        low = RD_KAFKA_OFFSET_BEGINNING;
    } else if (from >= 0 && from <= high) {
        count_lost_messages(c, partition, from, low);
    } else if (from > high) {
        log_warning("kafka_position_lost", log_s("topic", topic), log_i("partition", partition),
                    log_i("offset", from), log_i("end", high),
                    log_s("means", "the topic was made anew, or lost what it had"),
                    log_s("next", "it is read from its beginning"));
    }
    t->offset = low;
    rd_kafka_error_destroy(rd_kafka_seek_partitions(c->rk, list, QUERY_MS));
    rd_kafka_topic_partition_list_destroy(list);
}

/* ---- revoked partitions ---- */

static size_t count_in_flight(const struct consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    size_t n = 0;

    for (int i = 0; i < list->cnt; i++)
        n += intake_in_flight(c->intake, list->elems[i].partition);
    return n;
}

static bool has_open_messages(const struct consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        if (intake_is_open(c->intake, list->elems[i].partition))
            return true;
    }
    return false;
}

static void give_back_partitions(struct consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++)
        intake_give_back(c->intake, list->elems[i].partition);
}

/* Waits until what is running is reported and acknowledged, so that the next owner finds it
 * committed or on the results topic. A submission that does not end is queued again (Docker is
 * away, or the server stops), and is then given back too. */
static void wait_for_reports(struct consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    int64_t until = clock_mono_ns() + RUNS_WAIT_NS;

    while (has_open_messages(c, list) && clock_mono_ns() < until && !c->stop)
        (void)poll(NULL, 0, CHECK_MS);
    give_back_partitions(c, list);
}

static void revoke_partitions(struct consumer *c, rd_kafka_topic_partition_list_t *list)
{
    int64_t until = clock_mono_ns() + IN_FLIGHT_WAIT_NS;
    bool lost = rd_kafka_assignment_lost(c->rk);

    c->lookback = lookback_free(c->lookback);
    while (count_in_flight(c, list) > 0 && clock_mono_ns() < until)
        intake_settle(c->intake, CHECK_MS * NS_PER_MS);
    give_back_partitions(c, list);
    if (!lost && giveback_is_needed(c->config, c->jobs))
        wait_for_reports(c, list);
    if (!lost)
        consumer_store_offsets(c);
    for (int i = 0; i < list->cnt; i++)
        intake_revoke(c->intake, list->elems[i].partition);
    (void)rd_kafka_assign(c->rk, NULL); /* commits what is stored */
    if (list->cnt > 0)
        log_info("kafka_revoked", log_s("topic", c->config->topic), log_i("partitions", list->cnt));
}

void consumer_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                           rd_kafka_topic_partition_list_t *list, void *ctx)
{
    struct consumer *c = ctx;

    (void)rk;
    if (code != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        revoke_partitions(c, list);
    else if (c->halt || c->stop)
        assign_none(c);
    else
        assign_partitions(c, list);
}

/* ---- whether this host can judge ---- */

int consumer_join(struct consumer *c, struct err *e)
{
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(topics, c->config->topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(c->rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (code)
        return err_set(e, ERR_SETTING, "subscribe to %s: %s", c->config->topic,
                       rd_kafka_err2str(code));
    c->left = false;
    return 0;
}

static void set_able(struct consumer *c)
{
    struct err e;

    if (c->unable_since_ns == 0)
        return;
    c->unable_since_ns = 0;
    kafka_health_paused(c->health, false, "");
    if (!c->left)
        return;
    if (consumer_join(c, &e) < 0)
        log_error("kafka_group", log_s("error", e.msg));
    else
        log_info("kafka_joined", log_s("group", c->config->group_id),
                 log_s("why", "this host can judge again"));
}

static void set_unable(struct consumer *c, const char *why, int64_t now)
{
    if (c->unable_since_ns == 0) {
        c->unable_since_ns = now;
        kafka_health_paused(c->health, true, why);
    }
    if (c->left || now - c->unable_since_ns < UNABLE_MAX_NS)
        return;
    c->left = true;
    log_warning("kafka_left", log_s("group", c->config->group_id), log_s("why", why),
                log_s("means", "other servers get its partitions"),
                log_s("next", "it joins again when it can judge"));
    (void)rd_kafka_unsubscribe(c->rk);
}

/* Also true after consumer_halt(), when the hook must not be called any more. */
static bool query_able(struct consumer *c, char *why, size_t size)
{
    (void)pthread_mutex_lock(&c->able_lock);
    bool able = c->halt || c->hooks.able(c->hooks.ctx, why, size);
    (void)pthread_mutex_unlock(&c->able_lock);
    return able;
}

bool consumer_is_able(struct consumer *c)
{
    int64_t now = clock_mono_ns();
    char why[200] = "";

    if (!c->hooks.able)
        return true;
    if (now >= c->able_check_ns) {
        c->able_check_ns = now + ABLE_NS;
        if (query_able(c, why, sizeof why))
            set_able(c);
        else
            set_unable(c, why, now);
    }
    return c->unable_since_ns == 0;
}
