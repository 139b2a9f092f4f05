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

#define ASK_MS         5000            /* for one answer of the broker */
#define FLIGHT_WAIT_NS (5 * NS_PER_S)  /* for what the table has of a partition that goes */
#define RUNS_WAIT_NS   (15 * NS_PER_S) /* for what is judged of it, and its reports */
#define LOOK_MS        50
#define ABLE_NS        (200 * NS_PER_MS) /* between two questions whether this host can judge */
#define UNABLE_MAX_NS  (30 * NS_PER_S)   /* then others get its partitions */

/* ---- partitions that come ---- */

/* Deleted by retention before anybody read them. */
static void note_lost(struct consumer *c, int32_t partition, int64_t from, int64_t low)
{
    if (low <= from)
        return;
    kafka_health_add(c->tally, BRIDGE_LOST, low - from);
    log_error("kafka_messages_lost", log_s("topic", c->config->topic),
              log_i("partition", partition), log_i("messages", low - from), log_i("first", from),
              log_s("means", "the topic's retention deleted them before they were read"),
              log_s("next", "it goes on from the earliest that is there"));
}

/* The position is set here and not by auto.offset.reset, which would pass over what was deleted
 * without a word. */
static void find_positions(struct consumer *c, rd_kafka_topic_partition_list_t *list)
{
    if (rd_kafka_committed(c->rk, list, ASK_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return; /* librdkafka asks again */
    for (int i = 0; i < list->cnt; i++) {
        rd_kafka_topic_partition_t *t = &list->elems[i];
        int64_t low, high;
        if (t->offset < 0) {
            t->offset = RD_KAFKA_OFFSET_BEGINNING;
        } else if (rd_kafka_query_watermark_offsets(c->rk, t->topic, t->partition, &low, &high,
                                                    ASK_MS) == RD_KAFKA_RESP_ERR_NO_ERROR &&
                   low > t->offset) {
            note_lost(c, t->partition, t->offset, low);
            t->offset = low;
        }
    }
}

static bool is_reported(void *ctx, const struct outbox_origin *o)
{
    const struct consumer *c = ctx;

    return c->lookback && lookback_has(c->lookback, o);
}

static void look_back(struct consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    struct err e;

    c->lookback = lookback_free(c->lookback);
    if (!c->config->commit_reported || list->cnt == 0)
        return;
    if (lookback_start(c->config, list, &c->lookback, &e) < 0)
        log_warning("kafka_lookback", log_s("error", e.msg));
    intake_skip(c->intake, is_reported, c);
}

/* In the queue of a partition that was away meanwhile, deleted or without rights, librdkafka 2.0
 * leaves something of its own, which holds the partition: destroying the handle would never end. */
void consumer_let_queues_go(struct consumer *c)
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

static void forward_messages(struct consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    c->queues = calloc((size_t)list->cnt + 1, sizeof *c->queues);
    for (int i = 0; c->queues && i < list->cnt; i++) {
        rd_kafka_queue_t *q =
            rd_kafka_queue_get_partition(c->rk, list->elems[i].topic, list->elems[i].partition);
        if (!q)
            continue; /* what is not forwarded comes with the rest, and is taken as well */
        rd_kafka_queue_forward(q, c->messages);
        c->queues[c->queues_len++] = q;
    }
}

/* Who is about to leave answers, and has none of them. */
static void take_none(struct consumer *c)
{
    rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(0);

    (void)rd_kafka_assign(c->rk, none);
    rd_kafka_topic_partition_list_destroy(none);
}

/* A table that somebody was killed on has rows of partitions that are others' now. Once: what is
 * taken from now on goes back when its partition goes. */
static void return_strays(struct consumer *c, const rd_kafka_topic_partition_list_t *mine)
{
    struct err e;

    if (c->returned || !c->config->commit_reported)
        return;
    c->returned = giveback_strays(c->rk, c->config, c->jobs, mine, &e) == 0;
    if (!c->returned)
        log_warning("kafka_not_given_back", log_s("error", e.msg),
                    log_s("means", "it may be judged elsewhere, too"));
}

static void take_partitions(struct consumer *c, rd_kafka_topic_partition_list_t *list)
{
    consumer_let_queues_go(c);
    for (int i = 0; i < list->cnt; i++) {
        if (intake_assign(c->intake, list->elems[i].partition) < 0)
            log_error("kafka_partition_left_out", log_i("partition", list->elems[i].partition),
                      log_s("error", "out of memory"));
    }
    find_positions(c, list);
    return_strays(c, list);
    look_back(c, list);
    (void)rd_kafka_assign(c->rk, list);
    forward_messages(c, list);
    log_info("kafka_assigned", log_s("topic", c->config->topic), log_i("partitions", list->cnt));
}

void consumer_reset(struct consumer *c, int32_t partition)
{
    const char *topic = c->config->topic;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *t = rd_kafka_topic_partition_list_add(list, topic, partition);
    int64_t low = 0, high = 0, from = -1;

    if (rd_kafka_committed(c->rk, list, ASK_MS) == RD_KAFKA_RESP_ERR_NO_ERROR)
        from = t->offset;
    if (rd_kafka_query_watermark_offsets(c->rk, topic, partition, &low, &high, ASK_MS)) {
        low = RD_KAFKA_OFFSET_BEGINNING;
    } else if (from >= 0 && from <= high) {
        note_lost(c, partition, from, low);
    } else if (from > high) {
        log_warning("kafka_position_lost", log_s("topic", topic), log_i("partition", partition),
                    log_i("offset", from), log_i("end", high),
                    log_s("means", "the topic was made anew, or lost what it had"),
                    log_s("next", "it is read from its beginning"));
    }
    t->offset = low;
    rd_kafka_error_destroy(rd_kafka_seek_partitions(c->rk, list, ASK_MS));
    rd_kafka_topic_partition_list_destroy(list);
}

/* ---- partitions that go ---- */

static size_t in_flight_of(const struct consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    size_t n = 0;

    for (int i = 0; i < list->cnt; i++)
        n += intake_in_flight(c->intake, list->elems[i].partition);
    return n;
}

static bool is_open(const struct consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        if (intake_is_open(c->intake, list->elems[i].partition))
            return true;
    }
    return false;
}

static void give_back(struct consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++)
        intake_give_back(c->intake, list->elems[i].partition);
}

/* What is judged of them now ends here, and its report is acknowledged: the next owner finds it
 * committed, or on the results topic. What does not end waits again (Docker has gone, the server
 * stops, which it does when nothing is judged any more), and goes back as well. */
static void await_open(struct consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    int64_t until = clock_mono_ns() + RUNS_WAIT_NS;

    while (is_open(c, list) && clock_mono_ns() < until && !c->stop)
        (void)poll(NULL, 0, LOOK_MS);
    give_back(c, list);
}

static void give_partitions(struct consumer *c, rd_kafka_topic_partition_list_t *list)
{
    int64_t until = clock_mono_ns() + FLIGHT_WAIT_NS;
    bool lost = rd_kafka_assignment_lost(c->rk);

    c->lookback = lookback_free(c->lookback);
    while (in_flight_of(c, list) > 0 && clock_mono_ns() < until)
        intake_settle(c->intake, LOOK_MS * NS_PER_MS);
    give_back(c, list);
    if (!lost && c->config->commit_reported)
        await_open(c, list);
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
        give_partitions(c, list);
    else if (c->halt || c->stop)
        take_none(c);
    else
        take_partitions(c, list);
}

/* ---- being able to judge ---- */

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

static void note_able(struct consumer *c)
{
    struct err e;

    if (c->unable_since_ns == 0)
        return;
    c->unable_since_ns = 0;
    kafka_health_paused(c->tally, false, "");
    if (!c->left)
        return;
    if (consumer_join(c, &e) < 0)
        log_error("kafka_group", log_s("error", e.msg));
    else
        log_info("kafka_joined", log_s("group", c->config->group_id),
                 log_s("why", "this host can judge again"));
}

static void note_unable(struct consumer *c, const char *why, int64_t now)
{
    if (c->unable_since_ns == 0) {
        c->unable_since_ns = now;
        kafka_health_paused(c->tally, true, why);
    }
    if (c->left || now - c->unable_since_ns < UNABLE_MAX_NS)
        return;
    c->left = true;
    log_warning("kafka_left", log_s("group", c->config->group_id), log_s("why", why),
                log_s("means", "other servers get its partitions"),
                log_s("next", "it joins again when it can judge"));
    (void)rd_kafka_unsubscribe(c->rk);
}

/* True as well when it is not to be asked any more. */
static bool ask_able(struct consumer *c, char *why, size_t size)
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
    if (now >= c->able_ns) {
        c->able_ns = now + ABLE_NS;
        if (ask_able(c, why, sizeof why))
            note_able(c);
        else
            note_unable(c, why, now);
    }
    return c->unable_since_ns == 0;
}
