#include "schema/store/postgres/postgres_store.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/store/jobs_inbox.h"
#include "schema/store/jobs_item.h"
#include "schema/store/jobs_lock.h"
#include "schema/store/jobs_notify.h"
#include "schema/store/jobs_order.h"
#include "schema/store/jobs_table.h"
#include "schema/store/jobs_writer.h"
#include "schema/store/move/move_mark.h"
#include "schema/store/postgres/postgres_feed.h"
#include "schema/store/postgres/postgres_lease.h"
#include "schema/store/postgres/postgres_migrate.h"
#include "schema/store/postgres/postgres_servers.h"
#include "schema/store/postgres/postgres_tail.h"
#include "schema/store/postgres/postgres_timeline.h"
#include "schema/store/text_cache.h"

#define GROUP_NS     (10 * NS_PER_S) /* for all statements of a group */
#define RESOLVE_NS   (5 * NS_PER_S)  /* to find out whether a COMMIT without an answer is in */
#define RETRY_MS     200
#define GATHER_PART  8 /* of the time of a commit: how long the next group waits for operations */
#define GATHER_NS    (10 * NS_PER_MS) /* at most */
#define COUNTED_ROWS 1000             /* up to this a position is counted, beyond it is estimated */

struct postgres_store {
    struct postgres_lease *lease;       /* owned */
    struct postgres_tail *_Atomic tail; /* owned; NULL while the table is opened */
    char writer[TEXT_ID_SIZE];          /* our row of table writer */
    int64_t group;                      /* number of the last group */
    bool unknown;                       /* whether that is in */
    struct postgres_timeline timeline;
    atomic_bool ended;    /* see postgres_store_end() */
    char ended_why[200];  /* set before that */
    struct jobs_op probe; /* put then */
};

/* ---- open ---- */

/* Our row of table writer: see resolve_commit(). Those of servers that were killed go: we have the
 * lock of the directory, so none of them will ask any more. */
static int register_writer(struct jobs *j, struct err *e)
{
    JOBS_SQL(delete) = "DELETE FROM writer WHERE directory = ?1";
    JOBS_SQL(insert) = "INSERT INTO writer(instance, directory) VALUES(?1, ?2)";
    CLEANUP(db_donep) struct db_stmt *old = db_prepare(j->db, delete, e);
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, insert, e);
    if (!old || !q)
        return -1;
    db_bind_text(old, 1, j->dir_id);
    text_random_id(j->postgres->writer);
    db_bind_text(q, 1, j->postgres->writer);
    db_bind_text(q, 2, j->dir_id);
    return db_run(old, e) < 0 ? -1 : db_run(q, e);
}

/* What an earlier server on this table has queued counts as ours: see jobs_order_unowned(). */
static int read_unowned(struct jobs *j, struct err *e)
{
    JOBS_SQL(select) =
        "SELECT max(rank) FROM job WHERE state = 0 AND owner IS NULL GROUP BY rank >> 58";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, select, e);
    int n;

    if (!q)
        return -1;
    while ((n = db_step(q, e)) > 0)
        jobs_order_unowned(j, db_int(q, 0));
    return n;
}

static void open_texts(struct jobs *j)
{
    j->texts = text_cache_open(j->dir, &(struct text_cache_limits){ .max_bytes = TEXT_CACHE_BYTES,
                                                                    .free_bytes = TEXT_CACHE_FREE,
                                                                    .keep_ms = j->retention_ms });
}

static int open_shared_table(struct jobs *j, const struct jobs_config *c, struct err *e)
{
    struct postgres_tail *tail;
    char first[TEXT_ID_SIZE];

    j->postgres = calloc(1, sizeof *j->postgres);
    if (!j->postgres)
        return err_set(e, ERR_NOMEM, "job table");
    text_random_id(first);
    jobs_lock_read_id(j, first);
    if (db_connect(c->url, DB_WRITER, &j->db, e) < 0 || postgres_migrate(j->db, e) < 0 ||
        move_mark_check(j->db, e) < 0 || jobs_load_table_id(j, e) < 0 ||
        postgres_timeline_open(j->db, e) < 0 || register_writer(j, e) < 0 ||
        read_unowned(j, e) < 0 || jobs_readers_connect(&j->readers, c->url, e) < 0 ||
        postgres_lease_open(j, c->url, c, &j->postgres->lease, e) < 0)
        return -1;
    open_texts(j);
    if (postgres_tail_open(j, c->url, &tail, e) < 0)
        return -1;
    atomic_store(&j->postgres->tail, tail);
    return 0;
}

static void forget_writer(struct jobs *j)
{
    JOBS_SQL(delete) = "DELETE FROM writer WHERE instance = ?1";

    if (!j->db)
        return;
    db_deadline(j->db, clock_mono_ns() + NS_PER_S);
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, delete, NULL);
    if (!q)
        return;
    db_bind_text(q, 1, j->postgres->writer);
    (void)!db_run(q, NULL);
}

static void close_shared(struct jobs *j)
{
    if (!j->postgres)
        return;
    j->postgres->lease = postgres_lease_close(j->postgres->lease);
    forget_writer(j);
    j->postgres->tail = postgres_tail_close(j->postgres->tail);
    j->texts = text_cache_close(j->texts);
    free(j->postgres);
    j->postgres = NULL;
}

/* ---- one transaction ---- */

void postgres_store_end(struct jobs *j, const char *why)
{
    (void)snprintf(j->postgres->ended_why, sizeof j->postgres->ended_why, "%s", why);
    atomic_store(&j->postgres->ended, true);
    /* It fails, so the writer finds out at once that it cannot write. */
    j->postgres->probe = (struct jobs_op){ .kind = JOBS_REQUEUE };
    jobs_put(j, &j->postgres->probe);
}

/* In the start there is no tail yet: others hear of it within a second. */
void postgres_store_ring(struct jobs *j)
{
    struct postgres_tail *tail = atomic_load(&j->postgres->tail);

    if (tail)
        postgres_tail_committed(tail, true);
}

/* How full the database's disk is only the database knows: it says so when it is full. */
static void check_shared_space(struct jobs *j, char *why, size_t size)
{
    bool ended = atomic_load(&j->postgres->ended);

    (void)snprintf(why, size, "%s", ended ? j->postgres->ended_why : "");
}

/* In the group's transaction: its number. A replica that was promoted may lack our row. */
static int write_group_number(struct jobs *j, struct err *e)
{
    JOBS_SQL(update) = "INSERT INTO writer(instance, committed, directory) VALUES(?1, ?2, ?3)"
                       " ON CONFLICT(instance) DO UPDATE SET committed = excluded.committed";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, update, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, j->postgres->writer);
    db_bind_int(q, 2, ++j->postgres->group);
    db_bind_text(q, 3, j->dir_id);
    return db_run(q, e);
}

/* 1: the last group is in, 0: it is not, -1: the database does not say. FOR UPDATE waits for the
 * connection that was lost, if its transaction is still going on. */
static int read_group_number(struct jobs *j, struct err *e)
{
    JOBS_SQL(select) = "SELECT committed FROM writer WHERE instance = ?1 /*pg FOR UPDATE */";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, select, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, j->postgres->writer);
    int n = db_step(q, e);
    return n < 0 ? -1 : n > 0 && db_int(q, 0) == j->postgres->group;
}

/* When it is not known whether the last group is in, this waits for the connection that was lost:
 * so all later statements see what it has stored. */
static int begin_shared(struct jobs *j, struct err *e)
{
    if (atomic_load(&j->postgres->ended))
        return err_set(e, ERR_SETTING, "%s", j->postgres->ended_why);
    jobs_inbox_drop_cache(j); /* another server may have read from these partitions since */
    db_deadline(j->db, clock_mono_ns() + GROUP_NS);
    if (postgres_timeline_begin(j->db, &j->postgres->timeline, e) < 0)
        return -1;
    if (j->postgres->unknown && read_group_number(j, e) < 0) {
        db_rollback(j->db);
        return -1;
    }
    j->postgres->unknown = false;
    return 0;
}

/* A COMMIT got no answer. 0: it is in; -1: it is not, or that cannot be found out. */
static int resolve_commit(struct jobs *j, const struct err *why, struct err *e)
{
    int64_t until = clock_mono_ns() + RESOLVE_NS;
    struct err again = { 0 };
    int in;

    log_warning("commit_unanswered", log_s("error", why->msg),
                log_s("next", "asks what is stored"));
    for (;;) {
        db_deadline(j->db, until);
        if ((in = read_group_number(j, &again)) >= 0 || clock_mono_ns() >= until)
            break;
        jobs_writer_set_writable(j, again.msg);
        (void)poll(NULL, 0, RETRY_MS);
    }
    j->postgres->unknown = in < 0;
    if (in == 1)
        return 0;
    return err_set(e, in == 0 ? ERR_AGAIN : ERR_UNAVAILABLE, "%s", in == 0 ? why->msg : again.msg);
}

/* A commit may take long. Who was waiting for this one sends the next operation now: with them the
 * next group is twice as large, else they would wait for the one behind it. */
static void gather_group(struct jobs *j, int64_t began_ns)
{
    int64_t now = clock_mono_ns(), gather = (now - began_ns) / GATHER_PART;

    j->group_from_ns = now + (gather < GATHER_NS ? gather : GATHER_NS);
}

static int commit_shared(struct jobs *j, struct err *e)
{
    int64_t began = clock_mono_ns();
    struct err why = { 0 };

    if (!j->group.wrote) /* costs no flush, and nobody needs to know whether it is in */
        return db_commit(j->db, e);
    if (write_group_number(j, e) < 0) {
        db_rollback(j->db);
        return -1;
    }
    if (postgres_feed_commit(j->db, &j->group, &why) == 0) {
        gather_group(j, began);
        return 0;
    }
    db_rollback(j->db);
    if (why.kind == ERR_UNAVAILABLE || why.kind == ERR_TIMEOUT)
        return resolve_commit(j, &why, e);
    return err_set(e, why.kind, "%s", why.msg);
}

/* Rows that were queued again are claimed next, also before the feed is read. */
static void move_claims_back(struct jobs *j)
{
    const struct jobs_group *g = &j->group;

    for (size_t i = 0; i < g->len; i++) {
        long long from = atomic_load(&j->claim_from), rank = g->changes[i].rank;
        while (g->changes[i].state == JOB_QUEUED && rank < from &&
               !atomic_compare_exchange_weak(&j->claim_from, &from, rank))
            ;
    }
}

/* The listeners hear of it from the feed, as of other servers' changes. */
static void announce_group(struct jobs *j)
{
    struct jobs_group *g = &j->group;

    move_claims_back(j);
    (void)pthread_mutex_lock(&j->memory_lock);
    j->counts.late_reports += g->late_reports;
    j->counts.commits++;
    j->counts.operations += g->operations;
    (void)pthread_mutex_unlock(&j->memory_lock);
    bool outbox = g->outbox_added > 0 || g->outbox_removed > 0;
    if (g->len > 0 || outbox)
        postgres_tail_committed(j->postgres->tail, outbox);
}

static int select_first_rank(struct jobs *j, int64_t from, int64_t *ret_rank, struct err *e)
{
    return postgres_tail_first_rank(j->db, from, ret_rank, e);
}

static void signal_others(struct jobs *j, const char *text)
{
    postgres_tail_signal(j->postgres->tail, text);
}

/* Autovacuum makes room for new rows. */
static int vacuum(struct jobs *j, bool *ret_more, struct err *e)
{
    (void)j;
    (void)e;
    *ret_more = false;
    return 0;
}

/* ---- reads ---- */

static int64_t estimate_position(struct jobs *j, struct db *d, int64_t rank, int64_t seq)
{
    JOBS_SQL(select) = "SELECT count(*) FROM (SELECT 1 FROM job WHERE state = 0"
                       " AND (rank, seq) <= (?1, ?2) LIMIT ?3) AS ahead";
    struct jobs_counts counts;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, NULL);
    if (!q)
        return 0;
    db_bind_int(q, 1, rank);
    db_bind_int(q, 2, seq);
    db_bind_int(q, 3, COUNTED_ROWS);
    int64_t rows = db_step(q, NULL) > 0 ? db_int(q, 0) : 0;
    if (rows < COUNTED_ROWS)
        return rows;
    jobs_counts(j, &counts);
    int64_t distance = seq - counts.oldest_queued + 1;
    if (distance > counts.queued)
        distance = counts.queued;
    return distance > rows ? distance : rows;
}

const struct jobs_backend postgres_store_backend = {
    .shared = true,
    .open = open_shared_table,
    .close = close_shared,
    .check_space = check_shared_space,
    .begin = begin_shared,
    .commit = commit_shared,
    .committed = announce_group,
    .first_rank = select_first_rank,
    .vacuum = vacuum,
    .signal = signal_others,
    .position = estimate_position,
    .changed_sql = "SELECT " JOBS_FIXED_COLUMNS ", number FROM job JOIN (SELECT seq AS changed,"
                   " max(number) AS number FROM feed WHERE number > ?1 GROUP BY seq) AS news"
                   " ON changed = seq ORDER BY number LIMIT ?2",
    .count_changed_sql = "SELECT CASE WHEN ?1 < (SELECT min(number) - 1 FROM feed) THEN ?2 ELSE"
                         " (SELECT count(*) FROM (SELECT 1 FROM feed WHERE number > ?1 GROUP BY seq"
                         " LIMIT ?2) AS news) END",
    .servers_sql = postgres_servers_sql,
};
