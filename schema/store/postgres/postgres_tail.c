#include "schema/store/postgres/postgres_tail.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/thread.h"
#include "schema/store/jobs_notify.h"
#include "schema/store/jobs_table.h"
#include "schema/store/outbox.h"
#include "schema/store/postgres/db_postgres.h"
#include "schema/store/postgres/postgres_feed.h"
#include "schema/store/postgres/postgres_signals.h"
#include "schema/store/postgres/postgres_timeline.h"

#define LOOK_NS   (1 * NS_PER_S)
#define BELL_NS   (5 * NS_PER_MS)
#define BUSY_NS   (5 * NS_PER_MS)
#define OUTBOX_NS (50 * NS_PER_MS)
#define RETRY_MS  200
#define ANSWER_NS (10 * NS_PER_S) /* for one statement */

struct postgres_tail {
    struct jobs *j; /* borrowed */
    struct db *d;   /* owned; of the thread once it runs */
    int wake_fd;    /* owned: eventfd */
    char channel[63];
    pthread_t thread;
    bool runs;
    atomic_bool stop, committed; /* committed: by us, and not numbered yet */
    atomic_bool outbox;          /* it has changed the outbox */
    struct postgres_signals signals;

    /* Of the thread. */
    struct postgres_timeline timeline;
    int64_t decided;   /* of postgres_feed_number() */
    int64_t number_ns; /* when another server that was numbering may have ended */
    bool ring;         /* what we have numbered was not announced yet */
    int64_t last;      /* the last number that was read */
    int64_t first;     /* rank of the first queued row; 0: none was */
    int64_t look_ns;   /* when counts that only a query gives are read next */
    int64_t outbox_ns; /* when the outbox may be counted again */
    int64_t bell_ns;   /* when the bell may be rung again */
    bool away;         /* the database; logged once */
    struct jobs_group group;
};

/* ---- counts ---- */

static int begin_snapshot(struct postgres_tail *t, struct err *e)
{
    if (db_begin(t->d, e) < 0)
        return -1;
    if (db_exec(t->d, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", e) == 0)
        return 0;
    db_rollback(t->d);
    return -1;
}

/* In a snapshot whose last number is read: the changes behind that are counted when they are read.
 */
static int count_rows(struct postgres_tail *t, struct err *e)
{
    struct jobs *j = t->j;
    int64_t queued, running, rows, later[JOB_STATE_COUNT];

    if (postgres_feed_unnumbered(t->d, later, e) < 0 ||
        db_number(t->d, "SELECT count(*) FROM job WHERE state = 0", &queued, e) < 0 ||
        db_number(t->d, "SELECT count(*) FROM job WHERE state = 1", &running, e) < 0 ||
        db_number(t->d, "SELECT count(*) FROM job", &rows, e) < 0)
        return -1;
    (void)pthread_mutex_lock(&j->memory_lock);
    j->counts.queued = queued - later[JOB_QUEUED];
    j->counts.running = running - later[JOB_RUNNING];
    j->counts.final = rows - queued - running - later[JOB_DONE] - later[JOB_CANCELLED];
    (void)pthread_mutex_unlock(&j->memory_lock);
    return 0;
}

/* All of one snapshot, so that the changes behind `last` are those that the counts lack. */
static int read_start(struct postgres_tail *t, struct err *e)
{
    if (begin_snapshot(t, e) < 0)
        return -1;
    if (db_number(t->d, "SELECT coalesce(max(number), 0) FROM feed", &t->last, e) < 0 ||
        count_rows(t, e) < 0) {
        db_rollback(t->d);
        return -1;
    }
    t->j->counts.revision = t->last;
    return db_commit(t->d, e);
}

int postgres_tail_first_rank(struct db *d, int64_t from, int64_t *ret_rank, struct err *e)
{
    JOBS_SQL(select) = "SELECT rank FROM job WHERE state = 0 AND rank >= ?1 ORDER BY rank LIMIT 1";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, from);
    int n = db_step(q, e);
    *ret_rank = n > 0 ? db_int(q, 0) : 0;
    return n < 0 ? -1 : 0;
}

/* Sets where claims begin: at the first queued row whose rank is not below `from`. */
static int look_at_first(struct postgres_tail *t, int64_t from, struct err *e)
{
    long long claim_from = atomic_load(&t->j->claim_from);

    if (postgres_tail_first_rank(t->d, from, &t->first, e) < 0)
        return -1;
    /* Unless a commit of ours has moved it back meanwhile. */
    if (t->first > 0)
        (void)atomic_compare_exchange_strong(&t->j->claim_from, &claim_from, t->first);
    return 0;
}

/* No queued row is older than `from`, a number of a row. */
static int look_at_oldest(struct postgres_tail *t, int64_t from, struct err *e)
{
    JOBS_SQL(select) = "SELECT seq, submitted_ms, EXISTS(SELECT 1 FROM job WHERE state = 0"
                       " AND owner IS NOT NULL) ::int::bigint FROM job WHERE state = 0"
                       " AND seq >= ?1 ORDER BY seq LIMIT 1";
    struct jobs *j = t->j;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(t->d, select, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, from);
    int n = db_step(q, e);
    if (n < 0)
        return -1;
    if (n > 0)
        atomic_store(&j->has_owners, db_int(q, 2) != 0);
    (void)pthread_mutex_lock(&j->memory_lock);
    j->counts.oldest_queued = n > 0 ? db_int(q, 0) : 0;
    j->counts.oldest_queued_ms = n > 0 ? db_int(q, 1) : 0;
    (void)pthread_mutex_unlock(&j->memory_lock);
    return 0;
}

static int look_at_outbox(struct postgres_tail *t, struct err *e)
{
    JOBS_SQL(select) = "SELECT count(*), coalesce(min(created_ms), 0) FROM outbox";
    struct jobs *j = t->j;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(t->d, select, e);
    if (!q || db_step(q, e) <= 0)
        return -1;
    int64_t rows = db_int(q, 0);
    (void)pthread_mutex_lock(&j->memory_lock);
    j->outbox_rows = rows;
    j->outbox_oldest_ms = db_int(q, 1);
    (void)pthread_mutex_unlock(&j->memory_lock);
    if (rows > 0) /* perhaps of another server, and of any kind */
        jobs_notify_outbox(j, OUTBOX_KINDS);
    return 0;
}

/* ---- the feed ---- */

static int64_t lower(int64_t a, int64_t b) { return a < b ? a : b; }

/* Looks again at the first and the oldest queued row, if they may be other ones after these
 * changes. None is before those that were and those that are queued now. */
static int look_at_queue(struct postgres_tail *t, struct err *e)
{
    const struct jobs_group *g = &t->group;
    int64_t oldest = t->j->counts.oldest_queued; /* only this thread sets it */
    int64_t rank_from = atomic_load(&t->j->claim_from), seq_from = oldest;
    bool moves = t->first == 0 || oldest == 0;

    for (size_t i = 0; i < g->len; i++) {
        const struct jobs_change *c = &g->changes[i];
        moves = moves || c->rank <= t->first || c->seq <= oldest;
        if (c->state == JOB_QUEUED) {
            rank_from = lower(rank_from, c->rank);
            seq_from = lower(seq_from, c->seq);
        }
    }
    if (!moves)
        return 0;
    return look_at_first(t, rank_from, e) < 0 ? -1 : look_at_oldest(t, seq_from, e);
}

static int publish_changes(struct postgres_tail *t, int64_t last, struct err *e)
{
    struct jobs *j = t->j;
    struct jobs_group *g = &t->group;

    if (look_at_queue(t, e) < 0)
        return -1;
    (void)pthread_mutex_lock(&j->memory_lock);
    j->counts.queued += g->moved[JOB_QUEUED];
    j->counts.running += g->moved[JOB_RUNNING];
    j->counts.final += g->moved[JOB_DONE] + g->moved[JOB_CANCELLED];
    j->counts.revision = last;
    (void)pthread_mutex_unlock(&j->memory_lock);
    g->outbox_added = g->moved[JOB_DONE] + g->moved[JOB_CANCELLED]; /* perhaps to be published */
    jobs_notify(j, g);
    return 0;
}

static int read_feed(struct postgres_tail *t, struct err *e)
{
    do {
        db_deadline(t->d, clock_mono_ns() + ANSWER_NS);
        int64_t last;
        if (postgres_feed_read(t->d, t->last, &t->group, &last, e) < 0 ||
            (t->group.len > 0 && publish_changes(t, last, e) < 0))
            return -1;
        t->last = last;
    } while (t->group.len == POSTGRES_FEED_ROWS);
    return 0;
}

/* The numbers of a new timeline begin behind those of the one before, and in another epoch. */
static int enter_timeline(struct postgres_tail *t, struct err *e)
{
    char epoch[POSTGRES_TIMELINE_EPOCH_SIZE];

    if (db_postgres_number(t->d) != 0 && db_postgres_number(t->d) == t->timeline.connection)
        return 0;
    db_deadline(t->d, clock_mono_ns() + ANSWER_NS);
    if (postgres_timeline_begin(t->d, &t->timeline, e) < 0)
        return -1;
    if (postgres_timeline_epoch(t->d, &t->timeline, epoch, e) < 0) {
        db_rollback(t->d);
        return -1;
    }
    t->decided = 0;
    jobs_set_epoch(t->j, epoch);
    return db_commit(t->d, e);
}

/* After each commit of ours, and at each look, for a server may have ended in between. */
static int number_changes(struct postgres_tail *t, struct err *e)
{
    int64_t now = clock_mono_ns(), numbered;

    if (now < t->look_ns && (now < t->number_ns || !atomic_load(&t->committed)))
        return 0;
    atomic_store(&t->committed, false);
    db_deadline(t->d, now + ANSWER_NS);
    if (postgres_feed_number(t->d, &t->decided, &numbered, e) < 0)
        return -1;
    if (numbered > 0)
        t->ring = true;
    if (numbered >= 0)
        return 0;
    /* The other one may have begun before our commit. It rings when it has ended. */
    atomic_store(&t->committed, true);
    t->number_ns = now + BUSY_NS;
    return 0;
}

static int ring_bell(struct postgres_tail *t, struct err *e)
{
    int64_t now = clock_mono_ns();

    if (now < t->bell_ns || !t->ring)
        return 0;
    t->ring = false;
    t->bell_ns = now + BELL_NS;
    db_deadline(t->d, now + ANSWER_NS);
    return postgres_signals_notify(t->d, t->channel, "", e);
}

/* What answers again may be a replica that lacks some of what was counted. */
static int count_again(struct postgres_tail *t, struct err *e)
{
    db_deadline(t->d, clock_mono_ns() + ANSWER_NS);
    if (begin_snapshot(t, e) < 0)
        return -1;
    if (read_feed(t, e) < 0 || count_rows(t, e) < 0) {
        db_rollback(t->d);
        return -1;
    }
    return db_commit(t->d, e);
}

static int look(struct postgres_tail *t, struct err *e)
{
    if (enter_timeline(t, e) < 0 || number_changes(t, e) < 0 ||
        (t->away ? count_again(t, e) : read_feed(t, e)) < 0 || ring_bell(t, e) < 0 ||
        postgres_signals_send(&t->signals, t->d, t->channel, e) < 0)
        return -1;
    int64_t now = clock_mono_ns();
    db_deadline(t->d, now + ANSWER_NS);
    if (now >= t->look_ns || (now >= t->outbox_ns && atomic_exchange(&t->outbox, false))) {
        t->outbox_ns = now + OUTBOX_NS;
        if (look_at_outbox(t, e) < 0)
            return -1;
    }
    if (now < t->look_ns)
        return 0;
    t->look_ns = now + LOOK_NS;
    return look_at_first(t, 0, e) < 0 ? -1 : look_at_oldest(t, 0, e);
}

/* ---- the thread ---- */

static void clear_wakes(struct postgres_tail *t)
{
    const char *payload;
    uint64_t n;

    (void)!read(t->wake_fd, &n, sizeof n);
    while (db_postgres_next(t->d, &payload)) {
        const char *text = postgres_signals_open(&t->signals, payload);
        if (text)
            jobs_notify_signal(t->j, text);
    }
}

static int64_t next_look_ns(const struct postgres_tail *t)
{
    int64_t next = t->look_ns;

    if (t->ring && t->bell_ns < next)
        next = t->bell_ns;
    if (atomic_load(&t->committed) && t->number_ns < next)
        next = t->number_ns;
    return atomic_load(&t->outbox) && t->outbox_ns < next ? t->outbox_ns : next;
}

static void note_away(struct postgres_tail *t, const struct err *e)
{
    struct pollfd p = { .fd = t->wake_fd, .events = POLLIN };
    uint64_t n;

    if (!t->away)
        log_error("database_away", log_s("error", e->msg),
                  log_s("next", "tried again until it answers"));
    t->away = true;
    (void)poll(&p, 1, RETRY_MS);
    (void)!read(t->wake_fd, &n, sizeof n);
}

static void *follow_until_stopped(void *arg)
{
    struct postgres_tail *t = arg;
    struct err e = { 0 };

    thread_name("table-tail");
    while (!atomic_load(&t->stop)) {
        int what = db_postgres_wait(t->d, t->wake_fd, next_look_ns(t), &e);
        if (what >= 0)
            clear_wakes(t);
        if (atomic_load(&t->stop))
            break;
        if (what < 0 || look(t, &e) < 0) {
            note_away(t, &e);
            continue;
        }
        if (t->away)
            log_info("database_back", log_s("next", "work goes on"));
        t->away = false;
    }
    return NULL;
}

int postgres_tail_open(struct jobs *j, const char *url, struct postgres_tail **ret_tail,
                       struct err *e)
{
    CLEANUP(postgres_tail_closep) struct postgres_tail *t = calloc(1, sizeof *t);
    if (!t)
        return err_set(e, ERR_NOMEM, "the change feed");

    t->j = j;
    postgres_signals_init(&t->signals);
    t->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    (void)snprintf(t->channel, sizeof t->channel, "scrc_%s", j->table_id);
    if (t->wake_fd < 0)
        return err_set(e, ERR_NOMEM, "the change feed");
    if (db_connect(url, DB_WRITER, &t->d, e) < 0 || db_postgres_listen(t->d, t->channel, e) < 0 ||
        enter_timeline(t, e) < 0 || number_changes(t, e) < 0 || read_start(t, e) < 0 ||
        look_at_first(t, 0, e) < 0 || look_at_oldest(t, 0, e) < 0 || look_at_outbox(t, e) < 0)
        return -1;
    t->look_ns = clock_mono_ns() + LOOK_NS;
    int rc = thread_start(&t->thread, follow_until_stopped, t);
    if (rc != 0)
        return err_errno(e, ERR_NOMEM, rc, "the change feed");
    t->runs = true;
    *ret_tail = TAKE(t);
    return 0;
}

static void wake(struct postgres_tail *t)
{
    const uint64_t one = 1;

    (void)!write(t->wake_fd, &one, sizeof one);
}

struct postgres_tail *postgres_tail_close(struct postgres_tail *t)
{
    if (!t)
        return NULL;
    if (t->runs) {
        atomic_store(&t->stop, true);
        wake(t);
        (void)pthread_join(t->thread, NULL);
    }
    t->d = db_close(t->d);
    closep(&t->wake_fd);
    postgres_signals_clear(&t->signals);
    buf_clear(&t->group.ids);
    free(t);
    return NULL;
}

void postgres_tail_committed(struct postgres_tail *t, bool outbox)
{
    if (outbox)
        atomic_store(&t->outbox, true);
    atomic_store(&t->committed, true);
    wake(t);
}

void postgres_tail_signal(struct postgres_tail *t, const char *text)
{
    if (postgres_signals_add(&t->signals, text))
        wake(t);
}
