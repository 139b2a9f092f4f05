#include "schema/store/jobs_claim.h"

#include <stdio.h>

#include "schema/base/clock.h"
#include "schema/store/jobs_table.h"

struct jobs_place {
    int64_t rank, seq;
};

/* The first one behind row (after->rank, after->seq). One index seek per language. ret_row->seq 0:
 * none is queued. */
static int find_first_queued(struct jobs *j, const char *const *languages,
                             const struct jobs_place *after, struct jobs_place *ret_row,
                             struct err *e)
{
    JOBS_SQL(select) = "SELECT rank, seq FROM job WHERE state = 0 AND language = ?1"
                       " AND claim IS NULL AND (rank, seq) > (?2, ?3) ORDER BY rank, seq LIMIT 1";
    struct jobs_place first = { 0 };

    for (; *languages; languages++) {
        CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, select, e);
        if (!q)
            return -1;
        db_bind_text(q, 1, *languages);
        db_bind_int(q, 2, after->rank);
        db_bind_int(q, 3, after->seq);
        int n = db_step(q, e);
        if (n < 0)
            return -1;
        struct jobs_place p = { .rank = db_int(q, 0), .seq = db_int(q, 1) };
        if (n > 0 &&
            (first.seq == 0 || p.rank < first.rank || (p.rank == first.rank && p.seq < first.seq)))
            first = p;
    }
    *ret_row = first;
    return 0;
}

/* Runs one of the two queries, which have the same parameters, and reads the row. 1, 0: another
 * server has claimed it meanwhile, -1. */
static int update_claimed(struct jobs *j, const char *query, struct jobs_claim_op *c, struct err *e)
{
    char instance[TEXT_ID_SIZE];
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, query, e);
    if (!q)
        return -1;
    c->claim = text_random_number();
    jobs_instance(j, instance);
    db_bind_int(q, 1, c->seq);
    db_bind_text(q, 2, instance);
    db_bind_int(q, 3, c->claim);
    if (!c->ahead) {
        db_bind_int(q, 4, clock_shared_ms());
        db_bind_int(q, 5, j->revision + 1);
    }
    int n = db_step(q, e);
    if (n <= 0)
        return n;
    (void)snprintf(c->id, sizeof c->id, "%s", db_text(q, 0, NULL));
    c->submitted_ms = db_int(q, 1);
    c->attempts = db_int(q, 2);
    c->host_faults = db_int(q, 3);
    /* a row of RETURNING comes before the statement has finished */
    return db_run(q, e) < 0 ? -1 : 1;
}

/* Only a row that nobody else has: a server does not wait for another one's transaction. */
#define STILL_FREE                                                                                 \
    " /*pg AND seq = (SELECT seq FROM job WHERE seq = ?1 AND state = 0 AND claim IS NULL"          \
    " FOR UPDATE SKIP LOCKED) */"

int jobs_claim(struct jobs *j, struct jobs_op *op, struct err *e)
{
    JOBS_SQL(run) = "UPDATE job SET state = 1, attempts = attempts + 1, instance = ?2, claim = ?3,"
                    " claimed_ms = ?4, change = ?5 WHERE seq = ?1" STILL_FREE
                    " RETURNING id, submitted_ms, attempts, host_faults";
    JOBS_SQL(ahead) = "UPDATE job SET instance = ?2, claim = ?3 WHERE seq = ?1" STILL_FREE
                      " RETURNING id, submitted_ms, attempts + 1, host_faults";
    struct jobs_claim_op *claim = &op->u.claim;

    /* In PostgreSQL the index still has rows that were claimed, as long as anybody has an old
     * snapshot: they are not read again for each claim. */
    struct jobs_place row = { .rank = atomic_load(&j->claim_from) };
    int n = 0;

    while (n == 0) {
        const struct jobs_place after = row;
        if (find_first_queued(j, claim->languages, &after, &row, e) < 0)
            return -1;
        claim->seq = row.seq;
        if (row.seq == 0)
            return 0;
        n = update_claimed(j, claim->ahead ? ahead : run, claim, e);
    }
    if (n < 0)
        return -1;
    struct jobs_change c = {
        .seq = row.seq, .rank = row.rank, .id = claim->id, .state = JOB_RUNNING
    };
    return claim->ahead ? 0 : jobs_record_change(j, &c, JOB_QUEUED, e);
}

int jobs_begin(struct jobs *j, struct jobs_op *op, struct err *e)
{
    JOBS_SQL(update) = "UPDATE job SET state = 1, attempts = attempts + 1, claimed_ms = ?2,"
                       " change = ?3 WHERE seq = ?1";
    struct jobs_found row;

    int n = jobs_find(j, NULL, op->u.begin.seq, &row, e);
    if (n < 0)
        return -1;
    if (n == 0)
        return JOBS_REFUSED(op, ERR_NOT_FOUND, "no row %lld", (long long)op->u.begin.seq);
    if (row.state != JOB_QUEUED || row.claim != op->u.begin.claim)
        return JOBS_REFUSED(op, ERR_FINAL, "'%.60s' is not claimed ahead any more", row.id);
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, update, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, row.seq);
    db_bind_int(q, 2, clock_shared_ms());
    db_bind_int(q, 3, j->revision + 1);
    if (db_run(q, e) < 0)
        return -1;
    struct jobs_change c = { .seq = row.seq, .rank = row.rank, .id = row.id, .state = JOB_RUNNING };
    return jobs_record_change(j, &c, JOB_QUEUED, e);
}

/* The row stays queued, so nobody needs to be notified. */
static int end_claim_ahead(struct jobs *j, int64_t seq, struct err *e)
{
    JOBS_SQL(update) = "UPDATE job SET instance = NULL, claim = NULL WHERE seq = ?1";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, update, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, seq);
    return db_run(q, e);
}

int jobs_requeue(struct jobs *j, struct jobs_op *op, struct err *e)
{
    JOBS_SQL(update) =
        "UPDATE job SET state = 0, attempts = attempts - ?2, host_faults = host_faults + ?4,"
        " instance = NULL, claim = NULL, claimed_ms = NULL, change = ?3"
        " WHERE seq = ?1";
    struct jobs_found row;

    int n = jobs_find(j, NULL, op->u.requeue.seq, &row, e);
    if (n < 0)
        return -1;
    if (n == 0)
        return JOBS_REFUSED(op, ERR_NOT_FOUND, "no row %lld", (long long)op->u.requeue.seq);
    if (job_state_is_final(row.state))
        return JOBS_REFUSED(op, ERR_FINAL, "'%.60s' is final", row.id);
    if (row.claim == 0)
        return 0; /* it was requeued already */
    if (row.claim != op->u.requeue.claim)
        return JOBS_REFUSED(op, ERR_FINAL, "'%.60s' is claimed anew", row.id);
    if (row.state == JOB_QUEUED)
        return end_claim_ahead(j, row.seq, e);

    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, update, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, row.seq);
    db_bind_int(q, 2, op->u.requeue.why == JOBS_CELL_FAULT ? 0 : 1);
    db_bind_int(q, 3, j->revision + 1);
    db_bind_int(q, 4, op->u.requeue.why == JOBS_HOST_FAULT ? 1 : 0);
    if (db_run(q, e) < 0)
        return -1;
    struct jobs_change c = jobs_change_of(&row, JOB_QUEUED);
    c.claim = row.claim;
    return jobs_record_change(j, &c, JOB_RUNNING, e);
}
