/* server/live/hub_internal.h - what the files of the hub share; only they include it.
 *
 *     hub.c             subscribers, the inbox, start and end
 *     hub_loop.c        the thread: messages, pages for subscribers to everything, sweeps
 *     hub_submission.c  the events of one submission
 *     hub_remote.c      progress of what other servers judge
 *     hub_queue.c       texts as they go over the wire, and each subscriber's queue of them
 *
 * Threads  two locks, never held together: `inbox_lock`, the only one that hub_changed() and
 *          hub_engine_event() take, so that they never wait for subscribers; `lock` guards the
 *          subscribers.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#define HASH_NONFATAL_OOM 1 /* a map that cannot grow refuses the one element */
#include <uthash.h>

#include "engine/engine.h"
#include "schema/base/buf.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_change.h"
#include "server/executor.h"
#include "server/live/hub_sub.h"

#define HUB_INBOX       4096 /* messages; if more come, they are lost and the thread resyncs */
#define HUB_PAGES       8    /* kept for other subscribers */
#define HUB_PAGE        (48 * KIB) /* a page ends with the row that reaches this size */
#define HUB_ID_SIZE     (JOBS_EPOCH_SIZE + 20)
#define HUB_NEW_EPOCH   "the job table is a copy that may lack some of what was sent"
#define HUB_FRAME_TESTS 256 /* submissions with a test in one frame */

/* Text that several subscribers read. */
struct hub_text {
    _Atomic int refs;
    bool report; /* counted in report_bytes */
    struct hub *hub;
    size_t len;
    char data[];
};

struct hub_queued_text {
    struct hub_text *text;
    struct hub_queued_text *next;
};

/* The subscribers to one submission. */
struct hub_job {
    int64_t seq;
    struct hub_sub *subs;
    const char *phase; /* static; NULL: unknown */
    bool rendering;    /* its report is being rendered */
    UT_hash_handle hh;
    char id[];
};

struct hub_message {
    bool from_engine; /* `event` is set; else `state` is */
    bool remote;      /* of another server's engine */
    int64_t seq;
    enum job_state state;
    struct engine_event event;
};

/* Events of the rows with a revision above `from`, up to `to`. */
struct hub_page {
    int64_t from, to;
    int64_t latest;        /* of the hub when it was read: with a later one its rows may be older
                              than what they are now */
    struct hub_text *text; /* one reference; NULL: no page */
};

/* hub_remote.c */
struct hub_remote {
    _Atomic int64_t until_ns; /* another server has subscribers, as far as we know; 0: none has */
    /* used by the thread only */
    struct buf batch; /* owned: events to be sent */
    size_t events;    /* in it */
    int64_t send_at;
    int64_t announce_at; /* when we say next that we have subscribers; 0: we have none */
};

struct hub {
    struct jobs *jobs; /* borrowed, as is config */
    const struct config *config;
    struct hub_times times;
    pthread_t thread;
    struct executor *reports;                       /* owned: renders them */
    _Atomic int64_t everything_count, single_count; /* subscribers of each kind */
    _Atomic int64_t report_bytes;

    pthread_mutex_t inbox_lock;
    pthread_cond_t wake_cond; /* CLOCK_MONOTONIC; wakes the thread */
    /* guarded by inbox_lock */
    struct hub_message *inbox; /* owned; HUB_INBOX of them */
    size_t inbox_len;
    bool overflowed, changed, wake_wanted, ending;

    pthread_mutex_t lock;
    /* guarded by lock */
    struct hub_sub *subs;
    struct hub_sub *everything_subs; /* those of subs that get pages: few, walked often */
    struct hub_job *jobs_by_seq;
    bool has_fresh;              /* some of subs are fresh */
    char epoch[JOBS_EPOCH_SIZE]; /* in ids of events; only the thread writes it */
    int64_t latest; /* revision up to which subscribers to everything get pages now; only the
                       thread writes it, so the thread reads it without the lock */
    bool draining, stopped;

    /* used by the thread only */
    struct hub_message *taken; /* owned; swapped with the inbox */
    struct hub_page pages[HUB_PAGES];
    size_t next_page;
    struct hub_message tests[HUB_FRAME_TESTS]; /* for the next frame, one of each submission */
    size_t tests_len;
    int64_t frame_at, sweep_at; /* when the next one is due */
    bool dirty;                 /* rows may have changed since the last frame */

    struct hub_remote remote;
};

/* ---- hub.c ---- */
/* The id of an event of this revision. */
void hub_event_id(struct hub *h, int64_t revision, char out[HUB_ID_SIZE]);
/* Events of another server's engine. Any thread. */
void hub_add_remote_events(struct hub *h, const struct engine_event *events, size_t len);

/* ---- hub_queue.c: texts. NULL out of memory; every function here accepts a NULL text. ---- */

struct hub_text *hub_text_event(struct hub *h, const char *event, int64_t revision,
                                const char *json, size_t len, const char *tail);
struct hub_text *hub_text_plain(const char *text);
struct hub_text *hub_text_test(struct hub *h, const struct engine_event *test, const char *id);
struct hub_text *hub_text_release(struct hub_text *t);

/* Appends t to the queue of s, with a reference of its own. False, and nothing done: t is NULL,
 * more than HUB_PENDING would wait (not for a report), or no memory. */
bool hub_queue_add_locked(struct hub_sub *s, struct hub_text *t);
void hub_queue_clear_locked(struct hub_sub *s);
/* If s is asleep: adds it to the list for hub_wake_all(). */
void hub_wake_locked(struct hub_sub *s, struct hub_sub **woken);
/* Calls wake of each. Without the lock. */
void hub_wake_all(struct hub_sub *woken);

/* Where a stream begins. position: as an event's id; "": none. reason: why its client must load all
 * anew; NULL: it need not. */
struct hub_text *hub_text_opening(const char *position, const char *reason);

/* NULL: the row has no subscribers. */
static inline struct hub_job *hub_job_find_locked(struct hub *h, int64_t seq)
{
    struct hub_job *job;

    HASH_FIND(hh, h->jobs_by_seq, &seq, sizeof seq, job);
    return job;
}

/* ---- hub_submission.c: subscribers to one submission; on the thread ---- */

/* Reads the row and streams its state to subscribers that lack this revision; resend: where it
 * runs, to all. */
void hub_stream_state(struct hub *h, int64_t seq, bool resend);
/* True when the row has subscribers and another phase before. */
bool hub_set_phase(struct hub *h, int64_t seq, const char *phase);
void hub_stream_test(struct hub *h, const struct engine_event *event);

/* ---- hub_loop.c ---- */
void *hub_main(void *hub);
