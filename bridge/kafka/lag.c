#include "bridge/kafka/lag.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "bridge/kafka/bridge_config.h"
#include "bridge/kafka/bridge_health.h"
#include "bridge/kafka/handle.h"
#include "bridge/kafka/kafka_conf.h"
#include "bridge/kafka/kafka_health.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/base/thread.h"
#include "schema/store/outbox.h"

#define EVERY_NS (1 * NS_PER_S)
#define SHARE    50 /* counting takes at most 1/SHARE of the time */
#define END_NS   (1 * NS_PER_S)
#define QUERY_MS 1000 /* timeout of one request to the broker */

struct lag {
    const struct bridge_config *config; /* borrowed, as the next two */
    struct jobs *jobs;
    struct kafka_health *health;
    rd_kafka_t *rk;
    pthread_t thread;
    bool runs;

    /* used by the thread only */
    struct bridge_health *snapshot; /* too large for the stack */
    int64_t count_ns;               /* when unreported submissions are counted next */

    pthread_mutex_t lock;
    pthread_cond_t wake;
    /* guarded by lock */
    bool stop;
};

static bool is_stopped(struct lag *l)
{
    (void)pthread_mutex_lock(&l->lock);
    bool stop = l->stop;
    (void)pthread_mutex_unlock(&l->lock);
    return stop;
}

/* ---- queries ---- */

/* Sets each offset to the first or the end one; which: RD_KAFKA_OFFSET_BEGINNING or _END. */
static bool query_offsets(struct lag *l, rd_kafka_topic_partition_list_t *list, int64_t which)
{
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = which;
    return rd_kafka_offsets_for_times(l->rk, list, QUERY_MS) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Messages that retention deleted do not count. */
static int64_t compute_lag(const rd_kafka_topic_partition_t *committed,
                           const rd_kafka_topic_partition_t *first,
                           const rd_kafka_topic_partition_t *end)
{
    int64_t from = committed->offset > first->offset ? committed->offset : first->offset;

    if (committed->err || first->err || end->err || from < 0 || end->offset < 0)
        return -1;
    return end->offset > from ? end->offset - from : 0;
}

static void query_lags(struct lag *l, struct bridge_lag *lags, size_t len)
{
    rd_kafka_topic_partition_list_t *committed = rd_kafka_topic_partition_list_new((int)len);

    for (size_t i = 0; i < len; i++) {
        lags[i].lag = -1;
        (void)rd_kafka_topic_partition_list_add(committed, l->config->topic, lags[i].partition);
    }
    rd_kafka_topic_partition_list_t *first = rd_kafka_topic_partition_list_copy(committed);
    rd_kafka_topic_partition_list_t *end = rd_kafka_topic_partition_list_copy(committed);
    /* The committed offset first: a commit in between makes the lag too large, never negative. */
    if (rd_kafka_committed(l->rk, committed, QUERY_MS) == RD_KAFKA_RESP_ERR_NO_ERROR &&
        !is_stopped(l) && query_offsets(l, first, RD_KAFKA_OFFSET_BEGINNING) && !is_stopped(l) &&
        query_offsets(l, end, RD_KAFKA_OFFSET_END)) {
        for (size_t i = 0; i < len; i++)
            lags[i].lag = compute_lag(&committed->elems[i], &first->elems[i], &end->elems[i]);
    }
    rd_kafka_topic_partition_list_destroy(end);
    rd_kafka_topic_partition_list_destroy(first);
    rd_kafka_topic_partition_list_destroy(committed);
}

/* Takes time in proportion to the rows: 0.2 s for 200,000. */
static void update_unreported(struct lag *l)
{
    int64_t begin = clock_mono_ns(), n;

    if (begin < l->count_ns)
        return;
    if (outbox_unreported(l->jobs, &n, NULL) == 0)
        kafka_health_unreported(l->health, n);
    l->count_ns = begin + SHARE * (clock_mono_ns() - begin);
}

static void *query_until_stopped(void *arg)
{
    struct lag *l = arg;

    thread_name("lag");
    while (!is_stopped(l)) {
        update_unreported(l);
        kafka_health_read(l->health, l->snapshot);
        if (l->snapshot->lags_len > 0) {
            query_lags(l, l->snapshot->lags, l->snapshot->lags_len);
            kafka_health_lags(l->health, l->snapshot->lags, l->snapshot->lags_len);
        }
        (void)rd_kafka_poll(l->rk, 0);
        int64_t due = clock_mono_ns() + EVERY_NS;
        (void)pthread_mutex_lock(&l->lock);
        while (!l->stop && clock_cond_wait(&l->wake, &l->lock, due))
            ;
        (void)pthread_mutex_unlock(&l->lock);
    }
    return NULL;
}

/* ---- start and end ---- */

static int make_lag_handle(struct lag *l, struct err *e)
{
    rd_kafka_conf_t *conf = NULL;
    char why[300];

    if (kafka_conf_make(l->config, KAFKA_CONF_LAG, &conf, e) < 0)
        return -1;
    rd_kafka_conf_set_log_cb(conf, handle_log);
    rd_kafka_conf_set_error_cb(conf, handle_error);
    l->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (l->rk)
        return 0;
    rd_kafka_conf_destroy(conf);
    return err_set(e, ERR_SETTING, "Kafka consumer: %s", why);
}

int lag_open(const struct bridge_config *c, struct jobs *jobs, struct kafka_health *health,
             struct lag **ret_lag, struct err *e)
{
    struct lag *l = calloc(1, sizeof *l);

    if (!l)
        return err_set(e, ERR_NOMEM, "Kafka consumer");
    l->config = c;
    l->jobs = jobs;
    l->health = health;
    clock_cond_init(&l->wake);
    (void)pthread_mutex_init(&l->lock, NULL);
    l->snapshot = calloc(1, sizeof *l->snapshot);
    if (!l->snapshot) {
        (void)lag_free(l);
        return err_set(e, ERR_NOMEM, "Kafka consumer");
    }
    if (make_lag_handle(l, e) < 0) {
        (void)lag_free(l);
        return -1;
    }
    *ret_lag = l;
    return 0;
}

int lag_start(struct lag *l, struct err *e)
{
    int rc = thread_start(&l->thread, query_until_stopped, l);
    if (rc != 0)
        return err_errno(e, ERR_NOMEM, rc, "Kafka lag thread");
    l->runs = true;
    return 0;
}

void lag_halt(struct lag *l)
{
    (void)pthread_mutex_lock(&l->lock);
    l->stop = true;
    (void)pthread_cond_signal(&l->wake);
    (void)pthread_mutex_unlock(&l->lock);
}

struct lag *lag_free(struct lag *l)
{
    if (!l)
        return NULL;
    lag_halt(l);
    if (l->runs)
        (void)pthread_join(l->thread, NULL);
    handle_destroy(l->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE, END_NS);
    (void)pthread_cond_destroy(&l->wake);
    (void)pthread_mutex_destroy(&l->lock);
    free(l->snapshot);
    free(l);
    return NULL;
}
