#include <stdio.h>
#include <string.h>

#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/store/jobs_change.h"
#include "server/config.h"
#include "server/live/hub_internal.h"
#include "server/report_view.h"

/* Ends the streams of a submission, with `last` unless it is NULL. A client that has not got the
 * report comes back, or requests it. */
static void end_streams_locked(struct hub_job *job, struct hub_text *last, struct hub_sub **woken)
{
    for (struct hub_sub *s = job->subs; s; s = s->next_of_job) {
        if (s->ended)
            continue;
        (void)hub_queue_add_locked(s, last);
        s->ended = true;
        hub_wake_locked(s, woken);
    }
}

/* ---- the last event of a submission: its report ---- */

struct report_task {
    struct executor_task task;
    struct hub *hub;
    int64_t seq, revision;
    char id[SUBMISSION_ID_MAX + 1];
};

/* NULL: no memory, or HUB_REPORTS is reached. */
static struct hub_text *render_report_text(const struct report_task *t)
{
    struct hub *h = t->hub;
    CLEANUP(freep) char *json = NULL;
    const struct report_view_query all = { .id = t->id };
    size_t len;
    struct err e;

    if (report_view_render(h->jobs, h->config, &all, &json, &len, &e) < 0)
        return NULL;
    struct hub_text *text = hub_text_event(h, "report", t->revision, json, len, NULL);
    if (!text)
        return NULL;
    text->report = true;
    text->hub = h;
    int64_t others = atomic_fetch_add(&h->report_bytes, (int64_t)text->len);
    return others + (int64_t)text->len > HUB_REPORTS && others > 0 ? hub_text_release(text) : text;
}

static void stream_report(struct executor_task *task)
{
    struct report_task *t = (struct report_task *)(void *)task;
    struct hub *h = t->hub;
    struct hub_sub *woken = NULL;
    struct hub_text *text = render_report_text(t);

    (void)pthread_mutex_lock(&h->lock);
    struct hub_job *job = hub_job_find_locked(h, t->seq);
    if (job) {
        end_streams_locked(job, text, &woken);
        job->rendering = false;
    }
    (void)pthread_mutex_unlock(&h->lock);
    hub_wake_all(woken);
    (void)hub_text_release(text);
    free(t);
}

static void start_report_locked(struct hub *h, struct hub_job *job, int64_t revision,
                                struct hub_sub **woken)
{
    if (job->rendering)
        return;
    struct report_task *t = calloc(1, sizeof *t);
    if (!t) {
        end_streams_locked(job, NULL, woken);
        return;
    }
    job->rendering = true;
    *t = (struct report_task){
        .task = { .run = stream_report }, .hub = h, .seq = job->seq, .revision = revision
    };
    (void)snprintf(t->id, sizeof t->id, "%s", job->id);
    executor_submit(h->reports, &t->task);
}

/* ---- the other events of a submission ---- */

struct state_event {
    struct hub *hub;
    const char *phase; /* static */
    bool resend;       /* also to subscribers that have this revision: its phase is new */
    int64_t revision;
    bool final;
    struct hub_text *text;
};

static bool make_state_event(void *ctx, const struct jobs_item *item)
{
    struct state_event *event = ctx;
    char tail[40];

    event->revision = item->revision;
    event->final = job_state_is_final(item->state);
    if (event->final)
        return true;
    bool runs = event->phase && item->state == JOB_RUNNING;
    event->resend = event->resend && runs; /* the table may hear later that it runs */
    (void)snprintf(tail, sizeof tail, ",\"phase\":%s%s%s}", runs ? "\"" : "",
                   runs ? event->phase : "null", runs ? "\"" : "");
    /* No id with a phase: it is not in the row, so the same revision comes several times. */
    event->text =
        hub_text_event(event->hub, "state", runs ? 0 : item->revision, item->json, item->len, tail);
    return true;
}

static void stream_state_locked(struct hub *h, struct hub_job *job, const struct state_event *event,
                                struct hub_sub **woken)
{
    if (event->final)
        start_report_locked(h, job, event->revision, woken);
    for (struct hub_sub *s = job->subs; s; s = s->next_of_job) {
        if (event->final || s->ended || (s->position >= event->revision && !event->resend))
            continue;
        s->position = event->revision;
        if (hub_queue_add_locked(s, event->text))
            hub_wake_locked(s, woken);
    }
}

void hub_stream_state(struct hub *h, int64_t seq, bool resend)
{
    struct state_event event = { .hub = h, .resend = resend };
    struct hub_sub *woken = NULL;
    struct err e;

    (void)pthread_mutex_lock(&h->lock);
    struct hub_job *job = hub_job_find_locked(h, seq);
    if (job)
        event.phase = job->phase;
    (void)pthread_mutex_unlock(&h->lock);
    if (!job)
        return;
    int rc = jobs_item_of(h->jobs, seq, (enum status_set)h->config->runner_status_set,
                          make_state_event, &event, &e);
    if (rc < 0)
        log_warning("stream_ended", log_s("error", e.msg), log_s("next", "its clients come back"));
    (void)pthread_mutex_lock(&h->lock);
    job = hub_job_find_locked(h, seq);
    if (job && rc < 0)
        end_streams_locked(job, NULL, &woken);
    else if (job)
        stream_state_locked(h, job, &event, &woken);
    (void)pthread_mutex_unlock(&h->lock);
    hub_wake_all(woken);
    (void)hub_text_release(event.text);
}

bool hub_set_phase(struct hub *h, int64_t seq, const char *phase)
{
    (void)pthread_mutex_lock(&h->lock);
    struct hub_job *job = hub_job_find_locked(h, seq);
    bool changed = job && job->phase != phase;
    if (job)
        job->phase = phase;
    (void)pthread_mutex_unlock(&h->lock);
    return changed;
}

void hub_stream_test(struct hub *h, const struct engine_event *event)
{
    struct hub_sub *woken = NULL;

    (void)pthread_mutex_lock(&h->lock);
    struct hub_job *job = hub_job_find_locked(h, event->seq);
    struct hub_text *text = job ? hub_text_test(h, event, job->id) : NULL;
    for (struct hub_sub *s = job ? job->subs : NULL; s; s = s->next_of_job) {
        /* A test that does not fit the queue is in the report. */
        if (!s->ended && hub_queue_add_locked(s, text))
            hub_wake_locked(s, &woken);
    }
    (void)pthread_mutex_unlock(&h->lock);
    hub_wake_all(woken);
    (void)hub_text_release(text);
}
