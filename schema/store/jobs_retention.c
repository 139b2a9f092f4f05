#include "schema/store/jobs_retention.h"

#include "schema/base/clock.h"
#include "schema/store/jobs_table.h"

#define BATCH_ROWS 100

/* The next batch of old rows. A row that is still in the outbox is needed, however old: it is
 * skipped, and read again in the next round. *ret_end: there are no more rows. */
static int find_expired_rows(struct jobs *j, int64_t before_ms, int64_t *seqs, size_t *ret_len,
                             bool *ret_end, struct err *e)
{
    JOBS_SQL(select) = "SELECT seq, finished_ms,"
                       " EXISTS (SELECT 1 FROM outbox WHERE outbox.seq = job.seq) FROM job"
                       " WHERE finished_ms IS NOT NULL AND expired = 0 AND finished_ms < ?1"
                       " AND (finished_ms, seq) > (?3, ?4) ORDER BY finished_ms, seq LIMIT ?2";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, select, e);
    size_t len = 0, looked_at = 0;
    int n;

    if (!q)
        return -1;
    db_bind_int(q, 1, before_ms);
    db_bind_int(q, 2, BATCH_ROWS);
    db_bind_int(q, 3, j->retention_at.finished_ms);
    db_bind_int(q, 4, j->retention_at.seq);
    for (; (n = db_step(q, e)) > 0; looked_at++) {
        j->retention_at.seq = db_int(q, 0);
        j->retention_at.finished_ms = db_int(q, 1);
        if (db_int(q, 2) == 0)
            seqs[len++] = j->retention_at.seq;
    }
    *ret_len = len;
    *ret_end = looked_at == 0;
    return n;
}

int jobs_delete_contents(struct db *d, int64_t seq, struct err *e)
{
    /* A blob is deleted with the last row that uses it. */
    static const char *const steps[] = {
        ("DELETE FROM text WHERE number IN (SELECT text FROM text_use WHERE seq = ?1)"
         " AND NOT EXISTS (SELECT 1 FROM text_use u WHERE u.text = number AND u.seq <> ?1)"),
        "DELETE FROM text_use WHERE seq = ?1",
        "DELETE FROM body WHERE seq = ?1",
        "DELETE FROM report WHERE seq = ?1",
        "DELETE FROM message_headers WHERE seq = ?1",
    };

    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, steps[i], e);
        if (!q)
            return -1;
        db_bind_int(q, 1, seq);
        if (db_run(q, e) < 0)
            return -1;
    }
    return 0;
}

static int expire_row(struct jobs *j, int64_t seq, struct err *e)
{
    JOBS_SQL(update) = "UPDATE job SET expired = 1 WHERE seq = ?1";

    if (jobs_delete_contents(j->db, seq, e) < 0)
        return -1;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, update, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, seq);
    return db_run(q, e);
}

static int expire_rows(struct jobs *j, const int64_t *seqs, size_t len, struct err *e)
{
    if (db_begin(j->db, e) < 0)
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (expire_row(j, seqs[i], e) < 0) {
            db_rollback(j->db);
            return -1;
        }
    }
    return db_commit(j->db, e);
}

int jobs_expire(struct jobs *j, bool *ret_more, struct err *e)
{
    int64_t seqs[BATCH_ROWS];
    bool end, more = true;
    size_t len;

    if (find_expired_rows(j, clock_shared_ms() - j->retention_ms, seqs, &len, &end, e) < 0)
        return -1;
    if (end && j->backend->vacuum(j, &more, e) < 0)
        return -1;
    if (!more)
        j->retention_at.finished_ms = j->retention_at.seq = 0;
    if (len > 0 && expire_rows(j, seqs, len, e) < 0) {
        j->retention_at.finished_ms = j->retention_at.seq = 0;
        return -1;
    }
    *ret_more = more;
    return 0;
}
