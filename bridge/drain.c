#include "bridge/drain.h"

#include <signal.h>

#include "bridge/bridge.h"
#include "bridge/drain_internal.h"
#include "bridge/producer.h"
#include "bridge/tally.h"
#include "schema/clock.h"
#include "schema/err.h"
#include "schema/jobs.h"
#include "schema/log.h"
#include "schema/outbox.h"

#define POLL_MS     5                 /* for deliveries, while something flies */
#define IDLE_NS     (200 * NS_PER_MS) /* between two looks at an outbox without a listener */
#define BACKOFF_NS  (1 * NS_PER_S)
#define PATIENCE_NS (3 * NS_PER_S) /* at the end, without any acknowledgement */

static void on_news(void *ctx)
{
    struct drain *d = ctx;

    (void)pthread_mutex_lock(&d->lock);
    d->news = true;
    (void)pthread_cond_signal(&d->wake);
    (void)pthread_mutex_unlock(&d->lock);
}

static void wait_for_news(struct drain *d, int64_t ns)
{
    int64_t due = clock_mono_ns() + ns;

    (void)pthread_mutex_lock(&d->lock);
    if (!d->news && !d->stop)
        (void)clock_cond_wait(&d->wake, &d->lock, due);
    if (!d->listens)
        d->news = true;
    (void)pthread_mutex_unlock(&d->lock);
}

/* Not for news: it is not they that are waited for. */
static void back_off(struct drain *d)
{
    int64_t until = clock_mono_ns() + BACKOFF_NS;

    while (!d->stop && clock_mono_ns() < until) {
        (void)pthread_mutex_lock(&d->lock);
        if (!d->stop)
            (void)clock_cond_wait(&d->wake, &d->lock, until);
        (void)pthread_mutex_unlock(&d->lock);
    }
}

/* ---- the producer's life ---- */

static int need_producer(struct drain *d)
{
    struct err e;

    if (d->producer)
        return 0;
    if (producer_open(d->config, drain_on_delivery, d, &d->producer, &e) == 0)
        return 0;
    log_error("kafka_producer", log_s("error", e.msg));
    return -1;
}

static void give_up_producer(struct drain *d)
{
    d->producer = producer_free(d->producer);
    d->broken = false;
    d->must_look = true;
}

static void mind_producer(struct drain *d)
{
    char why[200] = "a delivery of which nobody knows";

    if (d->break_it) {
        d->break_it = false;
        (void)rd_kafka_test_fatal_error(producer_handle(d->producer),
                                        RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "a test");
    }
    if (!d->broken && !producer_is_dead(d->producer, why, sizeof why))
        return;
    log_warning("kafka_producer_renewed", log_s("why", why));
    give_up_producer(d);
}

/* ---- the thread ---- */

static bool is_idle(const struct drain *d)
{
    return !d->more && flights_count(&d->flights) == 0 && d->again_from == INT64_MAX;
}

static void turn(struct drain *d)
{
    if (need_producer(d) < 0 || (d->must_look && drain_look(d) < 0)) {
        back_off(d);
        return;
    }
    drain_fill(d);
    if (flights_count(&d->flights) > 0)
        outbox_stamp(d->jobs);
    producer_poll(d->producer, flights_count(&d->flights) > d->flights.landed ? POLL_MS : 0);
    drain_settle(d);
    mind_producer(d);
    if (is_idle(d)) {
        drain_store_marks(d);
        wait_for_news(d, IDLE_NS);
    } else if (!d->more && flights_count(&d->flights) == d->flights.landed) {
        wait_for_news(d, POLL_MS * NS_PER_MS); /* for a time that is set */
    }
}

static bool is_finished(struct drain *d)
{
    int64_t rows = 0, oldest = 0, now = clock_mono_ns();

    outbox_counts(d->jobs, &rows, &oldest);
    return (rows == 0 && flights_count(&d->flights) == 0) || now >= d->deadline_ns ||
           now - d->progress_ns > PATIENCE_NS || d->must_look;
}

static void *send_until_stopped(void *arg)
{
    struct drain *d = arg;

    while (!d->stop)
        turn(d);
    d->progress_ns = clock_mono_ns();
    d->more = true;
    while (!is_finished(d))
        turn(d);
    d->producer = producer_free(d->producer);
    d->settle_ns = 0;
    drain_settle(d);
    drain_store_marks(d);
    return NULL;
}

/* ---- life ---- */

int drain_open(const struct bridge_config *c, struct jobs *jobs, bool listen, struct tally *tally,
               struct drain **ret_drain, struct err *e)
{
    struct drain *d = calloc(1, sizeof *d);

    if (!d)
        return err_set(e, ERR_NOMEM, "Kafka producer");
    d->config = c;
    d->jobs = jobs;
    d->tally = tally;
    d->listens = listen;
    settings_dead_letter_topic(c, d->dead_letter_topic);
    d->topics[0] = c->results_topic;
    d->topics[1] = d->dead_letter_topic;
    d->must_look = true;
    d->again_from = INT64_MAX;
    clock_cond_init(&d->wake);
    (void)pthread_mutex_init(&d->lock, NULL);
    if (producer_open(c, drain_on_delivery, d, &d->producer, e) < 0) {
        (void)drain_free(d);
        return -1;
    }
    if (listen)
        outbox_listen(jobs, on_news, d);
    *ret_drain = d;
    return 0;
}

int drain_start(struct drain *d, struct err *e)
{
    sigset_t all, old;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are main's */
    int rc = pthread_create(&d->thread, NULL, send_until_stopped, d);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0)
        return err_errno(e, ERR_NOMEM, rc, "Kafka producer thread");
    d->runs = true;
    return 0;
}

void drain_stop(struct drain *d, int64_t deadline_ns)
{
    if (!d->runs)
        return;
    d->deadline_ns = deadline_ns;
    (void)pthread_mutex_lock(&d->lock);
    d->stop = true;
    (void)pthread_cond_signal(&d->wake);
    (void)pthread_mutex_unlock(&d->lock);
    (void)pthread_join(d->thread, NULL);
    d->runs = false;
}

struct drain *drain_free(struct drain *d)
{
    if (!d)
        return NULL;
    drain_stop(d, 0);
    d->producer = producer_free(d->producer);
    free(d->marks);
    (void)pthread_cond_destroy(&d->wake);
    (void)pthread_mutex_destroy(&d->lock);
    free(d);
    return NULL;
}

bool drain_break(struct drain *d) { return !atomic_exchange(&d->break_it, true); }
