#include "bridge/consume/consumer.h"

#include <poll.h>

#include "bridge/consume/consumer_internal.h"
#include "bridge/consume/lookback.h"
#include "bridge/kafka/handle.h"
#include "bridge/kafka/kafka_conf.h"
#include "bridge/kafka/kafka_health.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/base/thread.h"

#define FULL_WAIT_NS    (50 * NS_PER_MS)  /* for the writer, before it is asked again */
#define OFFSETS_NS      (200 * NS_PER_MS) /* between two questions which reports are out */
#define HALT_NS         (50 * NS_PER_MS)  /* the same, when the group is to be left */
#define MESSAGES_A_TURN 64
#define POLL_BUSY_MS    10
#define POLL_IDLE_MS    100
#define RENEW_MIN_NS    (1 * NS_PER_S) /* doubled at each time, up to the next */
#define RENEW_MAX_NS    (60 * NS_PER_S)
#define CALM_NS         (3 * RENEW_MAX_NS) /* what was well so long begins again */
#define CLOSE_NS        (3 * NS_PER_S)

/* ---- offsets ---- */

void consumer_store_offsets(struct consumer *c)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    intake_offsets(c->intake, c->config->topic, list);
    if (list->cnt > 0) /* one that is lost meanwhile is read again by its next owner */
        (void)rd_kafka_offsets_store(c->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
}

/* Where offsets wait for reports the table is asked, so not at every turn. */
static void store_offsets_in_time(struct consumer *c)
{
    int64_t now = clock_mono_ns();

    if (c->config->commit_reported && now < c->offsets_ns)
        return;
    c->offsets_ns = now + OFFSETS_NS;
    consumer_store_offsets(c);
}

/* ---- reading ---- */

/* Everything of the partition from m on is fetched again. */
static void read_again(struct consumer *c, rd_kafka_message_t *m)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, c->config->topic, m->partition)->offset = m->offset;
    rd_kafka_error_destroy(rd_kafka_seek_partitions(c->rk, list, 0));
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_message_destroy(m);
    intake_settle(c->intake, FULL_WAIT_NS);
}

static bool is_looking_back(const struct consumer *c)
{
    return c->lookback && !lookback_is_done(c->lookback);
}

static void read_message(struct consumer *c, rd_kafka_message_t *m)
{
    if (m->err) {
        consumer_note_error(c, m);
        rd_kafka_message_destroy(m);
        return;
    }
    consumer_note_well(c);
    if (is_looking_back(c) || intake_take(c->intake, m) < 0)
        read_again(c, m);
}

/* How many messages may be taken now. */
static size_t room(struct consumer *c)
{
    const char *why = "";
    size_t most = 0;

    if (c->halt || intake_has_ended(c->intake) || intake_is_full(c->intake) ||
        !consumer_is_able(c) || is_looking_back(c))
        return 0;
    enum intake_room room = intake_room(c->intake, &most, &why);
    if (c->waiting != (room == INTAKE_BLOCKED)) {
        c->waiting = !c->waiting;
        kafka_health_paused(c->tally, c->waiting, why);
    }
    return room == INTAKE_TAKES ? most : 0;
}

static void mind_end(struct consumer *c)
{
    if (c->told_end || !intake_has_ended(c->intake) || !intake_is_idle(c->intake))
        return;
    consumer_store_offsets(c);
    c->told_end = true;
    kafka_health_ended(c->tally);
    log_info("kafka_ended", log_s("topic", c->config->topic));
    if (c->hooks.ended)
        c->hooks.ended(c->hooks.ctx);
}

/* What is not begun goes back at once. What runs is reported and committed; then the group is left,
 * for it may be long until the server has ended. */
static void mind_halt(struct consumer *c)
{
    int64_t now = clock_mono_ns();

    if (!c->halt || c->left || !intake_is_idle(c->intake) || now < c->halt_ns)
        return;
    c->halt_ns = now + HALT_NS;
    if (!c->halted)
        intake_give_back(c->intake, -1);
    c->halted = true;
    if (intake_is_open(c->intake, -1))
        return;
    c->left = true;
    (void)rd_kafka_unsubscribe(c->rk);
}

/* The handle's own: rebalances, errors, and a message that came before its partition was
 * forwarded. */
static void poll_handle(struct consumer *c, int timeout_ms)
{
    rd_kafka_message_t *m;

    for (int i = 0; i < MESSAGES_A_TURN; i++) {
        m = rd_kafka_consumer_poll(c->rk, i == 0 ? timeout_ms : 0);
        if (!m)
            return;
        read_message(c, m);
    }
}

static void read_messages(struct consumer *c, size_t most)
{
    int timeout = intake_is_idle(c->intake) ? POLL_IDLE_MS : POLL_BUSY_MS;

    if (most > MESSAGES_A_TURN)
        most = MESSAGES_A_TURN; /* the rest of a turn costs as much as a message */
    for (size_t i = 0; i < most; i++) {
        rd_kafka_message_t *m = rd_kafka_consume_queue(c->messages, i == 0 ? timeout : 0);
        if (!m)
            return;
        read_message(c, m);
        if (intake_is_full(c->intake) || intake_has_ended(c->intake))
            return;
    }
}

static void turn(struct consumer *c)
{
    intake_settle(c->intake, 0);
    store_offsets_in_time(c);
    intake_retry(c->intake);
    mind_end(c);
    mind_halt(c);
    consumer_ask_well(c);
    poll_handle(c, 0); /* before it is known how much is taken: partitions may have come */
    size_t most = room(c);
    if (most > 0) {
        read_messages(c, most);
    } else if (intake_is_full(c->intake)) {
        intake_settle(c->intake, FULL_WAIT_NS);
    } else {
        poll_handle(c, POLL_BUSY_MS);
    }
}

/* ---- the handle ---- */

static int make_handle(struct consumer *c, struct err *e)
{
    rd_kafka_conf_t *conf = NULL;
    char why[300];

    if (kafka_conf_make(c->config, KAFKA_CONF_CONSUMER, &conf, e) < 0)
        return -1;
    rd_kafka_conf_set_opaque(conf, c);
    rd_kafka_conf_set_log_cb(conf, handle_log);
    rd_kafka_conf_set_error_cb(conf, consumer_on_error);
    rd_kafka_conf_set_stats_cb(conf, consumer_on_stats);
    rd_kafka_conf_set_rebalance_cb(conf, consumer_on_rebalance);
    c->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (!c->rk) {
        rd_kafka_conf_destroy(conf);
        return err_set(e, ERR_SETTING, "Kafka consumer: %s", why);
    }
    (void)rd_kafka_poll_set_consumer(c->rk);
    c->messages = rd_kafka_queue_new(c->rk);
    c->made_ns = clock_mono_ns();
    return 0;
}

/* Left in order before, or given up: closing here could take the session's timeout. */
static void close_handle(struct consumer *c)
{
    if (!c->rk)
        return;
    consumer_let_queues_go(c);
    rd_kafka_queue_destroy(c->messages);
    handle_destroy(c->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE, CLOSE_NS);
    c->rk = NULL;
}

/* ---- the end ---- */

static bool in_time(const struct consumer *c) { return clock_mono_ns() < c->deadline_ns; }

/* The table answers for everything it was given; what it does not take now is read again later. */
static void finish_flights(struct consumer *c)
{
    while (intake_in_flight(c->intake, -1) > 0)
        intake_settle(c->intake, FULL_WAIT_NS);
    consumer_store_offsets(c);
}

/* Unlike rd_kafka_consumer_close() this ends in time when the broker is away. */
static void leave(struct consumer *c)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(c->rk);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(c->rk, queue);

    rd_kafka_error_destroy(error);
    while (!error && !rd_kafka_consumer_closed(c->rk) && in_time(c)) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(c->rk, POLL_IDLE_MS);
        if (m)
            rd_kafka_message_destroy(m);
    }
    rd_kafka_queue_destroy(queue);
}

/* Two members that throw each other out do so ever more rarely: in between, one of them works. */
static void await_turn(struct consumer *c)
{
    int64_t now = clock_mono_ns();

    if (c->patience_ns == 0 || now - c->made_ns > CALM_NS)
        c->patience_ns = RENEW_MIN_NS;
    else if (c->patience_ns < RENEW_MAX_NS / 2)
        c->patience_ns *= 2;
    else
        c->patience_ns = RENEW_MAX_NS;
    log_error("kafka_consumer_renewed", log_i("wait_ms", c->patience_ns / NS_PER_MS),
              log_s("next", "a new one joins the group"));
    for (int64_t until = now + c->patience_ns; !c->stop && clock_mono_ns() < until;)
        (void)poll(NULL, 0, POLL_IDLE_MS);
}

/* A member that the group has thrown out for good, or a handle that cannot go on: only a new one
 * can. What was not committed is read again. */
static void renew(struct consumer *c)
{
    struct err e;

    consumer_note_fatal(c);
    finish_flights(c);
    intake_give_back(c->intake, -1);
    c->lookback = lookback_free(c->lookback);
    intake_revoke(c->intake, -1);
    close_handle(c);
    c->broken = false;
    do {
        await_turn(c);
        if (c->stop || (make_handle(c, &e) == 0 && consumer_join(c, &e) == 0))
            return;
        log_error("kafka_consumer", log_s("error", e.msg));
        close_handle(c);
    } while (true);
}

static void *read_until_stopped(void *arg)
{
    struct consumer *c = arg;

    while (!c->stop) {
        turn(c);
        if (c->broken)
            renew(c);
    }
    finish_flights(c);
    intake_give_back(c->intake, -1);
    if (c->rk) {
        consumer_store_offsets(c);
        leave(c);
    }
    c->lookback = lookback_free(c->lookback);
    intake_revoke(c->intake, -1); /* no message may outlive its handle */
    return NULL;
}

/* ---- life ---- */

int consumer_open(const struct bridge_config *config, struct jobs *jobs, struct kafka_health *tally,
                  const struct bridge_hooks *hooks, struct consumer **ret_consumer, struct err *e)
{
    struct consumer *c = calloc(1, sizeof *c);

    if (!c)
        return err_set(e, ERR_NOMEM, "Kafka consumer");
    (void)pthread_mutex_init(&c->able_lock, NULL);
    c->config = config;
    c->jobs = jobs;
    c->tally = tally;
    if (hooks)
        c->hooks = *hooks;
    if (make_handle(c, e) < 0 || intake_open(config, jobs, tally, &c->intake, e) < 0) {
        (void)consumer_free(c);
        return -1;
    }
    *ret_consumer = c;
    return 0;
}

int consumer_start(struct consumer *c, struct err *e)
{
    if (consumer_join(c, e) < 0)
        return -1;
    int rc = thread_start(&c->thread, read_until_stopped, c);
    if (rc != 0)
        return err_errno(e, ERR_NOMEM, rc, "Kafka consumer thread");
    c->runs = true;
    return 0;
}

void consumer_halt(struct consumer *c)
{
    (void)pthread_mutex_lock(&c->able_lock);
    c->halt = true;
    (void)pthread_mutex_unlock(&c->able_lock);
}

void consumer_stop(struct consumer *c, int64_t deadline_ns)
{
    if (c->runs) {
        c->deadline_ns = deadline_ns;
        c->stop = true;
        (void)pthread_join(c->thread, NULL);
        c->runs = false;
    }
    close_handle(c);
}

struct consumer *consumer_free(struct consumer *c)
{
    if (!c)
        return NULL;
    consumer_stop(c, 0);
    c->intake = intake_free(c->intake);
    (void)pthread_mutex_destroy(&c->able_lock);
    free(c);
    return NULL;
}
