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

#define IDLE_NS     (200 * NS_PER_MS) /* between two looks at an outbox without a listener */
#define MARKS_NS    (5 * NS_PER_S)    /* between two looks whether watermarks are to be stored */
#define BACKOFF_NS  (1 * NS_PER_S)
#define INIT_MS     1000
#define PATIENCE_NS (3 * NS_PER_S)  /* at the end, without any acknowledgement */
#define QUIET_NS    (10 * NS_PER_S) /* without a transaction coordinator, before it is said */
#define SCAN_ROWS   1000

/* ---- news ---- */

static void on_news(void *ctx, unsigned kinds)
{
    struct relay *r = ctx;

    (void)pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < LANE_COUNT; i++)
        r->lanes[i].news |= (r->lanes[i].kinds & kinds) != 0;
    (void)pthread_cond_broadcast(&r->wake);
    (void)pthread_mutex_unlock(&r->lock);
}

static bool take_news(struct lane *l)
{
    (void)pthread_mutex_lock(&l->relay->lock);
    bool news = l->news;
    l->news = false;
    (void)pthread_mutex_unlock(&l->relay->lock);
    return news;
}

static void wait_for_news(struct lane *l)
{
    struct relay *r = l->relay;
    int64_t due = clock_mono_ns() + (r->listens ? MARKS_NS : IDLE_NS);
    bool early = true;

    (void)pthread_mutex_lock(&r->lock);
    while (!l->news && !r->stop && early)
        early = clock_cond_wait(&r->wake, &r->lock, due);
    if (!r->listens)
        l->news = true;
    (void)pthread_mutex_unlock(&r->lock);
}

/* Not for news: it is not they that are waited for. At the end it is short: PATIENCE_NS is all that
 * there is. */
void relay_back_off(struct lane *l)
{
    struct relay *r = l->relay;
    int64_t until = clock_mono_ns() + (r->stop ? BACKOFF_NS / 10 : BACKOFF_NS);
    bool ends = r->stop, early = true;

    (void)pthread_mutex_lock(&r->lock);
    while (r->stop == ends && early)
        early = clock_cond_wait(&r->wake, &r->lock, until);
    (void)pthread_mutex_unlock(&r->lock);
}

/* ---- what is wrong, said once ---- */

/* What a code asks of who runs the broker. */
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

void relay_note_trouble(struct lane *l, rd_kafka_resp_err_t code, const char *why)
{
    char text[240];

    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        (void)snprintf(text, sizeof text,
                       "the topic %.100s does not exist, and the broker makes none", l->topic);
    else
        (void)snprintf(text, sizeof text, "the topic %.60s does not take it: %.70s%s", l->topic,
                       why, remedy_of(code));
    kafka_health_why(l->relay->tally, l->part, text);
    l->troubled = true;
}

void relay_note_well(struct lane *l)
{
    if (l->troubled)
        kafka_health_why(l->relay->tally, l->part, "");
    l->troubled = l->renewed = false;
}

/* ---- the producer's life ---- */

static void drop_producer(struct lane *l)
{
    l->producer = producer_free(l->producer);
    l->ready = false;
    l->init_ns = 0;
}

void relay_give_up_producer(struct lane *l, const char *why)
{
    if (!l->renewed) /* it may be tried each second, for days */
        log_warning("kafka_producer_renewed", log_s("topic", l->topic), log_s("why", why));
    l->renewed = true;
    drop_producer(l);
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

static int need_producer(struct lane *l)
{
    struct err e;

    if (l->producer)
        return 0;
    l->batch_bytes = l->limit;
    if (open_producer(l, &e) == 0)
        return 0;
    log_error("kafka_producer", log_s("error", e.msg));
    return -1;
}

/* The broker may be away, which is said elsewhere, or have no coordinator for transactions. */
static void mind_waiting(struct lane *l)
{
    struct bridge_health h;
    int64_t now = clock_mono_ns();

    if (l->init_ns == 0)
        l->init_ns = now;
    if (now - l->init_ns < QUIET_NS || l->troubled)
        return;
    kafka_health_read(l->relay->tally, &h);
    if (h.connected)
        relay_note_trouble(l, RD_KAFKA_RESP_ERR_NO_ERROR,
                           "no transaction coordinator: are there fewer brokers than "
                           "transaction.state.log.replication.factor?");
}

static int init_producer(struct lane *l)
{
    enum producer_result result = producer_init(l->producer, INIT_MS);
    const char *why;

    if (result == PRODUCER_DONE)
        return 0;
    rd_kafka_resp_err_t code = producer_error(l->producer, &why);
    if (result == PRODUCER_WAITS) {
        mind_waiting(l);
        return -1;
    }
    relay_note_trouble(l, code, rd_kafka_err2name(code)); /* said once, and tried each second */
    log_debug("kafka_producer_init", log_s("topic", l->topic), log_s("why", why));
    drop_producer(l);
    return -1;
}

/* Everything that must be before a row is sent. */
static enum lane_result prepare(struct lane *l)
{
    if (need_producer(l) < 0 || init_producer(l) < 0 || relay_look(l) < 0)
        return LANE_FAILED;
    l->ready = true;
    l->more = true;
    return LANE_GOES_ON;
}

static void mind_test(struct lane *l)
{
    if (l->producer && atomic_exchange(&l->break_it, false))
        (void)rd_kafka_test_fatal_error(producer_handle(l->producer),
                                        RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "a test");
}

/* ---- the thread ---- */

struct finding {
    unsigned kinds;
    bool found;
};

static enum outbox_choice find_first(void *ctx, int64_t number, enum outbox_kind kind)
{
    struct finding *f = ctx;

    (void)number;
    f->found = (f->kinds & OUTBOX_KIND_BIT(kind)) != 0;
    return f->found ? OUTBOX_END : OUTBOX_PASS;
}

/* A lane that never has a row needs no producer. */
static bool has_rows(struct lane *l)
{
    struct finding f = { .kinds = l->kinds };

    while (l->more && !f.found) {
        const struct outbox_question question = { .after = l->after,
                                                  .max_rows = SCAN_ROWS,
                                                  .max_bytes = 1,
                                                  .choose = find_first,
                                                  .ctx = &f };
        struct outbox_batch batch = { 0 };
        if (outbox_read(l->relay->jobs, &question, &batch, NULL) < 0)
            return false;
        l->after = batch.last;
        l->more = batch.more;
        outbox_batch_clear(&batch);
    }
    return f.found;
}

static void turn(struct lane *l)
{
    enum lane_result result = LANE_EMPTY;

    mind_test(l);
    l->more |= take_news(l);
    if (l->ready)
        result = l->more ? relay_send(l) : LANE_EMPTY;
    else if (l->eager || has_rows(l))
        result = prepare(l);
    if (result == LANE_FAILED) {
        relay_back_off(l);
    } else if (result == LANE_EMPTY) {
        if (l->ready)
            relay_note_well(l); /* nothing waits, and nothing is in the way */
        relay_store_marks(l);
        if (!l->relay->stop)
            wait_for_news(l);
    }
}

bool relay_gives_up(const struct lane *l)
{
    int64_t now = clock_mono_ns();

    return l->relay->stop && l->ending_ns != 0 &&
           (now >= l->relay->deadline_ns || now - l->progress_ns > PATIENCE_NS);
}

/* At the end the topic is not looked at any more. */
static bool is_finished(struct lane *l)
{
    if (!l->relay->stop)
        return false;
    if (l->ending_ns == 0) {
        l->ending_ns = l->progress_ns = clock_mono_ns();
        l->more = true;
    }
    return !l->ready || !l->more || relay_gives_up(l);
}

static void *send_until_stopped(void *arg)
{
    struct lane *l = arg;

    while (!is_finished(l))
        turn(l);
    l->producer = producer_free(l->producer);
    l->ready = false;
    relay_store_marks(l);
    return NULL;
}

/* ---- life ---- */

static void set_lane(struct relay *r, size_t which, unsigned kinds, enum bridge_part part,
                     const char *topic, const char *suffix)
{
    struct lane *l = &r->lanes[which];

    l->relay = r;
    l->kinds = kinds;
    l->part = part;
    l->topic = topic;
    l->eager = which == LANE_REPORTS;
    l->news = true;
    (void)snprintf(l->name, sizeof l->name, "scrc-%s%s", jobs_table_id(r->jobs), suffix);
}

int relay_open(const struct bridge_config *c, struct jobs *jobs, bool listen,
               struct kafka_health *tally, struct relay **ret_relay, struct err *e)
{
    struct relay *r = calloc(1, sizeof *r);

    if (!r)
        return err_set(e, ERR_NOMEM, "Kafka producer");
    r->config = c;
    r->jobs = jobs;
    r->tally = tally;
    r->listens = listen;
    kafka_conf_dead_letter_topic(c, r->dead_letter_topic);
    set_lane(r, LANE_REPORTS, OUTBOX_KIND_BIT(OUTBOX_REPORT) | OUTBOX_KIND_BIT(OUTBOX_REFUSAL),
             BRIDGE_PUBLISHING, c->results_topic, "");
    set_lane(r, LANE_LETTERS, OUTBOX_KIND_BIT(OUTBOX_DEAD_LETTER), BRIDGE_LETTERS,
             r->dead_letter_topic, "-dead-letter");
    clock_cond_init(&r->wake);
    (void)pthread_mutex_init(&r->lock, NULL);
    struct lane *first = &r->lanes[LANE_REPORTS];
    if (open_producer(first, e) < 0) {
        (void)relay_free(r);
        return -1;
    }
    if (listen)
        outbox_listen(jobs, on_news, r);
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
        free(r->lanes[i].marks);
    }
    (void)pthread_cond_destroy(&r->wake);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
    return NULL;
}

bool relay_break(struct relay *r)
{
    return !atomic_exchange(&r->lanes[LANE_REPORTS].break_it, true);
}
