#include "bridge/consume/consumer.h"

#include <poll.h>

#include "bridge/consume/consumer_internal.h"
#include "bridge/consume/giveback.h"
#include "bridge/consume/lookback.h"
#include "bridge/kafka/handle.h"
#include "bridge/kafka/kafka_conf.h"
#include "bridge/kafka/kafka_health.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/base/thread.h"

#define FULL_WAIT_NS    (50 * NS_PER_MS)  /* for the table's writer, before the next turn */
#define OFFSETS_NS      (200 * NS_PER_MS) /* between two queries of acknowledged reports */
#define HALT_NS         (50 * NS_PER_MS)  /* the same, while waiting to leave the group */
#define MESSAGES_A_TURN 64
#define POLL_BUSY_MS    10
#define POLL_IDLE_MS    100
#define RENEW_MIN_NS    (1 * NS_PER_S) /* the wait doubles each time, up to RENEW_MAX_NS */
#define RENEW_MAX_NS    (60 * NS_PER_S)
#define CALM_NS         (3 * RENEW_MAX_NS) /* a handle that lived so long resets the wait */
#define CLOSE_NS        (3 * NS_PER_S)

/* ---- offsets ---- */

void consumer_store_offsets(struct consumer *c)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    intake_offsets(c->intake, c->config->topic, list);
    /* Fails for a partition that was lost meanwhile: its next owner reads the messages again. */
    if (list->cnt > 0)
        (void)rd_kafka_offsets_store(c->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
}

/* With KAFKA_COMMIT=reported the table is queried, so not in every turn. */
static void store_offsets_when_due(struct consumer *c)
{
    int64_t now = clock_mono_ns();

    if (c->config->commit_reported && now < c->store_offsets_ns)
        return;
    c->store_offsets_ns = now + OFFSETS_NS;
    consumer_store_offsets(c);
}

/* ---- reading ---- */

/* Frees m; the partition is fetched again from m on. */
static void refetch_from(struct consumer *c, rd_kafka_message_t *m)
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
        consumer_handle_error(c, m);
        rd_kafka_message_destroy(m);
        return;
    }
    consumer_clear_problems(c);
    if (is_looking_back(c) || intake_take(c->intake, m) < 0)
        refetch_from(c, m);
}

/* How many messages may be taken now. */
static size_t messages_to_take(struct consumer *c)
{
    const char *why = "";
    size_t most = 0;

    if (c->halt || intake_has_ended(c->intake) || intake_is_full(c->intake) ||
        !consumer_is_able(c) || is_looking_back(c))
        return 0;
    enum intake_room room = intake_room(c->intake, &most, &why);
    if (c->blocked != (room == INTAKE_BLOCKED)) {
        c->blocked = !c->blocked;
        kafka_health_paused(c->health, c->blocked, why);
    }
    return room == INTAKE_TAKES ? most : 0;
}

static void notify_end(struct consumer *c)
{
    if (c->end_notified || !intake_has_ended(c->intake) || !intake_is_idle(c->intake))
        return;
    consumer_store_offsets(c);
    c->end_notified = true;
    kafka_health_ended(c->health);
    log_info("kafka_ended", log_s("topic", c->config->topic));
    if (c->hooks.ended)
        c->hooks.ended(c->hooks.ctx);
}

/* Must all that was read be committed before the group is left? Where the next owner of a partition
 * could not find it in the table; and behind a `done`, which would end the next server too. */
static bool must_be_committed(const struct consumer *c)
{
    return giveback_is_needed(c->config, c->jobs) ||
           (c->config->commit_reported && intake_has_ended(c->intake));
}

/* Gives back what no worker has begun, waits until the rest is reported and committed if it must
 * be, and then leaves the group, because the server may need long to end. More than once: the rows
 * that the engine had claimed ahead are queued again at some moment of its stop. */
static void leave_when_halted(struct consumer *c)
{
    int64_t now = clock_mono_ns();

    if (!c->halt || c->left || !intake_is_idle(c->intake) || now < c->halt_check_ns)
        return;
    c->halt_check_ns = now + HALT_NS;
    intake_give_back(c->intake, -1);
    if (must_be_committed(c) && intake_is_open(c->intake, -1))
        return;
    c->left = true;
    (void)rd_kafka_unsubscribe(c->rk);
}

/* Polls the handle's own queue: rebalances, errors, and messages that came before the queue of
 * their partition was forwarded. */
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
        most = MESSAGES_A_TURN; /* enough: the rest of a turn costs as much as one message */
    for (size_t i = 0; i < most; i++) {
        rd_kafka_message_t *m = rd_kafka_consume_queue(c->messages, i == 0 ? timeout : 0);
        if (!m)
            return;
        read_message(c, m);
        if (intake_is_full(c->intake) || intake_has_ended(c->intake))
            return;
    }
}

static void run_consumer_turn(struct consumer *c)
{
    intake_settle(c->intake, 0);
    store_offsets_when_due(c);
    intake_retry(c->intake);
    notify_end(c);
    leave_when_halted(c);
    consumer_recheck_problems(c);
    poll_handle(c, 0); /* first, because a rebalance changes how much may be taken */
    size_t most = messages_to_take(c);
    if (most > 0) {
        read_messages(c, most);
    } else if (intake_is_full(c->intake)) {
        intake_settle(c->intake, FULL_WAIT_NS);
    } else {
        poll_handle(c, POLL_BUSY_MS);
    }
}

/* ---- the handle ---- */

static int make_consumer_handle(struct consumer *c, struct err *e)
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

/* Does not leave the group: that was done before or is given up, for it can take the session's
 * timeout. */
static void close_handle(struct consumer *c)
{
    if (!c->rk)
        return;
    consumer_release_queues(c);
    rd_kafka_queue_destroy(c->messages);
    handle_destroy(c->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE, CLOSE_NS);
    c->rk = NULL;
}

/* ---- leaving ---- */

static bool is_before_deadline(const struct consumer *c)
{
    return clock_mono_ns() < c->deadline_ns;
}

/* Waits until the table has answered every operation. Messages that it did not take are read again
 * later. */
static void wait_for_table(struct consumer *c)
{
    while (intake_in_flight(c->intake, -1) > 0)
        intake_settle(c->intake, FULL_WAIT_NS);
    consumer_store_offsets(c);
}

/* Unlike rd_kafka_consumer_close(), this returns by the deadline when the broker is away. */
static void leave_group(struct consumer *c)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(c->rk);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(c->rk, queue);

    rd_kafka_error_destroy(error);
    while (!error && !rd_kafka_consumer_closed(c->rk) && is_before_deadline(c)) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(c->rk, POLL_IDLE_MS);
        if (m)
            rd_kafka_message_destroy(m);
    }
    rd_kafka_queue_destroy(queue);
}

/* The wait grows, so that of two members with one instance id, which fence each other, one can work
 * in between. */
static void wait_before_renewal(struct consumer *c)
{
    int64_t now = clock_mono_ns();

    if (c->renew_wait_ns == 0 || now - c->made_ns > CALM_NS)
        c->renew_wait_ns = RENEW_MIN_NS;
    else if (c->renew_wait_ns < RENEW_MAX_NS / 2)
        c->renew_wait_ns *= 2;
    else
        c->renew_wait_ns = RENEW_MAX_NS;
    log_error("kafka_consumer_renewed", log_i("wait_ms", c->renew_wait_ns / NS_PER_MS),
              log_s("next", "a new one joins the group"));
    for (int64_t until = now + c->renew_wait_ns; !c->stop && clock_mono_ns() < until;)
        (void)poll(NULL, 0, POLL_IDLE_MS);
}

/* Replaces the handle after a fatal error, for example when the group has fenced this member. All
 * that was not committed is read again. */
static void renew_handle(struct consumer *c)
{
    struct err e;

    consumer_set_fatal_problem(c);
    wait_for_table(c);
    intake_give_back(c->intake, -1);
    c->lookback = lookback_free(c->lookback);
    intake_revoke(c->intake, -1);
    close_handle(c);
    c->broken = false;
    do {
        wait_before_renewal(c);
        if (c->stop || (make_consumer_handle(c, &e) == 0 && consumer_join(c, &e) == 0))
            return;
        log_error("kafka_consumer", log_s("error", e.msg));
        close_handle(c);
    } while (true);
}

static void *read_until_stopped(void *arg)
{
    struct consumer *c = arg;

    thread_name("consumer");
    while (!c->stop) {
        run_consumer_turn(c);
        if (c->broken)
            renew_handle(c);
    }
    wait_for_table(c);
    intake_give_back(c->intake, -1);
    if (c->rk) {
        consumer_store_offsets(c);
        leave_group(c);
    }
    c->lookback = lookback_free(c->lookback);
    intake_revoke(c->intake, -1); /* every message must be freed before the handle */
    return NULL;
}

/* ---- start and end ---- */

int consumer_open(const struct bridge_config *config, struct jobs *jobs,
                  struct kafka_health *health, const struct bridge_hooks *hooks,
                  struct consumer **ret_consumer, struct err *e)
{
    struct consumer *c = calloc(1, sizeof *c);

    if (!c)
        return err_set(e, ERR_NOMEM, "Kafka consumer");
    (void)pthread_mutex_init(&c->able_lock, NULL);
    c->config = config;
    c->jobs = jobs;
    c->health = health;
    if (hooks)
        c->hooks = *hooks;
    if (make_consumer_handle(c, e) < 0 || intake_open(config, jobs, health, &c->intake, e) < 0) {
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
    if (c->intake)
        intake_stop(c->intake);
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
