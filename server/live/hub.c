#include "server/live/hub.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <utlist.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/store/jobs_change.h"
#include "server/config.h"
#include "server/live/hub_internal.h"
#include "server/live/hub_remote.h"

const struct hub_times hub_times = { .frame_ns = 250 * NS_PER_MS,
                                     .heartbeat_ns = 15 * NS_PER_S,
                                     .stall_ns = 25 * NS_PER_S,
                                     .sweep_ns = NS_PER_S };

/* ---- the inbox ---- */

/* Wakes the thread, which then looks at fresh subscribers and pages. */
static void wake_hub_thread(struct hub *h)
{
    (void)pthread_mutex_lock(&h->inbox_lock);
    h->wake_wanted = true;
    (void)pthread_cond_signal(&h->wake_cond);
    (void)pthread_mutex_unlock(&h->inbox_lock);
}

static void add_message_locked(struct hub *h, const struct hub_message *m)
{
    if (h->inbox_len == HUB_INBOX)
        h->overflowed = true;
    else
        h->inbox[h->inbox_len++] = *m;
}

/* The change is committed before this is called. A subscriber that joins after its count was read
 * as 0 reads the table afterwards, and so misses nothing. */
void hub_changed(void *ctx, const struct jobs_change *changes, size_t len)
{
    struct hub *h = ctx;
    bool singles = atomic_load(&h->single_count) > 0;

    if (!singles && atomic_load(&h->everything_count) == 0)
        return;
    (void)pthread_mutex_lock(&h->inbox_lock);
    for (size_t i = 0; singles && i < len; i++)
        add_message_locked(
            h, &(struct hub_message){ .seq = changes[i].seq, .state = changes[i].state });
    bool wake_now = singles || !h->changed; /* one wake-up is enough for a frame */
    h->changed = true;
    if (wake_now)
        (void)pthread_cond_signal(&h->wake_cond);
    (void)pthread_mutex_unlock(&h->inbox_lock);
}

void hub_engine_event(void *ctx, const struct engine_event *event)
{
    struct hub *h = ctx;

    if (atomic_load(&h->single_count) == 0 && atomic_load(&h->everything_count) == 0 &&
        !hub_remote_wanted(h))
        return;
    (void)pthread_mutex_lock(&h->inbox_lock);
    add_message_locked(
        h, &(struct hub_message){ .from_engine = true, .seq = event->seq, .event = *event });
    (void)pthread_cond_signal(&h->wake_cond);
    (void)pthread_mutex_unlock(&h->inbox_lock);
}

void hub_add_remote_events(struct hub *h, const struct engine_event *events, size_t len)
{
    (void)pthread_mutex_lock(&h->inbox_lock);
    for (size_t i = 0; i < len; i++)
        add_message_locked(
            h, &(struct hub_message){
                   .from_engine = true, .remote = true, .seq = events[i].seq, .event = events[i] });
    (void)pthread_cond_signal(&h->wake_cond);
    (void)pthread_mutex_unlock(&h->inbox_lock);
}

/* ---- join and leave ---- */

void hub_event_id(struct hub *h, int64_t revision, char out[HUB_ID_SIZE])
{
    (void)pthread_mutex_lock(&h->lock);
    (void)snprintf(out, HUB_ID_SIZE, "%s-%lld", h->epoch, (long long)revision);
    (void)pthread_mutex_unlock(&h->lock);
}

int64_t hub_event_revision(struct hub *h, const char *id)
{
    char zero[HUB_ID_SIZE];
    int64_t n = 0;

    hub_event_id(h, 0, zero);
    size_t len = strlen(zero) - 1;
    if (strncmp(id, zero, len) != 0)
        return -1;
    const char *p = id + len;
    if (!*p || strlen(p) > 18)
        return -1;
    for (; isdigit((unsigned char)*p); p++)
        n = n * 10 + (*p - '0');
    return *p ? -1 : n;
}

/* The revision after which a subscriber to everything continues. *ret_reason: why its client must
 * reload everything; NULL: it need not. */
static int find_position(struct hub *h, const char *last, int64_t *ret_position,
                         const char **ret_reason, struct err *e)
{
    struct jobs_counts counts;
    int64_t rows = 0;

    jobs_counts(h->jobs, &counts);
    int64_t after = last ? hub_event_revision(h, last) : counts.revision;
    *ret_position = counts.revision;
    *ret_reason = NULL;
    if (after < 0 || after > counts.revision) {
        *ret_reason = "the last event is of another job table";
        return 0;
    }
    if (jobs_items_count(h->jobs, after, HUB_REPLAY + 1, &rows, e) < 0)
        return -1;
    if (rows > HUB_REPLAY)
        *ret_reason = "too much has changed since the last event, or too long ago";
    else
        *ret_position = after;
    return 0;
}

static struct hub_job *find_or_add_job_locked(struct hub *h, int64_t seq, const char *id)
{
    struct hub_job *job = hub_job_find_locked(h, seq);

    if (job)
        return job;
    job = calloc(1, sizeof *job + strlen(id) + 1);
    if (!job)
        return NULL;
    job->seq = seq;
    memcpy(job->id, id, strlen(id) + 1);
    HASH_ADD(hh, h->jobs_by_seq, seq, sizeof job->seq, job);
    if (job->hh.tbl)
        return job;
    free(job);
    return NULL;
}

static void free_unused_job_locked(struct hub *h, struct hub_job *job)
{
    if (!job || job->subs)
        return;
    HASH_DEL(h->jobs_by_seq, job);
    free(job);
}

/* The first lines of a stream: the delay before a reconnect, and for everything the position, so
 * that a client without events yet can continue too. */
static struct hub_text *make_opening(struct hub *h, const struct hub_sub *s, const char *reason)
{
    char position[HUB_ID_SIZE] = "";

    if (s->seq == 0)
        hub_event_id(h, s->position, position);
    return hub_text_opening(position, reason);
}

static int add_sub_locked(struct hub *h, struct hub_sub *s, const char *id,
                          struct hub_text *opening, struct err *e)
{
    if (h->stopped || (s->seq == 0 && h->draining))
        return err_set(e, ERR_CANCELLED, "the server is stopping");
    if (!hub_queue_add_locked(s, opening))
        return err_set(e, ERR_NOMEM, "an event stream");
    if (s->seq != 0 && !(s->job = find_or_add_job_locked(h, s->seq, id))) {
        hub_queue_clear_locked(s);
        return err_set(e, ERR_NOMEM, "an event stream");
    }
    if (s->job) {
        s->next_of_job = s->job->subs;
        s->job->subs = s;
    }
    DL_APPEND(h->subs, s);
    if (s->seq == 0)
        DL_APPEND2(h->everything_subs, s, prev_everything, next_everything);
    s->hub = h;
    h->has_fresh = true;
    return 0;
}

int hub_join(struct hub *h, struct hub_sub *s, const char *id, const char *last_event_id,
             struct err *e)
{
    const char *reason = NULL;
    _Atomic int64_t *count = s->seq == 0 ? &h->everything_count : &h->single_count;

    s->fresh = true;
    s->position = -1;
    s->seen_ns = clock_mono_ns();
    /* Before the table is read, so that later changes come as messages. */
    atomic_fetch_add(count, 1);
    int rc = s->seq == 0 ? find_position(h, last_event_id, &s->position, &reason, e) : 0;
    if (s->seq != 0 && last_event_id && hub_event_revision(h, last_event_id) < 0)
        reason = "the last event is of another job table";
    struct hub_text *opening = make_opening(h, s, reason);
    if (rc == 0) {
        (void)pthread_mutex_lock(&h->lock);
        rc = add_sub_locked(h, s, id, opening, e);
        (void)pthread_mutex_unlock(&h->lock);
    }
    (void)hub_text_release(opening);
    if (rc < 0)
        atomic_fetch_sub(count, 1);
    else
        wake_hub_thread(h);
    return rc;
}

bool hub_sleep(struct hub_sub *s)
{
    struct hub *h = s->hub;

    (void)pthread_mutex_lock(&h->lock);
    s->asleep = !s->first && !s->ended;
    bool asleep = s->asleep, behind = s->seq == 0 && s->position < h->latest;
    (void)pthread_mutex_unlock(&h->lock);
    if (asleep && behind)
        wake_hub_thread(h);
    return asleep;
}

void hub_leave(struct hub_sub *s)
{
    struct hub *h = s->hub;

    if (!h)
        return;
    (void)pthread_mutex_lock(&h->lock);
    DL_DELETE(h->subs, s);
    if (s->seq == 0)
        DL_DELETE2(h->everything_subs, s, prev_everything, next_everything);
    if (s->job) {
        struct hub_sub **at = &s->job->subs;
        while (*at != s)
            at = &(*at)->next_of_job;
        *at = s->next_of_job;
        free_unused_job_locked(h, s->job);
    }
    hub_queue_clear_locked(s);
    (void)pthread_mutex_unlock(&h->lock);
    atomic_fetch_sub(s->seq == 0 ? &h->everything_count : &h->single_count, 1);
    s->hub = NULL;
}

size_t hub_count(struct hub *h)
{
    return (size_t)(atomic_load(&h->everything_count) + atomic_load(&h->single_count));
}

/* ---- start and end ---- */

static void end_subs(struct hub *h, bool all)
{
    struct hub_sub *woken = NULL, *s;

    (void)pthread_mutex_lock(&h->lock);
    h->draining = true;
    h->stopped = h->stopped || all;
    DL_FOREACH(h->subs, s)
    {
        if (!all && s->seq != 0)
            continue;
        s->ended = true;
        hub_wake_locked(s, &woken);
    }
    (void)pthread_mutex_unlock(&h->lock);
    hub_wake_all(woken);
}

void hub_drain(struct hub *h) { end_subs(h, false); }

void hub_stop(struct hub *h)
{
    end_subs(h, true);
    (void)pthread_mutex_lock(&h->inbox_lock);
    bool runs = !h->ending;
    h->ending = true;
    (void)pthread_cond_signal(&h->wake_cond);
    (void)pthread_mutex_unlock(&h->inbox_lock);
    if (!runs)
        return;
    (void)pthread_join(h->thread, NULL);
    h->reports = executor_free(h->reports);
}

static struct hub *destroy_hub(struct hub *h)
{
    h->reports = executor_free(h->reports);
    for (size_t i = 0; i < HUB_PAGES; i++)
        (void)hub_text_release(h->pages[i].text);
    (void)pthread_cond_destroy(&h->wake_cond);
    (void)pthread_mutex_destroy(&h->inbox_lock);
    (void)pthread_mutex_destroy(&h->lock);
    buf_clear(&h->remote.batch);
    free(h->inbox);
    free(h->taken);
    free(h);
    return NULL;
}

struct hub *hub_free(struct hub *h)
{
    if (!h)
        return NULL;
    hub_stop(h);
    return destroy_hub(h);
}

static void init_hub(struct hub *h, struct jobs *j, const struct config *c,
                     const struct hub_times *t)
{
    clock_cond_init(&h->wake_cond);
    (void)pthread_mutex_init(&h->inbox_lock, NULL);
    (void)pthread_mutex_init(&h->lock, NULL);
    h->jobs = j;
    h->config = c;
    h->times = *t;
    jobs_epoch(j, h->epoch);
    h->inbox = calloc(HUB_INBOX, sizeof *h->inbox);
    h->taken = calloc(HUB_INBOX, sizeof *h->taken);
}

int hub_open(struct jobs *j, const struct config *c, const struct hub_times *t,
             struct hub **ret_hub, struct err *e)
{
    struct hub *h = calloc(1, sizeof *h);

    if (!h)
        return err_set(e, ERR_NOMEM, "events");
    init_hub(h, j, c, t);
    if (!h->inbox || !h->taken) {
        destroy_hub(h);
        return err_set(e, ERR_NOMEM, "events");
    }
    if (executor_open(1, &h->reports, e) < 0) {
        destroy_hub(h);
        return -1;
    }
    int rc = pthread_create(&h->thread, NULL, hub_main, h);
    if (rc != 0) {
        destroy_hub(h);
        return err_errno(e, ERR_NOMEM, rc, "start the thread of events");
    }
    (void)pthread_setname_np(h->thread, "events");
    *ret_hub = h;
    return 0;
}
