#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include <utlist.h>

#include "schema/base/buf.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/metrics.h"
#include "schema/store/jobs_change.h"
#include "server/config.h"
#include "server/live/hub_internal.h"

#define PAGE_ROWS 500
#define FDS       64
#define NEWCOMERS 64

/* ---- messages ---- */

/* The latest test of each submission waits for the next frame. */
static void keep_test(struct hub *h, const struct hub_message *m)
{
    size_t i = 0;

    while (i < h->tests_len && h->tests[i].seq != m->seq)
        i++;
    if (i == HUB_FRAME_MAX)
        return;
    h->tests[i] = *m;
    h->tests_len += i == h->tests_len;
}

static void take_message(struct hub *h, const struct hub_message *m)
{
    static const char *const phases[] = {
        [ENGINE_BUILDS] = "build", [ENGINE_RUNS] = "run", [ENGINE_TESTED] = "run"
    };

    if (!m->tested) {
        if (m->state != JOB_RUNNING)
            (void)hub_set_phase(h, m->seq, NULL);
        hub_notify_state(h, m->seq, false);
        return;
    }
    if (hub_set_phase(h, m->seq, phases[m->event.kind]))
        hub_notify_state(h, m->seq, true);
    if (m->event.kind != ENGINE_TESTED)
        return;
    hub_notify_test(h, &m->event);
    if (atomic_load(&h->everything) > 0)
        keep_test(h, m);
}

/* Rows of subscribers who have not heard anything yet. */
static size_t pick_rows(struct hub *h, int64_t seqs[NEWCOMERS])
{
    size_t n = 0;
    struct hub_sub *s;

    (void)pthread_mutex_lock(&h->lock);
    if (h->newcomers) {
        DL_FOREACH(h->subs, s)
        {
            if (!s->fresh || n == NEWCOMERS)
                continue;
            s->fresh = false;
            if (s->seq != 0)
                seqs[n++] = s->seq;
            else
                h->dirty = true; /* what it missed comes with the next frame */
        }
        h->newcomers = n == NEWCOMERS;
    }
    (void)pthread_mutex_unlock(&h->lock);
    return n;
}

static void welcome(struct hub *h)
{
    int64_t seqs[NEWCOMERS];
    size_t n;

    while ((n = pick_rows(h, seqs)) > 0) {
        for (size_t i = 0; i < n; i++)
            hub_notify_state(h, seqs[i], false);
    }
}

/* Messages were lost: everybody is looked at as if new, and told what it does not know. */
static void look_anew(struct hub *h)
{
    struct hub_sub *s;

    (void)pthread_mutex_lock(&h->lock);
    DL_FOREACH(h->subs, s) { s->fresh = true; }
    h->newcomers = true;
    (void)pthread_mutex_unlock(&h->lock);
}

/* ---- everything: pages of what changed ---- */

struct page_ink {
    struct hub *hub;
    struct buf out;
    int64_t to;
    bool failed;
};

static bool take_row(void *ctx, const struct jobs_item *item)
{
    struct page_ink *ink = ctx;
    const char *event = job_state_is_final(item->state) ? "report" : "state";
    struct hub_text *t =
        hub_text_event(ink->hub, event, item->revision, item->json, item->len, ",\"phase\":null}");

    ink->failed = !t || buf_add(&ink->out, t->data, t->len) < 0;
    (void)hub_text_drop(t);
    if (!ink->failed)
        ink->to = item->revision;
    return !ink->failed && ink->out.len < (size_t)HUB_PAGE;
}

/* The page that begins behind `from`: a known one, or a new one in place of the oldest. NULL: the
 * table cannot be read now. */
static const struct hub_page *page_from(struct hub *h, int64_t from)
{
    const struct jobs_items_query q = { .after = from,
                                        .limit = PAGE_ROWS,
                                        .set = (enum status_set)h->config->runner_status_set };
    struct page_ink ink = { .hub = h, .to = from };
    struct err e;

    for (size_t i = 0; i < HUB_PAGES; i++) {
        if (h->pages[i].text && h->pages[i].from == from)
            return &h->pages[i];
    }
    int rc = jobs_items_since(h->jobs, &q, take_row, &ink, &e);
    bool whole = rc == 0 && !ink.failed;
    struct hub_text *text = whole ? hub_text_plain(ink.out.data ? ink.out.data : "") : NULL;
    buf_clear(&ink.out);
    if (!text)
        return NULL;
    struct hub_page *page = &h->pages[h->next_page++ % HUB_PAGES];
    (void)hub_text_drop(page->text);
    *page = (struct hub_page){ .from = from, .to = ink.to, .text = text };
    if (ink.to == from) /* numbers without a row */
        page->to = h->latest;
    return page;
}

static bool wants_page(const struct hub *h, const struct hub_sub *s)
{
    return !s->ended && !s->first && s->position < h->latest;
}

/* Hands a page to all who stand where it begins. False: nobody wants one, or none can be had. */
static bool feed_once(struct hub *h)
{
    struct hub_sub *woken = NULL, *s;
    int64_t from = -1;
    bool fed = false;

    (void)pthread_mutex_lock(&h->lock);
    DL_FOREACH2(h->all, s, next_all)
    {
        if (from < 0 && wants_page(h, s))
            from = s->position;
    }
    (void)pthread_mutex_unlock(&h->lock);
    const struct hub_page *page = from >= 0 ? page_from(h, from) : NULL;
    if (!page)
        return false;
    (void)pthread_mutex_lock(&h->lock);
    DL_FOREACH2(h->all, s, next_all)
    {
        if (!wants_page(h, s) || s->position != from)
            continue;
        if (page->text->len > 0 && !hub_push_locked(s, page->text))
            continue;
        s->position = page->to;
        fed = true;
        hub_wake_locked(s, &woken);
    }
    (void)pthread_mutex_unlock(&h->lock);
    hub_wake_all(woken);
    return fed;
}

struct test_name {
    char id[SUBMISSION_ID_MAX + 1];
    bool runs;
};

static bool take_name(void *ctx, const struct jobs_item *item)
{
    struct test_name *name = ctx;

    (void)snprintf(name->id, sizeof name->id, "%s", item->id);
    name->runs = item->state == JOB_RUNNING;
    return true;
}

/* Behind the pages, so that nobody hears of a test before its submission; what has ended meanwhile
 * was told with its report. */
static void tell_tests(struct hub *h)
{
    for (size_t i = 0; i < h->tests_len; i++) {
        struct test_name name = { .runs = false };
        struct hub_sub *woken = NULL, *s;
        struct err e;
        if (jobs_item_of(h->jobs, h->tests[i].seq, STATUS_SET_FULL, take_name, &name, &e) < 0 ||
            !name.runs)
            continue;
        struct hub_text *text = hub_text_test(h, &h->tests[i].event, name.id);
        (void)pthread_mutex_lock(&h->lock);
        DL_FOREACH2(h->all, s, next_all)
        {
            if (!s->ended && s->position >= h->latest && hub_push_locked(s, text))
                hub_wake_locked(s, &woken);
        }
        (void)pthread_mutex_unlock(&h->lock);
        hub_wake_all(woken);
        (void)hub_text_drop(text);
    }
    h->tests_len = 0;
}

static void frame(struct hub *h, int64_t now)
{
    struct jobs_counts counts;

    h->frame_at = now + h->times.frame_ns;
    h->dirty = false;
    jobs_counts(h->jobs, &counts);
    (void)pthread_mutex_lock(&h->lock);
    h->latest = counts.revision;
    (void)pthread_mutex_unlock(&h->lock);
    while (feed_once(h))
        ;
    tell_tests(h);
}

/* ---- who is gone, who stalls, who hears nothing ---- */

static void end_locked(struct hub_sub *s, struct hub_sub **woken)
{
    s->ended = true;
    hub_clear_locked(s);
    if (s->asleep)
        hub_wake_locked(s, woken);
    else
        (void)shutdown(s->fd, SHUT_RDWR); /* the library is writing, and finds the end */
}

static void check_locked(struct hub *h, struct hub_sub *s, bool gone, struct hub_text *heartbeat,
                         struct hub_sub **woken)
{
    int64_t idle = clock_mono_ns() - s->seen_ns;

    if (gone || (!s->asleep && idle > h->times.stall_ns)) {
        if (!gone)
            metrics_count(METRICS_EVENTS_DROPPED);
        end_locked(s, woken);
    } else if (s->asleep && idle > h->times.heartbeat_ns && hub_push_locked(s, heartbeat)) {
        hub_wake_locked(s, woken);
    }
}

/* Whether the other side has hung up, for at most FDS from s on. Returns who comes behind them. */
static struct hub_sub *check_some_locked(struct hub *h, struct hub_sub *s,
                                         struct hub_text *heartbeat, struct hub_sub **woken)
{
    struct pollfd fds[FDS];
    struct hub_sub *next = s;
    nfds_t n = 0;

    for (; next && n < FDS; next = next->next)
        fds[n++] = (struct pollfd){ .fd = next->fd, .events = POLLRDHUP };
    int found = poll(fds, n, 0);
    for (nfds_t i = 0; s != next; s = s->next, i++)
        check_locked(h, s, found > 0 && fds[i].revents != 0, heartbeat, woken);
    return next;
}

static void look(struct hub *h)
{
    struct hub_text *heartbeat = hub_text_plain(":\n\n");
    struct hub_sub *woken = NULL;

    (void)pthread_mutex_lock(&h->lock);
    for (struct hub_sub *s = h->subs; s;)
        s = check_some_locked(h, s, heartbeat, &woken);
    (void)pthread_mutex_unlock(&h->lock);
    hub_wake_all(woken);
    (void)hub_text_drop(heartbeat);
}

/* ---- the thread ---- */

/* Waits for something to do. False: the end. */
static bool next_messages(struct hub *h, size_t *ret_len, bool *ret_lost)
{
    bool waiting = h->dirty || h->tests_len > 0;
    int64_t due = waiting && h->frame_at < h->look_at ? h->frame_at : h->look_at;
    bool early = true;

    (void)pthread_mutex_lock(&h->inbox_lock);
    while (h->inbox_len == 0 && !h->overflowed && !h->called && !h->ending &&
           !(h->changed && !waiting) && early)
        early = clock_cond_wait(&h->bell, &h->inbox_lock, due);
    struct hub_message *full = h->inbox;
    h->inbox = h->taken;
    h->taken = full;
    *ret_len = h->inbox_len;
    *ret_lost = h->overflowed;
    h->dirty = h->dirty || h->changed;
    h->inbox_len = 0;
    h->overflowed = h->changed = h->called = false;
    bool go = !h->ending;
    (void)pthread_mutex_unlock(&h->inbox_lock);
    return go;
}

void *hub_main(void *hub)
{
    struct hub *h = hub;
    size_t len;
    bool lost;

    h->look_at = clock_mono_ns() + h->times.look_ns;
    while (next_messages(h, &len, &lost)) {
        if (lost)
            look_anew(h);
        welcome(h);
        for (size_t i = 0; i < len; i++)
            take_message(h, &h->taken[i]);
        int64_t now = clock_mono_ns();
        if ((h->dirty || h->tests_len > 0) && now >= h->frame_at)
            frame(h, now);
        while (feed_once(h))
            ;
        if (now < h->look_at)
            continue;
        look(h);
        h->look_at = now + h->times.look_ns;
    }
    return NULL;
}
