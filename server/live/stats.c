#include "server/live/stats.h"

#include <string.h>

#include "engine/engine.h"
#include "engine/language/language.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/base/metrics.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_change.h"
#include "server/live/stats_internal.h"

static const struct {
    int64_t step_s, len;
} shapes[STATS_RINGS] = { { 1, 900 }, { 10, 1080 }, { 60, 1440 } };

/* ---- rings ---- */

static void advance(struct stats *s, struct stats_ring *r, int64_t now_ms)
{
    int64_t number = now_ms / 1000 / r->step_s;

    if (number <= r->head)
        return; /* also when the clock was set back: it goes on in the newest step */
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
        advance(s, &s->rings[i], now_ms);
}

bool stats_keeps(int64_t window_s, int64_t step_s)
{
    for (size_t i = 0; i < STATS_RINGS; i++) {
        if (shapes[i].step_s == step_s)
            return window_s <= step_s * shapes[i].len;
    }
    return false;
}

int64_t stats_finest(int64_t window_s)
{
    size_t i = 0;

    while (i < STATS_RINGS - 1 && !stats_keeps(window_s, shapes[i].step_s))
        i++;
    return shapes[i].step_s;
}

/* ---- what is put in ---- */

#define NEWEST INT64_MAX

/* NULL: too old. */
static struct stats_step *step_then_locked(const struct stats *s, const struct stats_ring *r,
                                           int64_t then_ms)
{
    int64_t n = then_ms / 1000 / r->step_s;

    if (n > r->head)
        n = r->head;
    return n > r->head - r->len && n >= 0 ? stats_step_at(s, r, n) : NULL;
}

/* -1: not known. */
static void take_latency(struct stats_step *step, size_t language, const struct jobs_change *c)
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

static void count_final_locked(struct stats *s, int64_t then_ms, const struct jobs_change *c)
{
    size_t language = stats_language_number(s, c->language);

    for (size_t i = 0; i < STATS_RINGS; i++) {
        struct stats_step *step = step_then_locked(s, &s->rings[i], then_ms);
        if (!step)
            continue;
        step->finished[language * VERDICT_COUNT + c->verdict]++;
        if (c->judged)
            take_latency(step, language, c);
    }
}

static void count_new_locked(struct stats *s, int64_t then_ms)
{
    for (size_t i = 0; i < STATS_RINGS; i++) {
        struct stats_step *step = step_then_locked(s, &s->rings[i], then_ms);
        if (step)
            step->submitted++;
    }
}

static void take_change_locked(struct stats *s, const struct jobs_change *c)
{
    size_t language = stats_language_number(s, c->language);

    if (c->fresh) {
        s->accepted[language]++;
        count_new_locked(s, NEWEST);
    }
    if (job_state_is_final(c->state)) {
        s->finished[language * VERDICT_COUNT + c->verdict]++;
        count_final_locked(s, NEWEST, c);
    }
}

static void time_stages(const struct jobs_change *c)
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
    stats_advance_locked(s, clock_wall_ms());
    for (size_t i = 0; i < len; i++)
        take_change_locked(s, &changes[i]);
    (void)pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < len; i++)
        time_stages(&changes[i]);
}

void stats_put(struct stats *s, int64_t now_ms, const struct stats_sample *sample)
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

/* ---- what was before the start ---- */

static bool recall_row(void *ctx, int64_t submitted_ms, int64_t finished_ms,
                       const struct jobs_change *c)
{
    struct stats *s = ctx;

    (void)pthread_mutex_lock(&s->lock);
    if (submitted_ms < s->opened_ms) /* the others were told */
        count_new_locked(s, submitted_ms);
    if (finished_ms > 0 && finished_ms < s->opened_ms)
        count_final_locked(s, finished_ms, c);
    bool go = !s->resting;
    (void)pthread_mutex_unlock(&s->lock);
    return go;
}

void stats_recall(struct stats *s, struct jobs *j)
{
    struct err e;

    if (jobs_history(j, s->opened_ms - STATS_WINDOW_MAX_S * 1000LL, recall_row, s, &e) < 0)
        log_warning("past_unknown", log_s("error", e.msg));
}

/* ---- the thread ---- */

static void sample(struct stats *s)
{
    struct jobs_counts counts;
    struct engine_health health = { .running = 0 };

    jobs_counts(s->jobs, &counts);
    if (s->engine)
        engine_health(s->engine, &health);
    stats_put(s, clock_wall_ms(),
              &(struct stats_sample){ .queued = (int32_t)counts.queued,
                                      .running = (int32_t)counts.running,
                                      .cells_idle = (int32_t)health.cells_idle,
                                      .cells_taken = (int32_t)health.cells_taken });
}

static void *watch(void *arg)
{
    struct stats *s = arg;
    int64_t next = clock_mono_ns();
    bool go = true;

    sample(s);
    stats_recall(s, s->jobs);
    while (go) {
        sample(s);
        next += NS_PER_S;
        (void)pthread_mutex_lock(&s->lock);
        while (!s->resting && clock_cond_wait(&s->rest, &s->lock, next))
            ;
        go = !s->resting;
        (void)pthread_mutex_unlock(&s->lock);
    }
    return NULL;
}

int stats_watch(struct stats *s, struct jobs *j, struct engine *engine, struct err *e)
{
    s->jobs = j;
    s->engine = engine;
    int rc = pthread_create(&s->thread, NULL, watch, s);
    if (rc != 0)
        return err_errno(e, ERR_NOMEM, rc, "start the thread of statistics");
    s->watching = true;
    return 0;
}

void stats_rest(struct stats *s)
{
    if (!s->watching)
        return;
    (void)pthread_mutex_lock(&s->lock);
    s->resting = true;
    (void)pthread_cond_signal(&s->rest);
    (void)pthread_mutex_unlock(&s->lock);
    (void)pthread_join(s->thread, NULL);
    s->watching = false;
}

/* ---- its life, and totals ---- */

static int make_rings(struct stats *s)
{
    size_t slots = s->languages_len * VERDICT_COUNT;

    s->step_size = sizeof(struct stats_step) + slots * sizeof(uint32_t);
    s->step_size = (s->step_size + 7) / 8 * 8;
    s->accepted = calloc(s->languages_len, sizeof *s->accepted);
    s->finished = calloc(slots, sizeof *s->finished);
    for (size_t i = 0; i < STATS_RINGS; i++) {
        struct stats_ring *r = &s->rings[i];
        *r = (struct stats_ring){ .step_s = shapes[i].step_s, .len = shapes[i].len };
        r->steps = calloc((size_t)r->len, s->step_size); /* what is never used costs nothing */
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
    clock_cond_init(&s->rest);
    s->languages = l;
    s->languages_len = l->len + 1;
    s->opened_ms = clock_wall_ms();
    if (make_rings(s) < 0) {
        (void)stats_free(s);
        return err_set(e, ERR_NOMEM, "statistics");
    }
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
    stats_rest(s);
    for (size_t i = 0; i < STATS_RINGS; i++)
        free_ring(s, &s->rings[i]);
    free(s->accepted);
    free(s->finished);
    (void)pthread_cond_destroy(&s->rest);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
    return NULL;
}

const char *stats_language(const struct stats *s, size_t i)
{
    if (i < s->languages->len)
        return s->languages->rows[i].name;
    return i == s->languages->len ? "other" : NULL;
}

size_t stats_language_number(const struct stats *s, const char *name)
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
