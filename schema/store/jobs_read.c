#include "schema/store/jobs_read.h"

#include <stdio.h>
#include <string.h>

#include "schema/store/jobs_table.h"

/* ---- status ---- */

static int select_status(struct db *d, const char *id, struct job_status *ret_status, struct err *e)
{
    JOBS_SQL(select) = "SELECT seq, state, submitted_ms, expired, language,"
                       /* Its end may have no number yet, which will be above all others. */
                       " /*pg greatest((SELECT CASE WHEN job.state > 1 AND max(f.state) < 2"
                       " THEN 9223372036854775807 ELSE max(f.number) END FROM feed f"
                       " WHERE f.seq = job.seq AND f.number IS NOT NULL), */"
                       " change /*pg ) */, rank FROM job WHERE id = ?1";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, id);
    int n = db_step(q, e);
    if (n <= 0)
        return n < 0 ? -1 : err_set(e, ERR_NOT_FOUND, "no submission '%.60s'", id);
    *ret_status = (struct job_status){ .seq = db_int(q, 0),
                                       .state = (enum job_state)db_int(q, 1),
                                       .submitted_ms = db_int(q, 2),
                                       .expired = db_int(q, 3) != 0,
                                       .revision = db_int(q, 5),
                                       .rank = db_int(q, 6) };
    (void)snprintf(ret_status->language, sizeof ret_status->language, "%s", db_text(q, 4, NULL));
    return 0;
}

int jobs_status(struct jobs *j, const char *id, struct job_status *ret_status, struct err *e)
{
    struct db *d = jobs_readers_acquire(&j->readers);
    int rc = select_status(d, id, ret_status, e);
    if (rc == 0 && ret_status->state == JOB_QUEUED)
        ret_status->position = jobs_position(j, d, ret_status->rank, ret_status->seq);
    jobs_readers_release(&j->readers, d);
    return rc;
}

/* ---- the oldest queued row ---- */

static int select_oldest(struct db *d, int64_t seq, struct jobs_oldest *ret_oldest, struct err *e)
{
    JOBS_SQL(select) = "SELECT id, language, submitted_ms FROM job WHERE seq = ?1";
    CLEANUP(db_donep) struct db_stmt *q = jobs_select_row(d, select, seq, e);
    if (!q)
        return -1;
    (void)snprintf(ret_oldest->id, sizeof ret_oldest->id, "%s", db_text(q, 0, NULL));
    (void)snprintf(ret_oldest->language, sizeof ret_oldest->language, "%s", db_text(q, 1, NULL));
    ret_oldest->submitted_ms = db_int(q, 2);
    return 0;
}

int jobs_oldest(struct jobs *j, int64_t seq, struct jobs_oldest *ret_oldest, struct err *e)
{
    struct db *d = jobs_readers_acquire(&j->readers);
    int rc = select_oldest(d, seq, ret_oldest, e);
    jobs_readers_release(&j->readers, d);
    return rc;
}

/* ---- report ---- */

static int select_report(struct db *d, const char *id, int64_t *ret_seq, struct buf *ret_json,
                         struct err *e)
{
    JOBS_SQL(select) = "SELECT report.seq, report.json FROM job JOIN report ON report.seq = job.seq"
                       " WHERE job.id = ?1";
    size_t len;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, id);
    int n = db_step(q, e);
    if (n <= 0)
        return n < 0 ? -1 : err_set(e, ERR_NOT_FOUND, "no report of '%.60s'", id);
    const char *json = db_text(q, 1, &len);
    if (buf_add(ret_json, json, len) < 0)
        return err_set(e, ERR_NOMEM, "report of '%.60s'", id);
    *ret_seq = db_int(q, 0);
    return 0;
}

int jobs_report(struct jobs *j, const char *id, int64_t *ret_seq, char **ret_json, size_t *ret_len,
                struct err *e)
{
    struct buf json = { 0 };
    int64_t seq = 0;

    struct db *d = jobs_readers_acquire(&j->readers);
    int rc = select_report(d, id, &seq, &json, e);
    jobs_readers_release(&j->readers, d);
    if (rc < 0)
        return -1;
    if (ret_seq)
        *ret_seq = seq;
    *ret_len = json.len;
    *ret_json = buf_take(&json);
    return 0;
}

/* ---- submission ---- */

int jobs_submission(struct jobs *j, int64_t seq, struct submission **ret_submission, struct err *e)
{
    struct db *d = jobs_readers_acquire(&j->readers);
    int rc = jobs_load_kept_submission(j, d, seq, ret_submission, e);
    jobs_readers_release(&j->readers, d);
    return rc;
}

/* ---- cost ---- */

int64_t jobs_read_cost(struct jobs *j) { return jobs_readers_steps(&j->readers); }
