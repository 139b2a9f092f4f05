#include "schema/store/jobs_claim.h"

#include <stdio.h>

#include "schema/base/clock.h"
#include "schema/store/jobs_table.h"

/* One index seek per language. *ret_seq 0: none is queued. */
static int find_oldest_queued(struct jobs *j, const char *const *languages, int64_t *ret_seq,
                              struct err *e)
{
    JOBS_SQL(select) = "SELECT seq FROM job WHERE state = 0 AND language = ?1 ORDER BY seq LIMIT 1";
    int64_t seq = 0;

    for (; *languages; languages++) {
        CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, select, e);
        if (!q)
            return -1;
        db_bind_text(q, 1, *languages);
        int n = db_step(q, e);
        if (n < 0)
            return -1;
        if (n > 0 && (seq == 0 || db_int(q, 0) < seq))
            seq = db_int(q, 0);
    }
    *ret_seq = seq;
    return 0;
}

int jobs_claim(struct jobs *j, struct jobs_op *op, struct err *e)
{
    JOBS_SQL(update) = "UPDATE job SET state = 1, attempts = attempts + 1, instance = ?2,"
                       " claimed_ms = ?3, change = ?4, claim = ?5 WHERE seq = ?1"
                       " RETURNING id, submitted_ms, attempts";

    if (find_oldest_queued(j, op->u.claim.languages, &op->u.claim.seq, e) < 0)
        return -1;
    if (op->u.claim.seq == 0)
        return 0;

    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, update, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, op->u.claim.seq);
    db_bind_text(q, 2, j->instance);
    db_bind_int(q, 3, clock_wall_ms());
    db_bind_int(q, 4, j->revision + 1);
    op->u.claim.claim = text_random_number();
    db_bind_int(q, 5, op->u.claim.claim);
    int n = db_step(q, e);
    if (n <= 0)
        return n < 0 ? -1 : err_set(e, ERR_BUG, "claim of row %lld", (long long)op->u.claim.seq);
    (void)snprintf(op->u.claim.id, sizeof op->u.claim.id, "%s", db_text(q, 0, NULL));
    op->u.claim.submitted_ms = db_int(q, 1);
    op->u.claim.attempts = db_int(q, 2);
    if (db_run(q, e) < 0) /* a row of RETURNING comes before the statement has finished */
        return -1;
    struct jobs_change c = { .seq = op->u.claim.seq, .id = op->u.claim.id, .state = JOB_RUNNING };
    return jobs_record_change(j, &c, JOB_QUEUED, e);
}

int jobs_requeue(struct jobs *j, struct jobs_op *op, struct err *e)
{
    JOBS_SQL(update) = "UPDATE job SET state = 0, attempts = attempts - ?2, instance = NULL,"
                       " claim = NULL, claimed_ms = NULL, change = ?3 WHERE seq = ?1";
    struct jobs_found row;

    int n = jobs_find(j, NULL, op->u.requeue.seq, &row, e);
    if (n < 0)
        return -1;
    if (n == 0)
        return JOBS_REFUSED(op, ERR_NOT_FOUND, "no row %lld", (long long)op->u.requeue.seq);
    if (job_state_is_final(row.state))
        return JOBS_REFUSED(op, ERR_FINAL, "'%.60s' is final", row.id);
    if (row.state == JOB_QUEUED)
        return 0; /* it was requeued already */
    if (row.claim != op->u.requeue.claim)
        return JOBS_REFUSED(op, ERR_FINAL, "'%.60s' is claimed anew", row.id);

    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, update, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, row.seq);
    db_bind_int(q, 2, op->u.requeue.count_attempt ? 0 : 1);
    db_bind_int(q, 3, j->revision + 1);
    if (db_run(q, e) < 0)
        return -1;
    struct jobs_change c = jobs_change_of(&row, JOB_QUEUED);
    return jobs_record_change(j, &c, JOB_RUNNING, e);
}
