/* server/live/hub_internal.h - what the files of the hub share. Nobody else includes it.
 *
 *     hub.c        subscribers, the inbox, the end
 *     hub_loop.c    the thread: messages, pages of everything, heartbeats, who is gone
 *     hub_submission.c    the events of one submission
 *     hub_queue.c  texts as they go over the wire, and who has yet to read them
 *
 * Threads  two locks, never held together: `inbox_lock` is all that those who make events take;
 *          `lock` guards the subscribers.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#define HASH_NONFATAL_OOM 1 /* a map that cannot grow refuses the one element */
#include <uthash.h>

#include "engine/engine.h"
#include "schema/store/jobs.h"
#include "server/executor.h"
#include "server/live/hub_sub.h"

#define HUB_INBOX     4096 /* messages; more, and the thread looks at everything anew */
#define HUB_PAGES     8
#define HUB_PAGE      (48 * KIB)
#define HUB_PREFIX    8
#define HUB_ID_SIZE   40
#define HUB_FRAME_MAX 256 /* tests told in one frame */

/* Text that several subscribers read. */
struct hub_text {
    _Atomic int refs;
    bool report; /* counted in report_bytes */
    struct hub *hub;
    size_t len;
    char data[];
};

struct hub_piece {
    struct hub_text *text;
    struct hub_piece *next;
};

/* All who listen to one submission. */
struct hub_job {
    int64_t seq;
    struct hub_sub *subs;
    const char *phase; /* static; NULL: not known */
    bool final;        /* its report is being made */
    UT_hash_handle hh;
    char id[];
};

struct hub_message {
    bool tested; /* else a change */
    int64_t seq;
    enum job_state state;
    struct engine_event event;
};

/* Rows that changed after `from`, up to `to`. */
struct hub_page {
    int64_t from, to;
    struct hub_text *text; /* one reference; NULL: no page */
};

struct hub {
    struct jobs *jobs; /* borrowed, as are the next two */
    const struct config *config;
    struct hub_times times;
    char prefix[HUB_PREFIX + 1];
    pthread_t thread;
    struct executor *reports;         /* owned: renders them */
    _Atomic int64_t everything, ones; /* subscribers of both kinds */
    _Atomic int64_t report_bytes;

    pthread_mutex_t inbox_lock;
    pthread_cond_t bell; /* CLOCK_MONOTONIC */
    /* guarded by inbox_lock */
    struct hub_message *inbox; /* owned; HUB_INBOX of them */
    size_t inbox_len;
    bool overflowed, changed, called, ending;

    pthread_mutex_t lock;
    /* guarded by lock */
    struct hub_sub *subs;
    struct hub_sub *all; /* those to everything once more: they are few, and fed often */
    struct hub_job *jobs_by_seq;
    bool newcomers; /* some are fresh */
    int64_t latest; /* the change up to which subscribers to everything are told by now; the
                       thread's to write, so it reads without */
    bool draining, stopped;

    /* the thread's own */
    struct hub_message *taken; /* owned; swapped with the inbox */
    struct hub_page pages[HUB_PAGES];
    size_t next_page;
    struct hub_message tests[HUB_FRAME_MAX]; /* the latest of each, told in the next frame */
    size_t tests_len;
    int64_t frame_at, look_at;
    bool dirty; /* there may be more */
};

/* ---- hub_queue.c: texts. NULL out of memory, which every function here takes. ---- */

struct hub_text *hub_text_event(struct hub *h, const char *event, int64_t change, const char *json,
                                size_t len, const char *tail);
struct hub_text *hub_text_plain(const char *text);
struct hub_text *hub_text_test(struct hub *h, const struct engine_event *t, const char *id);
struct hub_text *hub_text_drop(struct hub_text *t);

/* Lets s read t, which it borrows. Too much, or no memory: false. */
bool hub_push_locked(struct hub_sub *s, struct hub_text *t);
void hub_clear_locked(struct hub_sub *s);
/* Adds s to the list of those who are woken once the lock is free, if it sleeps. */
void hub_wake_locked(struct hub_sub *s, struct hub_sub **woken);
void hub_wake_all(struct hub_sub *woken);

/* All who listen to that row; NULL: nobody. */
static inline struct hub_job *hub_job_locked(struct hub *h, int64_t seq)
{
    struct hub_job *job;

    HASH_FIND(hh, h->jobs_by_seq, &seq, sizeof seq, job);
    return job;
}

/* ---- hub_submission.c: for those who listen to one submission; on the thread ---- */

/* Reads the row and tells those who do not know this state of it yet, or all of them. */
void hub_notify_state(struct hub *h, int64_t seq, bool anew);
/* True when somebody listens to that one, and did not know. */
bool hub_set_phase(struct hub *h, int64_t seq, const char *phase);
void hub_notify_test(struct hub *h, const struct engine_event *event);

/* ---- hub_loop.c ---- */
void *hub_main(void *hub);
