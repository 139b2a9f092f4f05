#include "server/live/waiters.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <utlist.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/thread.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_change.h"

/* The waiters of one job. */
struct waiters_job {
    int64_t seq;
    struct waiter *list;
    UT_hash_handle hh;
};

struct waiters {
    pthread_mutex_t lock;
    pthread_t thread;
    int epoll, wake_fd; /* wake_fd: the thread sleeps too long, or shall end */

    /* guarded by lock */
    struct waiters_job *jobs; /* by seq */
    struct waiter *by_number; /* an epoll event may come after its waiter was freed */
    struct waiter **heap;     /* owned array; the nearest deadline first */
    size_t heap_len, heap_size;
    int64_t sleeps_until_ns; /* the thread, or that is how long it will */
    uint64_t last_number;
    bool stopped, ending;
};

#define WAKE_NUMBER 0

/* ---- the heap: heap[i] is due no later than heap[2i+1] and heap[2i+2] ---- */

static void heap_set(struct waiters *ws, size_t i, struct waiter *w)
{
    ws->heap[i] = w;
    w->heap_index = i;
}

/* Moves w from index i, whose element may be overwritten, to where it belongs. */
static void heap_settle(struct waiters *ws, size_t i, struct waiter *w)
{
    while (i > 0 && w->deadline_ns < ws->heap[(i - 1) / 2]->deadline_ns) {
        heap_set(ws, i, ws->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    for (size_t child; (child = 2 * i + 1) < ws->heap_len; i = child) {
        if (child + 1 < ws->heap_len &&
            ws->heap[child + 1]->deadline_ns < ws->heap[child]->deadline_ns)
            child++;
        if (ws->heap[child]->deadline_ns >= w->deadline_ns)
            break;
        heap_set(ws, i, ws->heap[child]);
    }
    heap_set(ws, i, w);
}

static int heap_grow(struct waiters *ws)
{
    if (ws->heap_len < ws->heap_size)
        return 0;
    size_t size = ws->heap_size ? ws->heap_size * 2 : 64;
    struct waiter **heap = reallocarray(ws->heap, size, sizeof *heap);
    if (!heap)
        return -1;
    ws->heap = heap;
    ws->heap_size = size;
    return 0;
}

static void heap_remove(struct waiters *ws, struct waiter *w)
{
    struct waiter *last = ws->heap[--ws->heap_len];

    if (last != w)
        heap_settle(ws, w->heap_index, last);
}

/* ---- add and remove, with the lock held ---- */

static struct waiters_job *find_job_locked(struct waiters *ws, int64_t seq, bool create)
{
    struct waiters_job *job;

    HASH_FIND(hh, ws->jobs, &seq, sizeof seq, job);
    if (job || !create)
        return job;
    job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    job->seq = seq;
    HASH_ADD(hh, ws->jobs, seq, sizeof job->seq, job);
    if (!job->hh.tbl) {
        free(job);
        return NULL;
    }
    return job;
}

static void remove_idle_job_locked(struct waiters *ws, struct waiters_job *job)
{
    if (job->list)
        return;
    HASH_DEL(ws->jobs, job);
    free(job);
}

/* Removes w from epoll, maps and heap, so that it may be woken. Its socket must leave epoll before
 * the waiter's owner can close it. */
static void remove_waiter_locked(struct waiters *ws, struct waiter *w)
{
    (void)epoll_ctl(ws->epoll, EPOLL_CTL_DEL, w->fd, NULL);
    HASH_DEL(ws->by_number, w);
    heap_remove(ws, w);
    DL_DELETE(w->job->list, w);
    remove_idle_job_locked(ws, w->job);
}

static int add_waiter_locked(struct waiters *ws, struct waiter *w)
{
    if (heap_grow(ws) < 0 || !(w->job = find_job_locked(ws, w->seq, true)))
        return -1;

    w->number = ++ws->last_number;
    HASH_ADD(hh, ws->by_number, number, sizeof w->number, w);
    struct epoll_event event = { .events = EPOLLRDHUP, .data.u64 = w->number };
    if (!w->hh.tbl || epoll_ctl(ws->epoll, EPOLL_CTL_ADD, w->fd, &event) < 0) {
        if (w->hh.tbl)
            HASH_DEL(ws->by_number, w);
        remove_idle_job_locked(ws, w->job);
        return -1;
    }
    DL_APPEND(w->job->list, w);
    heap_settle(ws, ws->heap_len++, w);
    return 0;
}

/* Moves w to the list for call_wake(). */
static void pick_locked(struct waiters *ws, struct waiter *w, enum waiter_why why,
                        struct waiter **picked)
{
    remove_waiter_locked(ws, w);
    w->why = why;
    DL_APPEND(*picked, w);
}

/* A report that cannot be copied is left out. */
static void copy_report(struct waiter *w, const struct jobs_change *c)
{
    if (!c->report || c->report_len > WAITER_REPORT_MAX || !(w->report = malloc(c->report_len + 1)))
        return;
    memcpy(w->report, c->report, c->report_len);
    w->report[c->report_len] = '\0';
    w->report_len = c->report_len;
}

/* c: the change that made it final; NULL: not known. */
static void pick_job_locked(struct waiters *ws, int64_t seq, const struct jobs_change *c,
                            struct waiter **picked)
{
    struct waiters_job *job = find_job_locked(ws, seq, false);
    struct waiter *w, *next;

    if (!job)
        return;
    /* Picking the last waiter frees the job. */
    for (w = job->list; w; w = next) {
        next = w->next;
        if (c)
            copy_report(w, c);
        pick_locked(ws, w, WAITER_FINAL, picked);
    }
}

/* Calls wake of each, without the lock. wake may free the waiter, so next is read before. */
static void call_wake(struct waiter *picked)
{
    struct waiter *next;

    for (; picked; picked = next) {
        next = picked->next;
        picked->wake(picked);
    }
}

static void wake_waiters_thread(struct waiters *ws)
{
    const uint64_t one = 1;
    (void)!write(ws->wake_fd, &one, sizeof one);
}

int waiters_add(struct waiters *ws, struct waiter *w, struct err *e)
{
    int rc = -1;
    bool sooner = false;

    pthread_mutex_lock(&ws->lock);
    bool stopped = ws->stopped;
    if (!stopped && (rc = add_waiter_locked(ws, w)) == 0 && w->deadline_ns < ws->sleeps_until_ns) {
        ws->sleeps_until_ns = w->deadline_ns;
        sooner = true;
    }
    pthread_mutex_unlock(&ws->lock);

    if (sooner)
        wake_waiters_thread(ws);
    if (stopped)
        return err_set(e, ERR_CANCELLED, "the server is stopping");
    return rc < 0 ? err_set(e, ERR_NOMEM, "wait for a job") : 0;
}

void waiters_wake(struct waiters *ws, int64_t seq)
{
    struct waiter *picked = NULL;

    pthread_mutex_lock(&ws->lock);
    pick_job_locked(ws, seq, NULL, &picked);
    pthread_mutex_unlock(&ws->lock);
    call_wake(picked);
}

void waiters_changed(void *ctx, const struct jobs_change *changes, size_t len)
{
    struct waiters *ws = ctx;
    struct waiter *picked = NULL;

    pthread_mutex_lock(&ws->lock);
    for (size_t i = 0; i < len && ws->jobs; i++) {
        if (job_state_is_final(changes[i].state))
            pick_job_locked(ws, changes[i].seq, &changes[i], &picked);
    }
    pthread_mutex_unlock(&ws->lock);
    call_wake(picked);
}

void waiters_stop(struct waiters *ws)
{
    struct waiter *picked = NULL;

    pthread_mutex_lock(&ws->lock);
    ws->stopped = true;
    while (ws->heap_len > 0)
        pick_locked(ws, ws->heap[0], WAITER_STOP, &picked);
    pthread_mutex_unlock(&ws->lock);
    call_wake(picked);
}

size_t waiters_count(struct waiters *ws)
{
    pthread_mutex_lock(&ws->lock);
    size_t n = ws->heap_len;
    pthread_mutex_unlock(&ws->lock);
    return n;
}

/* ---- the thread: deadlines and hang-ups ---- */

static void pick_due_locked(struct waiters *ws, struct waiter **picked)
{
    int64_t now = clock_mono_ns();

    while (ws->heap_len > 0 && ws->heap[0]->deadline_ns <= now)
        pick_locked(ws, ws->heap[0], WAITER_TIME, picked);
}

static void pick_hung_up_locked(struct waiters *ws, uint64_t number, struct waiter **picked)
{
    struct waiter *w;

    HASH_FIND(hh, ws->by_number, &number, sizeof number, w);
    if (w)
        pick_locked(ws, w, WAITER_GONE, picked);
}

/* Milliseconds to the nearest deadline, rounded up so that it has passed on wake-up; -1: none. A
 * waiter that ends earlier does not change it: most do, and the thread is not woken for each. */
static int timeout_ms_locked(struct waiters *ws)
{
    ws->sleeps_until_ns = ws->heap_len == 0 ? INT64_MAX : ws->heap[0]->deadline_ns;
    if (ws->heap_len == 0)
        return -1;
    int64_t left = ws->heap[0]->deadline_ns - clock_mono_ns();
    return left <= 0 ? 0 : (int)(left / NS_PER_MS + 1);
}

static void *run_waiters(void *ctx)
{
    struct waiters *ws = ctx;
    struct epoll_event events[64];
    int n = 0;

    thread_name("waiters");
    for (;;) {
        struct waiter *picked = NULL;
        pthread_mutex_lock(&ws->lock);
        for (int i = 0; i < n; i++)
            pick_hung_up_locked(ws, events[i].data.u64, &picked);
        pick_due_locked(ws, &picked);
        int timeout_ms = timeout_ms_locked(ws);
        bool ending = ws->ending;
        pthread_mutex_unlock(&ws->lock);

        call_wake(picked);
        if (ending)
            return NULL;
        n = epoll_wait(ws->epoll, events, (int)ARRAY_LEN(events), timeout_ms);
        for (int i = 0; i < n; i++) {
            uint64_t count;
            if (events[i].data.u64 == WAKE_NUMBER)
                (void)!read(ws->wake_fd, &count, sizeof count);
        }
    }
}

int waiters_open(struct waiters **ret_waiters, struct err *e)
{
    struct waiters *ws = calloc(1, sizeof *ws);
    struct epoll_event event = { .events = EPOLLIN, .data.u64 = WAKE_NUMBER };

    if (!ws)
        return err_set(e, ERR_NOMEM, "waiting clients");
    pthread_mutex_init(&ws->lock, NULL);
    ws->sleeps_until_ns = INT64_MAX;
    ws->epoll = epoll_create1(EPOLL_CLOEXEC);
    ws->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (ws->epoll >= 0 && ws->wake_fd >= 0 &&
        epoll_ctl(ws->epoll, EPOLL_CTL_ADD, ws->wake_fd, &event) == 0 &&
        pthread_create(&ws->thread, NULL, run_waiters, ws) == 0) {
        *ret_waiters = ws;
        return 0;
    }
    int saved_errno = errno;
    closep(&ws->epoll);
    closep(&ws->wake_fd);
    pthread_mutex_destroy(&ws->lock);
    free(ws);
    return err_errno(e, ERR_NOMEM, saved_errno, "watch waiting clients");
}

struct waiters *waiters_free(struct waiters *ws)
{
    if (!ws)
        return NULL;
    pthread_mutex_lock(&ws->lock);
    ws->ending = true;
    pthread_mutex_unlock(&ws->lock);
    wake_waiters_thread(ws);
    pthread_join(ws->thread, NULL);
    closep(&ws->epoll);
    closep(&ws->wake_fd);
    pthread_mutex_destroy(&ws->lock);
    free(ws->heap);
    free(ws);
    return NULL;
}
