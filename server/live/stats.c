#include "server/live/stats.h"

#include <string.h>

#include "engine/engine.h"
#include "engine/language/language.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/base/metrics.h"
#include "schema/base/text.h"
#include "schema/base/thread.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_change.h"
#include "server/live/stats_internal.h"

static const struct {
    int64_t step_s, len;
} ring_sizes[STATS_RINGS] = { { 1, 900 }, { 10, 1080 }, { 60, 1440 } };

/* ---- rings ---- */

static void advance_ring(struct stats *s, struct stats_ring *r, int64_t now_ms)
{
    int64_t number = now_ms / 1000 / r->step_s;

    if (number <= r->head)
        return; /* if the clock was set back, the newest step stays in use */
    int64_t from = r->head + 1 > number - r->len + 1 ? r->head + 1 : number - r->len + 1;
    for (int64_t n = from; n <= number; n++) {
        struct stats_step *step = stats_step_at(s, r, n);
        stats_latency_clear(&step->latencies);
        memset(step, 0, s->step_size);
    }
    r->head = number;
}

void stats_advance_locked(struct stats *s, int64_t now_ms)
{
    for (size_t i = 0; i < STATS_RINGS; i++)
        advance_ring(s, &s->rings[i], now_ms);
}

bool stats_keeps(int64_t window_s, int64_t step_s)
{
    for (size_t i = 0; i < STATS_RINGS; i++) {
        if (ring_sizes[i].step_s == step_s)
            return window_s <= step_s * ring_sizes[i].len;
    }
    return false;
}

int64_t stats_finest(int64_t window_s)
{
    size_t i = 0;

    while (i < STATS_RINGS - 1 && !stats_keeps(window_s, ring_sizes[i].step_s))
        i++;
    return ring_sizes[i].step_s;
}

/* ---- counting ---- */

#define NEWEST INT64_MAX /* a time that is always in the newest step */

/* NULL: the ring does not go back so far. */
static struct stats_step *find_step_locked(const struct stats *s, const struct stats_ring *r,
                                           int64_t then_ms)
{
    int64_t n = then_ms / 1000 / r->step_s;

    if (n > r->head)
        n = r->head;
    return n > r->head - r->len && n >= 0 ? stats_step_at(s, r, n) : NULL;
}

/* A time of -1 is unknown. */
static void count_latencies(struct stats_step *step, size_t language, const struct jobs_change *c)
{
    const int64_t ms[STATS_LATENCIES] = { [STATS_TOTAL] = c->total_ms,
                                          [STATS_QUEUE] = c->queue_ms,
                                          [STATS_BUILD] = c->build_ms,
                                          [STATS_RUN] = c->run_ms };

    for (size_t kind = 0; kind < STATS_LATENCIES; kind++) {
        if (ms[kind] >= 0)
            stats_latency_add(&step->latencies, language, c->verdict, (enum stats_latency)kind,
                              ms[kind]);
    }
}

static void count_finished_locked(struct stats *s, int64_t then_ms, const struct jobs_change *c)
{
    size_t language = stats_language_index(s, c->language);

    for (size_t i = 0; i < STATS_RINGS; i++) {
        struct stats_step *step = find_step_locked(s, &s->rings[i], then_ms);
        if (!step)
            continue;
        step->finished[language * VERDICT_COUNT + c->verdict]++;
        if (c->judged)
            count_latencies(step, language, c);
    }
}

static void count_submitted_locked(struct stats *s, int64_t then_ms)
{
    for (size_t i = 0; i < STATS_RINGS; i++) {
        struct stats_step *step = find_step_locked(s, &s->rings[i], then_ms);
        if (step)
            step->submitted++;
    }
}

static void count_change_locked(struct stats *s, const struct jobs_change *c)
{
    size_t language = stats_language_index(s, c->language);

    if (c->was < 0) { /* it is new */
        s->accepted[language]++;
        count_submitted_locked(s, NEWEST);
    }
    if (job_state_is_final(c->state)) {
        s->finished[language * VERDICT_COUNT + c->verdict]++;
        count_finished_locked(s, NEWEST, c);
    }
}

static void record_stage_times(const struct jobs_change *c)
{
    if (!c->judged)
        return;
    metrics_time(METRICS_QUEUE, c->queue_ms * NS_PER_MS);
    metrics_time(METRICS_BUILD, c->build_ms * NS_PER_MS);
    metrics_time(METRICS_RUN, c->run_ms * NS_PER_MS);
    metrics_time(METRICS_TOTAL, c->total_ms * NS_PER_MS);
}

void stats_changed(void *ctx, const struct jobs_change *changes, size_t len)
{
    struct stats *s = ctx;

    (void)pthread_mutex_lock(&s->lock);
    stats_advance_locked(s, clock_shared_ms());
    for (size_t i = 0; i < len; i++)
        count_change_locked(s, &changes[i]);
    (void)pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < len; i++)
        record_stage_times(&changes[i]);
}

void stats_add_sample(struct stats *s, int64_t now_ms, const struct stats_sample *sample)
{
    (void)pthread_mutex_lock(&s->lock);
    stats_advance_locked(s, now_ms);
    for (size_t i = 0; i < STATS_RINGS; i++) {
        struct stats_step *step = stats_step_at(s, &s->rings[i], s->rings[i].head);
        step->sample = *sample;
        step->sample.seen = true;
    }
    (void)pthread_mutex_unlock(&s->lock);
}

/* ---- history: what happened before the start ---- */

static bool count_history_row(void *ctx, int64_t submitted_ms, int64_t finished_ms,
                              const struct jobs_change *c)
{
    struct stats *s = ctx;

    (void)pthread_mutex_lock(&s->lock);
    if (submitted_ms < s->opened_ms) /* later ones were counted by stats_changed() */
        count_submitted_locked(s, submitted_ms);
    if (finished_ms > 0 && finished_ms < s->opened_ms)
        count_finished_locked(s, finished_ms, c);
    bool go = !s->stopping;
    (void)pthread_mutex_unlock(&s->lock);
    return go;
}

void stats_load_history(struct stats *s, struct jobs *j)
{
    struct err e;

    if (jobs_history(j, s->opened_ms - STATS_WINDOW_MAX_S * 1000LL, count_history_row, s, &e) < 0)
        log_warning("past_unknown", log_s("error", e.msg));
    (void)pthread_mutex_lock(&s->lock);
    s->series++;
    (void)pthread_mutex_unlock(&s->lock);
}

/* ---- the thread ---- */

static void take_sample(struct stats *s)
{
    struct jobs_counts counts;
    struct engine_health health = { .running = 0 };

    jobs_counts(s->jobs, &counts);
    if (s->engine)
        engine_health(s->engine, &health);
    stats_add_sample(s, clock_shared_ms(),
                     &(struct stats_sample){ .queued = (int32_t)counts.queued,
                                             .running = (int32_t)counts.running,
                                             .cells_idle = (int32_t)health.cells_idle,
                                             .cells_taken = (int32_t)health.cells_taken });
}

static void *run_sampler(void *arg)
{
    struct stats *s = arg;
    int64_t next = clock_mono_ns();
    bool go = true;

    thread_name("statistics");
    take_sample(s);
    stats_load_history(s, s->jobs);
    while (go) {
        take_sample(s);
        next += NS_PER_S;
        (void)pthread_mutex_lock(&s->lock);
        while (!s->stopping && clock_cond_wait(&s->stop_cond, &s->lock, next))
            ;
        go = !s->stopping;
        (void)pthread_mutex_unlock(&s->lock);
    }
    return NULL;
}

int stats_start(struct stats *s, struct jobs *j, struct engine *engine, struct err *e)
{
    s->jobs = j;
    s->engine = engine;
    int rc = pthread_create(&s->thread, NULL, run_sampler, s);
    if (rc != 0)
        return err_errno(e, ERR_NOMEM, rc, "start the thread of statistics");
    s->sampling = true;
    return 0;
}

void stats_stop(struct stats *s)
{
    if (!s->sampling)
        return;
    (void)pthread_mutex_lock(&s->lock);
    s->stopping = true;
    (void)pthread_cond_signal(&s->stop_cond);
    (void)pthread_mutex_unlock(&s->lock);
    (void)pthread_join(s->thread, NULL);
    s->sampling = false;
}

/* ---- open and free; totals ---- */

static int allocate_counts(struct stats *s)
{
    size_t slots = s->languages_len * VERDICT_COUNT;

    s->step_size = sizeof(struct stats_step) + slots * sizeof(uint32_t);
    s->step_size = (s->step_size + 7) / 8 * 8;
    s->accepted = calloc(s->languages_len, sizeof *s->accepted);
    s->finished = calloc(slots, sizeof *s->finished);
    for (size_t i = 0; i < STATS_RINGS; i++) {
        struct stats_ring *r = &s->rings[i];
        *r = (struct stats_ring){ .step_s = ring_sizes[i].step_s, .len = ring_sizes[i].len };
        /* Pages that are never touched take no memory. */
        r->steps = calloc((size_t)r->len, s->step_size);
        if (!r->steps)
            return -1;
    }
    return s->accepted && s->finished ? 0 : -1;
}

int stats_open(const struct language_table *l, struct stats **ret_stats, struct err *e)
{
    struct stats *s = calloc(1, sizeof *s);

    if (!s)
        return err_set(e, ERR_NOMEM, "statistics");
    (void)pthread_mutex_init(&s->lock, NULL);
    clock_cond_init(&s->stop_cond);
    s->languages = l;
    s->languages_len = l->len + 1;
    s->opened_ms = clock_shared_ms();
    if (allocate_counts(s) < 0) {
        (void)stats_free(s);
        return err_set(e, ERR_NOMEM, "statistics");
    }
    s->series = (uint64_t)text_random_number();
    stats_advance_locked(s, s->opened_ms);
    *ret_stats = s;
    return 0;
}

static void free_ring(const struct stats *s, struct stats_ring *r)
{
    for (int64_t n = 0; r->steps && n < r->len; n++)
        stats_latency_clear(&stats_step_at(s, r, n)->latencies);
    free(r->steps);
}

struct stats *stats_free(struct stats *s)
{
    if (!s)
        return NULL;
    stats_stop(s);
    for (size_t i = 0; i < STATS_RINGS; i++)
        free_ring(s, &s->rings[i]);
    free(s->accepted);
    free(s->finished);
    (void)pthread_cond_destroy(&s->stop_cond);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
    return NULL;
}

const char *stats_language_name(const struct stats *s, size_t i)
{
    if (i < s->languages->len)
        return s->languages->rows[i].name;
    return i == s->languages->len ? "other" : NULL;
}

size_t stats_language_index(const struct stats *s, const char *name)
{
    size_t i = 0;

    while (i < s->languages->len && (!name || strcmp(s->languages->rows[i].name, name) != 0))
        i++;
    return i;
}

int64_t stats_accepted(struct stats *s, size_t language)
{
    (void)pthread_mutex_lock(&s->lock);
    int64_t n = s->accepted[language];
    (void)pthread_mutex_unlock(&s->lock);
    return n;
}

int64_t stats_finished(struct stats *s, size_t language, enum verdict v)
{
    (void)pthread_mutex_lock(&s->lock);
    int64_t n = s->finished[language * VERDICT_COUNT + v];
    (void)pthread_mutex_unlock(&s->lock);
    return n;
}
