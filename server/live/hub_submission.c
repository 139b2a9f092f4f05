#include <stdio.h>
#include <string.h>

#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/store/jobs_change.h"
#include "server/config.h"
#include "server/live/hub_internal.h"
#include "server/report_view.h"

/* ---- the last event of a submission: its report ---- */

struct report_task {
    struct executor_task task;
    struct hub *hub;
    int64_t seq, change;
    char id[SUBMISSION_ID_MAX + 1];
};

/* NULL: its clients are let go, and may ask for it themselves. */
static struct hub_text *render(const struct report_task *t)
{
    struct hub *h = t->hub;
    CLEANUP(freep) char *json = NULL;
    const struct report_view_query all = { .id = t->id };
    size_t len;
    struct err e;

    if (report_view_render(h->jobs, h->config, &all, &json, &len, &e) < 0)
        return NULL;
    struct hub_text *text = hub_text_event(h, "report", t->change, json, len, NULL);
    if (!text)
        return NULL;
    text->report = true;
    text->hub = h;
    int64_t others = atomic_fetch_add(&h->report_bytes, (int64_t)text->len);
    return others + (int64_t)text->len > HUB_REPORTS && others > 0 ? hub_text_drop(text) : text;
}

static void run_report(struct executor_task *task)
{
    struct report_task *t = (struct report_task *)(void *)task;
    struct hub *h = t->hub;
    struct hub_sub *woken = NULL;
    struct hub_text *text = render(t);

    (void)pthread_mutex_lock(&h->lock);
    struct hub_job *job = hub_job_locked(h, t->seq);
    for (struct hub_sub *s = job ? job->subs : NULL; s; s = s->next_of_job) {
        if (s->ended)
            continue;
        (void)hub_push_locked(s, text);
        s->ended = true;
        hub_wake_locked(s, &woken);
    }
    if (job)
        job->final = false;
    (void)pthread_mutex_unlock(&h->lock);
    hub_wake_all(woken);
    (void)hub_text_drop(text);
    free(t);
}

static void order_report_locked(struct hub *h, struct hub_job *job, int64_t change)
{
    struct report_task *t = job->final ? NULL : calloc(1, sizeof *t);

    if (!t)
        return;
    job->final = true;
    *t = (struct report_task){
        .task = { .run = run_report }, .hub = h, .seq = job->seq, .change = change
    };
    (void)snprintf(t->id, sizeof t->id, "%s", job->id);
    executor_submit(h->reports, &t->task);
}

/* ---- one submission's other events ---- */

struct telling {
    struct hub *hub;
    const char *phase; /* static */
    int64_t change;
    bool final;
    struct hub_text *text;
};

static bool take_state(void *ctx, const struct jobs_item *item)
{
    struct telling *t = ctx;
    char tail[40];

    t->change = item->revision;
    t->final = job_state_is_final(item->state);
    if (t->final)
        return true;
    bool runs = t->phase && item->state == JOB_RUNNING;
    (void)snprintf(tail, sizeof tail, ",\"phase\":%s%s%s}", runs ? "\"" : "",
                   runs ? t->phase : "null", runs ? "\"" : "");
    /* A phase is no change of the row. */
    t->text =
        hub_text_event(t->hub, "state", runs ? 0 : item->revision, item->json, item->len, tail);
    return true;
}

/* anew: also those who know this change. */
static void tell_locked(struct hub *h, struct hub_job *job, const struct telling *t, bool anew,
                        struct hub_sub **woken)
{
    if (t->final)
        order_report_locked(h, job, t->change);
    for (struct hub_sub *s = job->subs; s; s = s->next_of_job) {
        if (t->final || s->ended || (s->position >= t->change && !anew))
            continue;
        s->position = t->change;
        if (hub_push_locked(s, t->text))
            hub_wake_locked(s, woken);
    }
}

void hub_notify_state(struct hub *h, int64_t seq, bool anew)
{
    struct telling t = { .hub = h };
    struct hub_sub *woken = NULL;
    struct err e;

    (void)pthread_mutex_lock(&h->lock);
    struct hub_job *job = hub_job_locked(h, seq);
    if (job)
        t.phase = job->phase;
    (void)pthread_mutex_unlock(&h->lock);
    if (!job)
        return;
    if (jobs_item_of(h->jobs, seq, (enum status_set)h->config->runner_status_set, take_state, &t,
                     &e) < 0) {
        log_debug("event_lost", log_s("error", e.msg));
        return;
    }
    (void)pthread_mutex_lock(&h->lock);
    job = hub_job_locked(h, seq);
    if (job)
        tell_locked(h, job, &t, anew, &woken);
    (void)pthread_mutex_unlock(&h->lock);
    hub_wake_all(woken);
    (void)hub_text_drop(t.text);
}

bool hub_set_phase(struct hub *h, int64_t seq, const char *phase)
{
    (void)pthread_mutex_lock(&h->lock);
    struct hub_job *job = hub_job_locked(h, seq);
    bool changed = job && job->phase != phase;
    if (job)
        job->phase = phase;
    (void)pthread_mutex_unlock(&h->lock);
    return changed;
}

void hub_notify_test(struct hub *h, const struct engine_event *event)
{
    struct hub_sub *woken = NULL;

    (void)pthread_mutex_lock(&h->lock);
    struct hub_job *job = hub_job_locked(h, event->seq);
    struct hub_text *text = job ? hub_text_test(h, event, job->id) : NULL;
    for (struct hub_sub *s = job ? job->subs : NULL; s; s = s->next_of_job) {
        /* One that does not fit is in the report. */
        if (!s->ended && hub_push_locked(s, text))
            hub_wake_locked(s, &woken);
    }
    (void)pthread_mutex_unlock(&h->lock);
    hub_wake_all(woken);
    (void)hub_text_drop(text);
}
