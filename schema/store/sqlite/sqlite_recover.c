#include "schema/store/sqlite/sqlite_recover.h"

#include "schema/store/jobs_finish.h"
#include "schema/store/jobs_table.h"

/* 1 found, 0: there are none left. */
static int find_poison_row(struct db *d, int64_t *ret_seq, struct err *e)
{
    JOBS_SQL(select) = "SELECT seq FROM job INDEXED BY job_running WHERE state = 1"
                       " AND restarts >= ?1 UNION ALL SELECT seq FROM job INDEXED BY job_ahead"
                       " WHERE state = 0 AND claim IS NOT NULL AND restarts >= ?1 LIMIT 1";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, JOB_RESTARTS_MAX);
    int n = db_step(q, e);
    if (n > 0)
        *ret_seq = db_int(q, 0);
    return n;
}

/* The server died too often while it ran these rows, or had claimed them: they end with an error.
 */
static int finish_poison_rows(struct jobs *j, struct err *e)
{
    struct jobs_final f = { .state = JOB_DONE };
    int n;

    while ((n = find_poison_row(j->db, &f.seq, e)) > 0) {
        f.revision = ++j->revision;
        if (jobs_finish_deadly(j->db, &f, e) < 0)
            return -1;
    }
    return n;
}

/* An attempt that the death of the server ended does not count. A row that was claimed ahead counts
 * the restart too: a worker may have begun to read it. */
static int requeue_claimed_rows(struct jobs *j, struct err *e)
{
    JOBS_SQL(update) =
        "UPDATE job SET attempts = attempts - (state = 1), state = 0, restarts = restarts + 1,"
        " instance = NULL, claim = NULL, claimed_ms = NULL, change = ?1"
        " WHERE seq = (SELECT seq FROM job INDEXED BY job_running WHERE state = 1 UNION ALL"
        " SELECT seq FROM job INDEXED BY job_ahead WHERE state = 0 AND claim IS NOT NULL LIMIT 1)";

    for (;; j->revision++) {
        CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, update, e);
        if (!q)
            return -1;
        db_bind_int(q, 1, j->revision + 1);
        if (db_run(q, e) < 0)
            return -1;
        if (db_changes(j->db) == 0)
            return 0;
    }
}

int sqlite_recover(struct jobs *j, struct err *e)
{
    if (db_number(j->db, "SELECT max(change) FROM job WHERE change > 0", &j->revision, e) < 0 ||
        db_begin(j->db, e) < 0)
        return -1;
    if (finish_poison_rows(j, e) < 0 || requeue_claimed_rows(j, e) < 0) {
        db_rollback(j->db);
        return -1;
    }
    j->counts.revision = j->revision;
    return db_commit(j->db, e);
}
