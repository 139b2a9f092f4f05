#include "bridge/publish/relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/kafka/kafka_health.h"
#include "bridge/publish/producer.h"
#include "bridge/publish/relay_internal.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/base/thread.h"
#include "schema/store/jobs.h"
#include "schema/store/outbox.h"

#define WATERMARKS_NS (5 * NS_PER_S) /* between two checks whether to store watermarks */
#define BACKOFF_NS    (1 * NS_PER_S)
#define INIT_MS       1000
#define STALLED_NS    (3 * NS_PER_S)  /* stopping ends when nothing is acknowledged for so long */
#define QUIET_NS      (10 * NS_PER_S) /* without a coordinator, before that is a problem */
#define SCAN_ROWS     1000

/* ---- notifications ---- */

static void on_outbox(void *ctx, unsigned kinds)
{
    struct relay *r = ctx;

    (void)pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < LANE_COUNT; i++)
        r->lanes[i].notified |= (r->lanes[i].kinds & kinds) != 0;
    (void)pthread_cond_broadcast(&r->wake);
    (void)pthread_mutex_unlock(&r->lock);
}

static bool take_notification(struct lane *l)
{
    (void)pthread_mutex_lock(&l->relay->lock);
    bool notified = l->notified;
    l->notified = false;
    (void)pthread_mutex_unlock(&l->relay->lock);
    return notified;
}

static void wait_for_notification(struct lane *l)
{
    struct relay *r = l->relay;
    int64_t due = clock_mono_ns() + WATERMARKS_NS;
    bool early = true;

    (void)pthread_mutex_lock(&r->lock);
    while (!l->notified && !r->stop && early)
        early = clock_cond_wait(&r->wake, &r->lock, due);
    (void)pthread_mutex_unlock(&r->lock);
}

/* New rows do not end this wait. It is short while the relay stops, because after STALLED_NS it
 * gives up. */
void relay_back_off(struct lane *l)
{
    struct relay *r = l->relay;
    int64_t until = clock_mono_ns() + (r->stop ? BACKOFF_NS / 10 : BACKOFF_NS);
    bool stopping = r->stop, early = true;

    (void)pthread_mutex_lock(&r->lock);
    while (r->stop == stopping && early)
        early = clock_cond_wait(&r->wake, &r->lock, until);
    (void)pthread_mutex_unlock(&r->lock);
}

/* ---- problems ---- */

/* What the broker's administrator must do about an error. */
static const char *remedy_of(rd_kafka_resp_err_t code)
{
    switch ((int)code) {
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        return " (it needs WRITE and DESCRIBE)";
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
        return " (it needs WRITE and DESCRIBE on transactional ids scrc-*)";
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        return " (it needs IDEMPOTENT_WRITE on the cluster)";
    case RD_KAFKA_RESP_ERR__FENCED:
        return " (another server has a copy of this table, or it took too long)";
    default:
        return "";
    }
}

void relay_set_problem(struct lane *l, rd_kafka_resp_err_t code, const char *why)
{
    char text[240];

    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        (void)snprintf(text, sizeof text,
                       "the topic %.100s does not exist, and the broker makes none", l->topic);
    else
        (void)snprintf(text, sizeof text, "the topic %.60s does not take it: %.70s%s", l->topic,
                       why, remedy_of(code));
    kafka_health_why(l->relay->health, l->part, text);
    l->has_problem = true;
}

void relay_clear_problem(struct lane *l)
{
    if (l->has_problem)
        kafka_health_why(l->relay->health, l->part, "");
    l->has_problem = l->renewal_logged = false;
}

/* ---- the producer ---- */

void relay_discard_producer(struct lane *l)
{
    l->producer = producer_free(l->producer);
    l->initialized = l->ready = false;
    l->init_ns = 0;
}

void relay_replace_producer(struct lane *l, const char *why)
{
    if (!l->renewal_logged) /* else it could be logged each second, for days */
        log_warning("kafka_producer_renewed", log_s("topic", l->topic), log_s("why", why));
    l->renewal_logged = true;
    relay_discard_producer(l);
}

static int open_producer(struct lane *l, struct err *e)
{
    const struct producer_config c = { .bridge = l->relay->config,
                                       .name = l->name,
                                       .batch_bytes = l->batch_bytes,
                                       .delivered = relay_delivered,
                                       .ctx = l };

    return producer_open(&c, &l->producer, e);
}

static int make_producer(struct lane *l)
{
    struct err e;

    if (l->producer)
        return 0;
    l->batch_bytes = l->max_bytes;
    if (open_producer(l, &e) == 0)
        return 0;
    log_error("kafka_producer", log_s("error", e.msg));
    return -1;
}

/* When the broker is away, the consumer reports that. If it is connected, the coordinator of
 * transactions is missing. */
static void check_coordinator(struct lane *l)
{
    struct bridge_health h;
    int64_t now = clock_mono_ns();

    if (l->init_ns == 0)
        l->init_ns = now;
    if (now - l->init_ns < QUIET_NS || l->has_problem)
        return;
    kafka_health_read(l->relay->health, &h);
    if (h.connected)
        relay_set_problem(l, RD_KAFKA_RESP_ERR_NO_ERROR,
                          "no transaction coordinator: are there fewer brokers than "
                          "transaction.state.log.replication.factor?");
}

static int init_producer(struct lane *l)
{
    enum producer_result result =
        l->initialized ? PRODUCER_DONE : producer_init(l->producer, INIT_MS);
    const char *why;

    l->initialized = result == PRODUCER_DONE;
    if (l->initialized)
        return 0;
    rd_kafka_resp_err_t code = producer_error(l->producer, &why);
    if (result == PRODUCER_WAITS) {
        check_coordinator(l);
        return -1;
    }
    /* Reported only once, though this is tried each second. */
    relay_set_problem(l, code, rd_kafka_err2name(code));
    log_debug("kafka_producer_init", log_s("topic", l->topic), log_s("why", why));
    relay_discard_producer(l);
    return -1;
}

/* Does all that must be done before the first row is sent. */
static enum lane_result prepare_lane(struct lane *l)
{
    if (make_producer(l) < 0 || init_producer(l) < 0 || relay_recover(l) < 0)
        return LANE_FAILED;
    l->ready = true;
    l->more = true;
    return LANE_GOES_ON;
}

static void apply_test_failure(struct lane *l)
{
    if (l->producer && atomic_exchange(&l->fail_for_test, false))
        (void)rd_kafka_test_fatal_error(producer_handle(l->producer),
                                        RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "a test");
}

/* ---- the thread ---- */

struct first_row {
    unsigned kinds;
    bool found;
};

static enum outbox_choice choose_first_row(void *ctx, int64_t number, enum outbox_kind kind)
{
    struct first_row *f = ctx;

    (void)number;
    f->found = (f->kinds & OUTBOX_KIND_BIT(kind)) != 0;
    return f->found ? OUTBOX_END : OUTBOX_PASS;
}

/* Used before there is a producer, because a lane without rows needs none. */
static bool has_rows(struct lane *l)
{
    struct first_row f = { .kinds = l->kinds };

    while (l->more && !f.found) {
        const struct outbox_question question = { .after = l->done_until,
                                                  .max_rows = SCAN_ROWS,
                                                  .max_bytes = 1,
                                                  .choose = choose_first_row,
                                                  .ctx = &f };
        struct outbox_batch batch = { 0 };
        if (outbox_read(l->relay->jobs, &question, &batch, NULL) < 0)
            return false;
        l->done_until = batch.last;
        l->more = batch.more;
        outbox_batch_clear(&batch);
    }
    return f.found;
}

/* Another server publishes: whatever we have sent and not heard of is its business now. When it is
 * our turn we begin as after a start, and our producer ends the transactions of its predecessor. */
static void leave_outbox(struct lane *l)
{
    if (l->ready)
        log_info("outbox_left", log_s("topic", l->topic),
                 log_s("next", "another server publishes"));
    if (l->producer)
        relay_discard_producer(l);
    l->recovered = l->renewal_logged = false;
    l->done_until = 0;
    l->more = true;
    if (!l->relay->stop)
        wait_for_notification(l);
}

static void run_lane_turn(struct lane *l)
{
    enum lane_result result = LANE_EMPTY;

    if (!outbox_is_ours(l->relay->jobs)) {
        (void)take_notification(l);
        leave_outbox(l);
        return;
    }
    apply_test_failure(l);
    l->more |= take_notification(l);
    if (l->ready)
        result = l->more ? relay_send(l) : LANE_EMPTY;
    else if (l->eager || has_rows(l))
        result = prepare_lane(l);
    if (result == LANE_FAILED) {
        relay_back_off(l);
    } else if (result == LANE_EMPTY) {
        if (l->ready)
            relay_clear_problem(l); /* nothing waits to be sent, so there is no problem */
        relay_store_watermarks(l);
        if (!l->relay->stop)
            wait_for_notification(l);
    }
}

bool relay_is_out_of_time(const struct lane *l)
{
    int64_t now = clock_mono_ns();

    return l->relay->stop && l->stop_seen_ns != 0 &&
           (now >= l->relay->deadline_ns || now - l->progress_ns > STALLED_NS);
}

/* While it stops, it sends rows only if the lane is ready: recovery is left to the next server. */
static bool is_lane_finished(struct lane *l)
{
    if (!l->relay->stop)
        return false;
    if (l->stop_seen_ns == 0) {
        l->stop_seen_ns = l->progress_ns = clock_mono_ns();
        l->more = true;
    }
    return !l->ready || !l->more || relay_is_out_of_time(l);
}

static void *send_until_stopped(void *arg)
{
    struct lane *l = arg;

    thread_name("relay");
    while (!is_lane_finished(l))
        run_lane_turn(l);
    relay_discard_producer(l);
    relay_store_watermarks(l);
    return NULL;
}

/* ---- start and end ---- */

static void set_lane(struct relay *r, size_t which, unsigned kinds, enum bridge_part part,
                     const char *topic, const char *suffix)
{
    struct lane *l = &r->lanes[which];

    l->relay = r;
    l->kinds = kinds;
    l->part = part;
    l->topic = topic;
    l->eager = which == LANE_REPORTS;
    l->notified = true;
    (void)snprintf(l->name, sizeof l->name, "scrc-%s%s", jobs_table_id(r->jobs), suffix);
}

int relay_open(const struct bridge_config *c, struct jobs *jobs, struct kafka_health *health,
               struct relay **ret_relay, struct err *e)
{
    struct relay *r = calloc(1, sizeof *r);

    if (!r)
        return err_set(e, ERR_NOMEM, "Kafka producer");
    r->config = c;
    r->jobs = jobs;
    r->health = health;
    kafka_conf_dead_letter_topic(c, r->dead_letter_topic);
    set_lane(r, LANE_REPORTS, OUTBOX_KIND_BIT(OUTBOX_REPORT) | OUTBOX_KIND_BIT(OUTBOX_REFUSAL),
             BRIDGE_PUBLISHING, c->results_topic, "");
    set_lane(r, LANE_DEAD_LETTERS, OUTBOX_KIND_BIT(OUTBOX_DEAD_LETTER), BRIDGE_LETTERS,
             r->dead_letter_topic, "-dead-letter");
    clock_cond_init(&r->wake);
    (void)pthread_mutex_init(&r->lock, NULL);
    struct lane *first = &r->lanes[LANE_REPORTS];
    if (open_producer(first, e) < 0) {
        (void)relay_free(r);
        return -1;
    }
    outbox_listen(jobs, on_outbox, r);
    *ret_relay = r;
    return 0;
}

int relay_start(struct relay *r, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; i < LANE_COUNT && rc == 0; i++) {
        struct lane *l = &r->lanes[i];
        rc = thread_start(&l->thread, send_until_stopped, l);
        l->runs = rc == 0;
    }
    return rc != 0 ? err_errno(e, ERR_NOMEM, rc, "Kafka producer thread") : 0;
}

void relay_stop(struct relay *r, int64_t deadline_ns)
{
    r->deadline_ns = deadline_ns;
    (void)pthread_mutex_lock(&r->lock);
    r->stop = true;
    (void)pthread_cond_broadcast(&r->wake);
    (void)pthread_mutex_unlock(&r->lock);
    for (size_t i = 0; i < LANE_COUNT; i++) {
        if (r->lanes[i].runs)
            (void)pthread_join(r->lanes[i].thread, NULL);
        r->lanes[i].runs = false;
    }
}

struct relay *relay_free(struct relay *r)
{
    if (!r)
        return NULL;
    relay_stop(r, 0);
    for (size_t i = 0; i < LANE_COUNT; i++) {
        (void)producer_free(r->lanes[i].producer);
        free(r->lanes[i].watermarks);
    }
    (void)pthread_cond_destroy(&r->wake);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
    return NULL;
}

bool relay_break(struct relay *r)
{
    return !atomic_exchange(&r->lanes[LANE_REPORTS].fail_for_test, true);
}
