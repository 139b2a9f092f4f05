#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <utlist.h>

#include "schema/base/buf.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/metrics.h"
#include "schema/store/jobs_change.h"
#include "server/config.h"
#include "server/live/hub_internal.h"
#include "server/live/hub_remote.h"

#define PAGE_ROWS 500
#define FDS       64
#define FRESH_MAX 64

/* ---- messages ---- */

/* Keeps the latest test of each submission for the next frame. */
static void keep_latest_test(struct hub *h, const struct hub_message *m)
{
    size_t i = 0;

    while (i < h->tests_len && h->tests[i].seq != m->seq)
        i++;
    if (i == HUB_FRAME_TESTS)
        return;
    h->tests[i] = *m;
    h->tests_len += i == h->tests_len;
}

static void stream_message(struct hub *h, const struct hub_message *m)
{
    static const char *const phases[] = {
        [ENGINE_BUILDS] = "build", [ENGINE_RUNS] = "run", [ENGINE_TESTED] = "run"
    };

    if (!m->from_engine) {
        if (m->state != JOB_RUNNING)
            (void)hub_set_phase(h, m->seq, NULL);
        hub_stream_state(h, m->seq, false);
        return;
    }
    if (!m->remote && hub_remote_wanted(h))
        hub_remote_add(h, &m->event);
    if (hub_set_phase(h, m->seq, phases[m->event.kind]))
        hub_stream_state(h, m->seq, true);
    if (m->event.kind != ENGINE_TESTED)
        return;
    hub_stream_test(h, &m->event);
    if (atomic_load(&h->everything_count) > 0)
        keep_latest_test(h, m);
}

/* Takes rows of fresh subscribers to one submission, at most FRESH_MAX. Returns how many. */
static size_t take_fresh_rows(struct hub *h, int64_t seqs[FRESH_MAX])
{
    size_t n = 0;
    struct hub_sub *s;

    (void)pthread_mutex_lock(&h->lock);
    if (h->has_fresh) {
        DL_FOREACH(h->subs, s)
        {
            if (!s->fresh || n == FRESH_MAX)
                continue;
            s->fresh = false;
            if (s->seq != 0)
                seqs[n++] = s->seq;
            else
                h->dirty = true; /* it gets what it missed with the next frame */
        }
        h->has_fresh = n == FRESH_MAX;
    }
    (void)pthread_mutex_unlock(&h->lock);
    return n;
}

static void on_subscribe(struct hub *h)
{
    int64_t seqs[FRESH_MAX];
    size_t n;

    while ((n = take_fresh_rows(h, seqs)) > 0) {
        for (size_t i = 0; i < n; i++)
            hub_stream_state(h, seqs[i], false);
    }
}

/* Messages were lost: treats all subscribers as fresh, so that each gets what it does not have. */
static void resync(struct hub *h)
{
    struct hub_sub *s;

    (void)pthread_mutex_lock(&h->lock);
    DL_FOREACH(h->subs, s) { s->fresh = true; }
    h->has_fresh = true;
    (void)pthread_mutex_unlock(&h->lock);
}

/* Clients may have seen what is gone, and the numbers go on elsewhere: all streams begin anew. */
static void start_epoch(struct hub *h, const char *epoch, int64_t revision)
{
    char position[HUB_ID_SIZE];
    struct hub_sub *woken = NULL, *s;

    (void)pthread_mutex_lock(&h->lock);
    memcpy(h->epoch, epoch, sizeof h->epoch);
    h->latest = revision;
    (void)pthread_mutex_unlock(&h->lock);
    hub_event_id(h, revision, position);
    struct hub_text *all = hub_text_opening(position, HUB_NEW_EPOCH);
    struct hub_text *one = hub_text_opening("", HUB_NEW_EPOCH);
    (void)pthread_mutex_lock(&h->lock);
    DL_FOREACH(h->subs, s)
    {
        s->position = s->seq == 0 ? revision : -1;
        if (!s->ended && hub_queue_add_locked(s, s->seq == 0 ? all : one))
            hub_wake_locked(s, &woken);
    }
    (void)pthread_mutex_unlock(&h->lock);
    hub_wake_all(woken);
    (void)hub_text_release(all);
    (void)hub_text_release(one);
    for (size_t i = 0; i < HUB_PAGES; i++)
        h->pages[i].text = hub_text_release(h->pages[i].text);
    resync(h);
}

static void check_epoch(struct hub *h)
{
    char epoch[JOBS_EPOCH_SIZE];
    struct jobs_counts counts;

    jobs_epoch(h->jobs, epoch);
    if (strcmp(epoch, h->epoch) == 0)
        return;
    jobs_counts(h->jobs, &counts);
    start_epoch(h, epoch, counts.revision);
}

/* ---- subscribers to everything: pages of changed rows ---- */

struct page_builder {
    struct hub *hub;
    struct buf out;
    int64_t to;
    bool failed;
};

static bool append_row_event(void *ctx, const struct jobs_item *item)
{
    struct page_builder *builder = ctx;
    const char *event = job_state_is_final(item->state) ? "report" : "state";
    struct hub_text *t = hub_text_event(builder->hub, event, item->revision, item->json, item->len,
                                        ",\"phase\":null}");

    builder->failed = !t || buf_add(&builder->out, t->data, t->len) < 0;
    (void)hub_text_release(t);
    if (!builder->failed)
        builder->to = item->revision;
    return !builder->failed && builder->out.len < (size_t)HUB_PAGE;
}

/* The page that begins after `from`: one that is kept, or a new one in place of the oldest. NULL:
 * the table cannot be read now, or no memory. */
static const struct hub_page *find_or_read_page(struct hub *h, int64_t from)
{
    const struct jobs_items_query q = { .after = from,
                                        .limit = PAGE_ROWS,
                                        .set = (enum status_set)h->config->runner_status_set };
    struct page_builder builder = { .hub = h, .to = from };
    struct err e;

    for (size_t i = 0; i < HUB_PAGES; i++) {
        if (h->pages[i].text && h->pages[i].from == from && h->pages[i].latest == h->latest)
            return &h->pages[i];
    }
    int rc = jobs_items_since(h->jobs, &q, append_row_event, &builder, &e);
    bool whole = rc == 0 && !builder.failed;
    struct hub_text *text = whole ? hub_text_plain(builder.out.data ? builder.out.data : "") : NULL;
    buf_clear(&builder.out);
    if (!text)
        return NULL;
    struct hub_page *page = &h->pages[h->next_page++ % HUB_PAGES];
    (void)hub_text_release(page->text);
    *page = (struct hub_page){ .from = from, .to = builder.to, .latest = h->latest, .text = text };
    if (builder.to == from) /* no rows: those revisions were superseded or removed */
        page->to = h->latest;
    return page;
}

static bool is_ready_for_page(const struct hub *h, const struct hub_sub *s)
{
    return !s->ended && !s->first && s->position < h->latest;
}

/* Streams one page to all subscribers at the position where it begins. False: none advanced. */
static bool stream_next_page(struct hub *h)
{
    struct hub_sub *woken = NULL, *s;
    int64_t from = -1;
    bool streamed = false;

    (void)pthread_mutex_lock(&h->lock);
    DL_FOREACH2(h->everything_subs, s, next_everything)
    {
        if (from < 0 && is_ready_for_page(h, s))
            from = s->position;
    }
    (void)pthread_mutex_unlock(&h->lock);
    const struct hub_page *page = from >= 0 ? find_or_read_page(h, from) : NULL;
    if (!page)
        return false;
    (void)pthread_mutex_lock(&h->lock);
    DL_FOREACH2(h->everything_subs, s, next_everything)
    {
        if (!is_ready_for_page(h, s) || s->position != from)
            continue;
        if (page->text->len > 0 && !hub_queue_add_locked(s, page->text))
            continue;
        s->position = page->to;
        streamed = true;
        hub_wake_locked(s, &woken);
    }
    (void)pthread_mutex_unlock(&h->lock);
    hub_wake_all(woken);
    return streamed;
}

struct test_owner {
    char id[SUBMISSION_ID_MAX + 1];
    bool runs;
};

static bool read_owner(void *ctx, const struct jobs_item *item)
{
    struct test_owner *owner = ctx;

    (void)snprintf(owner->id, sizeof owner->id, "%s", item->id);
    owner->runs = item->state == JOB_RUNNING;
    return true;
}

/* After the pages, so that no test comes before its submission's first event. A submission that is
 * final by now needs none: its report was in a page. */
static void stream_tests(struct hub *h)
{
    for (size_t i = 0; i < h->tests_len; i++) {
        struct test_owner owner = { .runs = false };
        struct hub_sub *woken = NULL, *s;
        struct err e;
        if (jobs_item_of(h->jobs, h->tests[i].seq, STATUS_SET_FULL, read_owner, &owner, &e) < 0 ||
            !owner.runs)
            continue;
        struct hub_text *text = hub_text_test(h, &h->tests[i].event, owner.id);
        (void)pthread_mutex_lock(&h->lock);
        DL_FOREACH2(h->everything_subs, s, next_everything)
        {
            if (!s->ended && s->position >= h->latest && hub_queue_add_locked(s, text))
                hub_wake_locked(s, &woken);
        }
        (void)pthread_mutex_unlock(&h->lock);
        hub_wake_all(woken);
        (void)hub_text_release(text);
    }
    h->tests_len = 0;
}

static void stream_frame(struct hub *h, int64_t now)
{
    struct jobs_counts counts;

    h->frame_at = now + h->times.frame_ns;
    h->dirty = false;
    jobs_counts(h->jobs, &counts);
    (void)pthread_mutex_lock(&h->lock);
    h->latest = counts.revision;
    (void)pthread_mutex_unlock(&h->lock);
    while (stream_next_page(h))
        ;
    stream_tests(h);
}

/* ---- sweep: clients that hung up or stall; heartbeats ---- */

static void end_sub_locked(struct hub_sub *s, struct hub_sub **woken)
{
    s->ended = true;
    hub_queue_clear_locked(s);
    if (s->asleep)
        hub_wake_locked(s, woken);
    else
        (void)shutdown(s->fd, SHUT_RDWR); /* makes the library's pending write fail */
}

static void check_sub_locked(struct hub *h, struct hub_sub *s, bool hung_up,
                             struct hub_text *heartbeat, struct hub_sub **woken)
{
    int64_t idle = clock_mono_ns() - s->seen_ns;

    if (hung_up || (!s->asleep && idle > h->times.stall_ns)) {
        if (!hung_up)
            metrics_count(METRICS_EVENTS_DROPPED);
        end_sub_locked(s, woken);
    } else if (s->asleep && idle > h->times.heartbeat_ns && hub_queue_add_locked(s, heartbeat)) {
        hub_wake_locked(s, woken);
    }
}

/* Checks at most FDS subscribers from s on, with one poll(). Returns the one after them. */
static struct hub_sub *check_subs_locked(struct hub *h, struct hub_sub *s,
                                         struct hub_text *heartbeat, struct hub_sub **woken)
{
    struct pollfd fds[FDS];
    struct hub_sub *next = s;
    nfds_t n = 0;

    for (; next && n < FDS; next = next->next)
        fds[n++] = (struct pollfd){ .fd = next->fd, .events = POLLRDHUP };
    int found = poll(fds, n, 0);
    for (nfds_t i = 0; s != next; s = s->next, i++)
        check_sub_locked(h, s, found > 0 && fds[i].revents != 0, heartbeat, woken);
    return next;
}

static void sweep_subscribers(struct hub *h)
{
    struct hub_text *heartbeat = hub_text_plain(":\n\n");
    struct hub_sub *woken = NULL;

    (void)pthread_mutex_lock(&h->lock);
    for (struct hub_sub *s = h->subs; s;)
        s = check_subs_locked(h, s, heartbeat, &woken);
    (void)pthread_mutex_unlock(&h->lock);
    hub_wake_all(woken);
    (void)hub_text_release(heartbeat);
}

/* ---- the thread ---- */

/* Waits for messages or the next due time; the messages are then in h->taken. *ret_lost: some did
 * not fit. False: the hub stops. */
static bool wait_for_messages(struct hub *h, size_t *ret_len, bool *ret_lost)
{
    bool frame_wanted = h->dirty || h->tests_len > 0;
    int64_t due = frame_wanted && h->frame_at < h->sweep_at ? h->frame_at : h->sweep_at;
    bool before_due = true;

    if (hub_remote_due(h) < due)
        due = hub_remote_due(h);

    (void)pthread_mutex_lock(&h->inbox_lock);
    while (h->inbox_len == 0 && !h->overflowed && !h->wake_wanted && !h->ending &&
           !(h->changed && !frame_wanted) && before_due)
        before_due = clock_cond_wait(&h->wake_cond, &h->inbox_lock, due);
    struct hub_message *full = h->inbox;
    h->inbox = h->taken;
    h->taken = full;
    *ret_len = h->inbox_len;
    *ret_lost = h->overflowed;
    h->dirty = h->dirty || h->changed;
    h->inbox_len = 0;
    h->overflowed = h->changed = h->wake_wanted = false;
    bool go = !h->ending;
    (void)pthread_mutex_unlock(&h->inbox_lock);
    return go;
}

void *hub_main(void *hub)
{
    struct hub *h = hub;
    size_t len;
    bool lost;

    h->sweep_at = clock_mono_ns() + h->times.sweep_ns;
    while (wait_for_messages(h, &len, &lost)) {
        if (lost)
            resync(h);
        check_epoch(h);
        on_subscribe(h);
        for (size_t i = 0; i < len; i++)
            stream_message(h, &h->taken[i]);
        int64_t now = clock_mono_ns();
        hub_remote_tick(h, now);
        if ((h->dirty || h->tests_len > 0) && now >= h->frame_at)
            stream_frame(h, now);
        while (stream_next_page(h))
            ;
        if (now < h->sweep_at)
            continue;
        sweep_subscribers(h);
        h->sweep_at = now + h->times.sweep_ns;
    }
    return NULL;
}
