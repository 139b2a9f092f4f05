#include "bridge/consumer.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "bridge/bridge.h"
#include "bridge/intake.h"
#include "bridge/settings.h"
#include "bridge/stats.h"
#include "bridge/tally.h"
#include "schema/clock.h"
#include "schema/err.h"
#include "schema/log.h"

#define REVOKE_WAIT_NS (5 * NS_PER_S)   /* for what is in flight of a partition that goes */
#define FULL_WAIT_NS   (50 * NS_PER_MS) /* for the writer, before it is asked again */
#define FULL_MAX_NS    (1 * NS_PER_S)   /* for the writer, before partitions are paused */
#define AWAY_AFTER     2                /* statistics in a row without a broker */
#define POLL_BUSY_MS   10
#define POLL_IDLE_MS   100

struct consumer {
    const struct bridge_config *config; /* borrowed, as the next */
    struct tally *tally;
    struct bridge_hooks hooks;
    struct intake *intake;
    rd_kafka_t *rk;
    pthread_t thread;
    bool runs;
    atomic_bool stop;
    atomic_llong deadline_ns; /* of stopping */

    /* the thread's own */
    bool paused, told_end, missing;
    int64_t full_since_ns; /* 0: it is not */
    int without_broker;
};

/* ---- what librdkafka says ---- */

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    log_debug("librdkafka", log_i("level", level), log_s("facility", facility),
              log_s("text", text));
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *ctx)
{
    struct consumer *c = ctx;

    (void)rk;
    log_debug("kafka_error", log_s("code", rd_kafka_err2name((rd_kafka_resp_err_t)code)),
              log_s("reason", reason));
    if (c->without_broker > 0 || code == RD_KAFKA_RESP_ERR__AUTHENTICATION)
        tally_why(c->tally, reason);
}

/* Brokers come and go without a call of their own; the statistics know. */
static int on_stats(rd_kafka_t *rk, char *json, size_t len, void *ctx)
{
    struct bridge_lag lags[BRIDGE_LAGS_MAX];
    struct consumer *c = ctx;
    bool connected;
    size_t lags_len;

    (void)rk;
    if (!stats_read(json, len, c->config->topic, &connected, lags, &lags_len))
        return 0;
    tally_lags(c->tally, lags, lags_len);
    c->without_broker = connected ? 0 : c->without_broker + 1;
    if (connected)
        tally_connected(c->tally, true, NULL);
    else if (c->without_broker == AWAY_AFTER)
        tally_connected(c->tally, false, "no broker of KAFKA_BROKERS answers");
    return 0;
}

static void store_offsets(struct consumer *c)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    intake_offsets(c->intake, c->config->topic, list);
    if (list->cnt > 0) /* one that is lost meanwhile is read again by its next owner */
        (void)rd_kafka_offsets_store(c->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
}

static void pause_assigned(struct consumer *c, bool paused, const char *why)
{
    rd_kafka_topic_partition_list_t *list = NULL;

    if (rd_kafka_assignment(c->rk, &list) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (paused)
            (void)rd_kafka_pause_partitions(c->rk, list);
        else
            (void)rd_kafka_resume_partitions(c->rk, list);
        rd_kafka_topic_partition_list_destroy(list);
    }
    c->paused = paused;
    if (!intake_has_ended(c->intake))
        tally_paused(c->tally, paused, why);
}

/* ---- the group ---- */

static void take_partitions(struct consumer *c, rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        if (intake_assign(c->intake, list->elems[i].partition) < 0)
            log_error("kafka_partition_left_out", log_i("partition", list->elems[i].partition),
                      log_s("error", "out of memory"));
    }
    (void)rd_kafka_assign(c->rk, list);
    if (c->paused) /* they arrive unpaused */
        (void)rd_kafka_pause_partitions(c->rk, list);
    log_info("kafka_assigned", log_s("topic", c->config->topic), log_i("partitions", list->cnt));
}

static size_t in_flight_of(const struct consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    size_t n = 0;

    for (int i = 0; i < list->cnt; i++)
        n += intake_in_flight(c->intake, list->elems[i].partition);
    return n;
}

/* What is in the table already should not be read once more by the next owner. */
static void give_partitions(struct consumer *c, rd_kafka_topic_partition_list_t *list)
{
    int64_t until = clock_mono_ns() + REVOKE_WAIT_NS;

    while (in_flight_of(c, list) > 0 && clock_mono_ns() < until)
        intake_settle(c->intake, FULL_WAIT_NS);
    if (!rd_kafka_assignment_lost(c->rk))
        store_offsets(c);
    for (int i = 0; i < list->cnt; i++)
        intake_revoke(c->intake, list->elems[i].partition);
    (void)rd_kafka_assign(c->rk, NULL); /* commits what is stored */
    if (list->cnt > 0)
        log_info("kafka_revoked", log_s("topic", c->config->topic), log_i("partitions", list->cnt));
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list, void *ctx)
{
    struct consumer *c = ctx;

    (void)rk;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        take_partitions(c, list);
    else
        give_partitions(c, list);
}

/* ---- reading ---- */

static void note_missing(struct consumer *c, bool missing)
{
    char why[300];

    if (c->missing == missing)
        return;
    c->missing = missing;
    if (!missing) {
        tally_why(c->tally, "");
        log_info("kafka_topic_found", log_s("topic", c->config->topic));
        return;
    }
    (void)snprintf(why, sizeof why, "the topic %s does not exist yet", c->config->topic);
    tally_why(c->tally, why);
    log_warning("kafka_topic_missing", log_s("topic", c->config->topic));
}

/* Out of memory: everything of the partition from m on is fetched again. */
static void read_again(struct consumer *c, rd_kafka_message_t *m)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, c->config->topic, m->partition)->offset = m->offset;
    rd_kafka_error_destroy(rd_kafka_seek_partitions(c->rk, list, 0));
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_message_destroy(m);
    intake_settle(c->intake, FULL_WAIT_NS);
}

static void read_message(struct consumer *c, rd_kafka_message_t *m)
{
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        note_missing(c, false);
        if (intake_take(c->intake, m) < 0)
            read_again(c, m);
        return;
    }
    if (m->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
        m->err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        note_missing(c, true);
    else
        log_debug("kafka_poll", log_s("code", rd_kafka_err2name(m->err)),
                  log_s("error", rd_kafka_message_errstr(m)));
    rd_kafka_message_destroy(m);
}

/* A writer that is slow for a moment is waited for; one that is slow for longer must not keep us
 * from polling. True: do not read now. */
static bool wait_for_writer(struct consumer *c)
{
    int64_t now = clock_mono_ns();

    if (!intake_is_full(c->intake)) {
        c->full_since_ns = 0;
        return false;
    }
    if (c->full_since_ns == 0)
        c->full_since_ns = now;
    if (c->paused)
        return false;
    if (now - c->full_since_ns > FULL_MAX_NS) {
        pause_assigned(c, true, "the table is slow");
        return false;
    }
    intake_settle(c->intake, FULL_WAIT_NS);
    return true;
}

static void mind_pause(struct consumer *c)
{
    const char *why = "";
    bool ended = intake_has_ended(c->intake);
    bool blocked = intake_is_blocked(c->intake, &why);

    if (!c->paused && (blocked || ended))
        pause_assigned(c, true, why);
    else if (c->paused && !blocked && !ended && !intake_is_full(c->intake))
        pause_assigned(c, false, "");
}

static void mind_end(struct consumer *c)
{
    if (c->told_end || !intake_has_ended(c->intake) || !intake_is_idle(c->intake))
        return;
    store_offsets(c);
    c->told_end = true;
    tally_ended(c->tally);
    log_info("kafka_ended", log_s("topic", c->config->topic));
    if (c->hooks.ended)
        c->hooks.ended(c->hooks.ctx);
}

static void turn(struct consumer *c)
{
    intake_settle(c->intake, 0);
    store_offsets(c);
    intake_retry(c->intake);
    mind_pause(c);
    mind_end(c);
    if (wait_for_writer(c))
        return;
    int timeout = intake_is_idle(c->intake) ? POLL_IDLE_MS : POLL_BUSY_MS;
    for (int i = 0; i < 64; i++) { /* the rest of a turn costs as much as a message */
        rd_kafka_message_t *m = rd_kafka_consumer_poll(c->rk, i == 0 ? timeout : 0);
        if (!m)
            return;
        read_message(c, m);
        if (intake_is_full(c->intake) || intake_has_ended(c->intake))
            return;
    }
}

/* ---- the end ---- */

static bool in_time(const struct consumer *c) { return clock_mono_ns() < c->deadline_ns; }

/* The table answers for everything it was given; what it does not take now is read again later. */
static void finish_flights(struct consumer *c)
{
    while (intake_in_flight(c->intake, -1) > 0)
        intake_settle(c->intake, FULL_WAIT_NS);
    store_offsets(c);
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

static void *read_until_stopped(void *arg)
{
    struct consumer *c = arg;

    while (!c->stop)
        turn(c);
    finish_flights(c);
    leave(c);
    intake_revoke(c->intake, -1); /* no message may outlive its handle */
    return NULL;
}

/* ---- life ---- */

static int make_handle(struct consumer *c, struct err *e)
{
    rd_kafka_conf_t *conf = NULL;
    char why[300];

    if (settings_make(c->config, SETTINGS_CONSUMER, &conf, e) < 0)
        return -1;
    rd_kafka_conf_set_opaque(conf, c);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_stats_cb(conf, on_stats);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    c->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (!c->rk) {
        rd_kafka_conf_destroy(conf);
        return err_set(e, ERR_SETTING, "Kafka consumer: %s", why);
    }
    (void)rd_kafka_poll_set_consumer(c->rk);
    return 0;
}

int consumer_open(const struct bridge_config *config, struct jobs *jobs, struct tally *tally,
                  const struct bridge_hooks *hooks, struct consumer **ret_consumer, struct err *e)
{
    struct consumer *c = calloc(1, sizeof *c);

    if (!c)
        return err_set(e, ERR_NOMEM, "Kafka consumer");
    c->config = config;
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
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    sigset_t all, old;

    rd_kafka_topic_partition_list_add(topics, c->config->topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(c->rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (code)
        return err_set(e, ERR_SETTING, "subscribe to %s: %s", c->config->topic,
                       rd_kafka_err2str(code));
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are main's */
    int rc = pthread_create(&c->thread, NULL, read_until_stopped, c);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0)
        return err_errno(e, ERR_NOMEM, rc, "Kafka consumer thread");
    c->runs = true;
    return 0;
}

void consumer_stop(struct consumer *c, int64_t deadline_ns)
{
    if (c->runs) {
        c->deadline_ns = deadline_ns;
        c->stop = true;
        (void)pthread_join(c->thread, NULL);
        c->runs = false;
    }
    if (c->rk) {
        /* Left in order above, or given up: closing here could take the session's timeout. */
        rd_kafka_destroy_flags(c->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
        c->rk = NULL;
    }
}

struct consumer *consumer_free(struct consumer *c)
{
    if (!c)
        return NULL;
    consumer_stop(c, 0);
    c->intake = intake_free(c->intake);
    free(c);
    return NULL;
}
