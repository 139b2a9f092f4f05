#include "schema/store/postgres/postgres_release.h"

#include "schema/base/clock.h"
#include "schema/store/jobs_finish.h"
#include "schema/store/jobs_table.h"
#include "schema/store/postgres/postgres_feed.h"
#include "schema/store/postgres/postgres_timeline.h"

/* Rows in one transaction: of those that only go back, and of those that get a report, for which
 * the submission is read. Other servers wait for the first ones' commit, and our beat for both. */
#define QUEUED_ROWS "200"

/* An attempt that the death of the server ended does not count; states are 0 and 1 here. A row that
 * was claimed ahead counts the restart too: a worker may have begun to read it. SKIP LOCKED: who
 * has the row is releasing it, or its server was only paused and is finishing it. */
static int requeue_rows(struct db *d, const char *instance, struct jobs_group *changes,
                        struct err *e)
{
    JOBS_SQL(update) =
        "WITH claimed AS MATERIALIZED (SELECT seq, state, claim FROM job WHERE instance = ?1"
        " AND claim IS NOT NULL AND restarts < ?2 ORDER BY seq LIMIT " QUEUED_ROWS
        " FOR UPDATE SKIP LOCKED)"
        " UPDATE job SET attempts = attempts - claimed.state, state = 0, restarts = restarts + 1,"
        " instance = NULL, claim = NULL, claimed_ms = NULL FROM claimed"
        " WHERE job.seq = claimed.seq"
        " RETURNING job.seq, job.id, job.language, claimed.state,"
        " claimed.claim, job.rank";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, update, e);
    int n;

    if (!q)
        return -1;
    db_bind_text(q, 1, instance);
    db_bind_int(q, 2, JOB_RESTARTS_MAX);
    while ((n = db_step(q, e)) > 0) {
        struct jobs_change c = { .seq = db_int(q, 0),
                                 .rank = db_int(q, 5),
                                 .id = db_text(q, 1, NULL),
                                 .claim = db_int(q, 4),
                                 .state = JOB_QUEUED,
                                 .language = db_text(q, 2, NULL) };
        if (jobs_group_add(changes, &c, (int)db_int(q, 3), e) < 0)
            return -1;
    }
    return n;
}

/* 1 found, 0 not found, -1. */
static int find_deadly_row(struct db *d, const char *instance, struct jobs_found *ret_row,
                           struct err *e)
{
    JOBS_SQL(select) = "SELECT " JOBS_FOUND_COLUMNS " FROM job WHERE instance = ?1"
                       " AND claim IS NOT NULL AND restarts >= ?2 ORDER BY seq LIMIT 1"
                       " FOR UPDATE SKIP LOCKED";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, instance);
    db_bind_int(q, 2, JOB_RESTARTS_MAX);
    return jobs_step_found(q, ret_row, e);
}

/* Too many servers died while they ran it, or had claimed it. */
static int finish_deadly_row(struct db *d, const char *instance, struct jobs_group *changes,
                             struct err *e)
{
    struct jobs_found row;

    int n = find_deadly_row(d, instance, &row, e);
    if (n <= 0)
        return n;
    struct jobs_final f = { .seq = row.seq, .state = JOB_DONE };
    int added = jobs_finish_deadly(d, &f, e);
    if (added < 0)
        return -1;
    changes->outbox_added += added;
    struct jobs_change c = jobs_change_of(&row, JOB_DONE);
    int64_t total = clock_shared_ms() - row.submitted_ms;
    c.claim = row.claim;
    c.verdict = VERDICT_NONE;
    c.total_ms = total > 0 ? total : 0;
    return jobs_group_add(changes, &c, (int)row.state, e);
}

int postgres_release(struct db *d, const char *instance, struct jobs_group *changes,
                     struct postgres_release_counts *counts, struct err *e)
{
    jobs_group_clear(changes);
    if (postgres_timeline_begin(d, &(struct postgres_timeline){ 0 }, e) < 0)
        return -1;
    if (requeue_rows(d, instance, changes, e) < 0 ||
        (changes->len == 0 && finish_deadly_row(d, instance, changes, e) < 0)) {
        db_rollback(d);
        return -1;
    }
    if (changes->len == 0) {
        db_rollback(d);
        return 0;
    }
    if (postgres_feed_commit(d, changes, e) < 0) {
        db_rollback(d);
        return -1;
    }
    counts->ended += changes->moved[JOB_DONE];
    counts->queued += (int64_t)changes->len - changes->moved[JOB_DONE];
    return 1;
}
