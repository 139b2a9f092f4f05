/* What one operation does inside the transaction of its group. Reads first, writes last: an
 * operation that is refused has written nothing, so that its neighbours may commit. */
#include <stdio.h>
#include <string.h>

#include "schema/clock.h"
#include "schema/jobs_internal.h"
#include "schema/report.h"

#define ERROR_LISTED 200 /* bytes of a report's error kept beside the row */

/* Whatever enters the queue is put into the set after the commit, which must not fail then. */
static int reserve_place(struct jobs *j, int64_t seq)
{
    (void)pthread_mutex_lock(&j->memory_lock);
    int rc = seqset_reserve(&j->queued, seq);
    (void)pthread_mutex_unlock(&j->memory_lock);
    return rc;
}

int jobs_note(struct jobs *j, const struct jobs_change *c, int from, struct err *e)
{
    struct jobs_group *g = &j->group;
    size_t at = g->ids.len;

    if ((c->state == JOB_QUEUED && reserve_place(j, c->seq) < 0) ||
        buf_add(&g->ids, c->id, strlen(c->id) + 1) < 0 ||
        (c->language && buf_add(&g->ids, c->language, strlen(c->language) + 1) < 0))
        return err_set(e, ERR_NOMEM, "job %s", c->id);
    g->changes[g->len] = *c;
    g->changes[g->len].change = ++j->change;
    g->changes[g->len].fresh = from < 0;
    g->id_at[g->len++] = at;
    if (from >= 0)
        g->moved[from]--;
    g->moved[c->state]++;
    return 0;
}

struct row {
    int64_t seq, submitted_ms, claim; /* claim 0: none */
    enum job_state state;
    char id[SUBMISSION_ID_MAX + 1], language[64];
};

static struct jobs_change changed(const struct row *row, enum job_state to)
{
    return (struct jobs_change){
        .seq = row->seq, .id = row->id, .state = to, .language = row->language
    };
}

static struct jobs_change ended(const struct row *row, enum job_state to, enum verdict verdict)
{
    struct jobs_change c = changed(row, to);
    int64_t total = clock_wall_ms() - row->submitted_ms;

    c.verdict = verdict;
    c.total_ms = total > 0 ? total : 0;
    return c;
}

/* 1 found, 0 not, -1. By its id, or by its number where id is NULL. */
static int find_row(struct jobs *j, const char *id, int64_t seq, struct row *ret_row, struct err *e)
{
    JOBS_SQL(by_id) = "SELECT seq, state, id, submitted_ms, language, claim FROM job"
                      " WHERE id = ?1";
    JOBS_SQL(by_seq) = "SELECT seq, state, id, submitted_ms, language, claim FROM job"
                       " WHERE seq = ?1";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, id ? by_id : by_seq, e);
    if (!q)
        return -1;
    if (id)
        db_bind_text(q, 1, id);
    else
        db_bind_int(q, 1, seq);
    int n = db_step(q, e);
    if (n <= 0)
        return n;
    ret_row->seq = db_int(q, 0);
    ret_row->state = (enum job_state)db_int(q, 1);
    (void)snprintf(ret_row->id, sizeof ret_row->id, "%s", db_text(q, 2, NULL));
    ret_row->submitted_ms = db_int(q, 3);
    (void)snprintf(ret_row->language, sizeof ret_row->language, "%s", db_text(q, 4, NULL));
    ret_row->claim = db_int(q, 5);
    return 1;
}

/* ---- claim, give back ---- */

/* One index seek per language; *ret_seq 0 when nothing is queued in any. */
static int oldest(struct jobs *j, const char *const *languages, int64_t *ret_seq, struct err *e)
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

static int claim(struct jobs *j, struct jobs_op *op, struct err *e)
{
    JOBS_SQL(update) = "UPDATE job SET state = 1, attempts = attempts + 1, instance = ?2,"
                       " claimed_ms = ?3, change = ?4, claim = ?5 WHERE seq = ?1"
                       " RETURNING id, submitted_ms, attempts";

    if (oldest(j, op->u.claim.languages, &op->u.claim.seq, e) < 0)
        return -1;
    if (op->u.claim.seq == 0)
        return 0;

    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, update, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, op->u.claim.seq);
    db_bind_text(q, 2, j->instance);
    db_bind_int(q, 3, clock_wall_ms());
    db_bind_int(q, 4, j->change + 1);
    op->u.claim.claim = text_random_number();
    db_bind_int(q, 5, op->u.claim.claim);
    int n = db_step(q, e);
    if (n <= 0)
        return n < 0 ? -1 : err_set(e, ERR_BUG, "claim of row %lld", (long long)op->u.claim.seq);
    (void)snprintf(op->u.claim.id, sizeof op->u.claim.id, "%s", db_text(q, 0, NULL));
    op->u.claim.submitted_ms = db_int(q, 1);
    op->u.claim.attempts = db_int(q, 2);
    if (db_run(q, e) < 0) /* RETURNING tells before it is done */
        return -1;
    struct jobs_change c = { .seq = op->u.claim.seq, .id = op->u.claim.id, .state = JOB_RUNNING };
    return jobs_note(j, &c, JOB_QUEUED, e);
}

static int give_back(struct jobs *j, struct jobs_op *op, struct err *e)
{
    JOBS_SQL(update) = "UPDATE job SET state = 0, attempts = attempts - ?2, instance = NULL,"
                       " claim = NULL, claimed_ms = NULL, change = ?3 WHERE seq = ?1";
    struct row row;

    int n = find_row(j, NULL, op->u.give_back.seq, &row, e);
    if (n < 0)
        return -1;
    if (n == 0)
        return JOBS_REFUSED(op, ERR_NOT_FOUND, "no row %lld", (long long)op->u.give_back.seq);
    if (job_state_is_final(row.state))
        return JOBS_REFUSED(op, ERR_FINAL, "'%.60s' is final", row.id);
    if (row.state == JOB_QUEUED)
        return 0; /* said twice: it is where it should be */
    if (row.claim != op->u.give_back.claim)
        return JOBS_REFUSED(op, ERR_FINAL, "'%.60s' is claimed anew", row.id);

    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, update, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, row.seq);
    db_bind_int(q, 2, op->u.give_back.spend ? 0 : 1);
    db_bind_int(q, 3, j->change + 1);
    if (db_run(q, e) < 0)
        return -1;
    struct jobs_change c = changed(&row, JOB_QUEUED);
    return jobs_note(j, &c, JOB_RUNNING, e);
}

/* ---- the end of a row ---- */

static int64_t tests_passed(const struct report *r)
{
    int64_t n = 0;

    for (size_t i = 0; i < r->tests_len; i++)
        n += r->tests[i].verdict == VERDICT_OK;
    return n;
}

static void bind_measured(struct db_stmt *q, int n, const struct report *r, int64_t value)
{
    if (r->ran)
        db_bind_int(q, n, value);
    else
        db_bind_null(q, n);
}

static int update_job(struct db *d, const struct jobs_final *f, const char *error, size_t error_len,
                      struct err *e)
{
    JOBS_SQL(update) =
        "UPDATE job SET state = ?2, instance = NULL, claim = NULL, finished_ms = ?3, verdict = ?4,"
        " tests_passed = ?5, duration_ms = ?6, cpu_time_ms = ?7, memory_bytes = ?8, error = ?9,"
        " change = ?10 WHERE seq = ?1";
    const struct report *r = f->report;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, update, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, f->seq);
    db_bind_int(q, 2, f->state);
    db_bind_int(q, 3, r->timestamp_ms > 0 ? r->timestamp_ms : clock_wall_ms());
    db_bind_text(q, 4, verdict_name(r->verdict));
    db_bind_int(q, 5, tests_passed(r));
    bind_measured(q, 6, r, r->duration_ms);
    bind_measured(q, 7, r, r->cpu_time_ms);
    bind_measured(q, 8, r, r->memory_bytes);
    db_bind_text_n(q, 9, error, error_len);
    db_bind_int(q, 10, f->change);
    return db_run(q, e);
}

int jobs_finish_row(struct db *d, const struct jobs_final *f, struct err *e)
{
    JOBS_SQL(insert) = "INSERT INTO report(seq, json) VALUES(?1, ?2)";
    const char *error = f->report->error ? f->report->error : "";
    CLEANUP(freep) char *clean = NULL;
    size_t len;

    if (text_to_utf8(error, strlen(error), &clean, &len) < 0)
        return err_set(e, ERR_NOMEM, "error of row %lld", (long long)f->seq);
    if (update_job(d, f, clean, text_cut(clean, len, ERROR_LISTED), e) < 0)
        return -1;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, insert, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, f->seq);
    db_bind_text_n(q, 2, f->json, f->json_len);
    return db_run(q, e) < 0 ? -1 : jobs_outbox_final(d, f->seq, e);
}

static int finish(struct jobs *j, struct jobs_op *op, struct err *e)
{
    struct row row;

    if (op->u.finish.report && !op->u.finish.json) { /* not encoded: op->err says why */
        op->result = -1;
        return 0;
    }
    int n = find_row(j, NULL, op->u.finish.seq, &row, e);
    if (n < 0)
        return -1;
    if (n == 0)
        return JOBS_REFUSED(op, ERR_NOT_FOUND, "no row %lld", (long long)op->u.finish.seq);
    if (row.state != JOB_RUNNING || row.claim != op->u.finish.claim) {
        j->group.late_reports++;
        return JOBS_REFUSED(op, ERR_FINAL, "late report: '%.60s' is %s", row.id,
                            row.state == JOB_RUNNING ? "claimed anew" : job_state_name(row.state));
    }

    struct jobs_final f = { .seq = row.seq,
                            .state = JOB_DONE,
                            .report = op->u.finish.report,
                            .json = op->u.finish.json,
                            .json_len = op->u.finish.json_len,
                            .change = j->change + 1,
                            .unreadable = true };
    int told = f.report ? jobs_finish_row(j->db, &f, e)
                        : jobs_finish_blank(j->db, &f, op->u.finish.error, e);
    if (told < 0)
        return -1;
    j->group.told += told;
    struct jobs_change c = ended(&row, JOB_DONE, f.report ? f.report->verdict : VERDICT_NONE);
    c.judged = f.report;
    if (f.report) {
        c.queue_ms = f.report->queue_ms;
        c.build_ms = f.report->build_ms;
        c.run_ms = f.report->run_ms;
    }
    return jobs_note(j, &c, JOB_RUNNING, e);
}

static int cancel(struct jobs *j, struct jobs_op *op, struct err *e)
{
    struct row row;

    int n = find_row(j, op->u.cancel.id, 0, &row, e);
    if (n < 0)
        return -1;
    if (n == 0)
        return JOBS_REFUSED(op, ERR_NOT_FOUND, "no submission '%.60s'", op->u.cancel.id);
    op->u.cancel.seq = row.seq;
    op->u.cancel.was_running = row.state == JOB_RUNNING;
    if (job_state_is_final(row.state))
        return JOBS_REFUSED(op, ERR_FINAL, "'%.60s' is final", row.id);
    struct jobs_final f = { .seq = row.seq, .state = JOB_CANCELLED, .change = j->change + 1 };
    int told = jobs_finish_blank(j->db, &f, "cancelled", e);
    if (told < 0)
        return -1;
    j->group.told += told;
    struct jobs_change c = ended(&row, JOB_CANCELLED, VERDICT_NONE);
    return jobs_note(j, &c, (int)row.state, e);
}

int jobs_apply(struct jobs *j, struct jobs_op *op, struct err *e)
{
    op->result = 0;
    switch (op->kind) {
    case JOBS_ACCEPT:
        return jobs_accept(j, op, e);
    case JOBS_CLAIM:
        return claim(j, op, e);
    case JOBS_FINISH:
        return finish(j, op, e);
    case JOBS_GIVE_BACK:
        return give_back(j, op, e);
    case JOBS_CANCEL:
        return cancel(j, op, e);
    case JOBS_REFUSE:
        return jobs_refuse(j, op, e);
    case JOBS_PUBLISH:
        return jobs_publish(j, op, e);
    case JOBS_SENT:
        return jobs_sent(j, op, e);
    case JOBS_RETURN:
        return jobs_return(j, op, e);
    case JOBS_WATERMARKS:
        return jobs_keep_watermarks(j, op, e);
    }
    return JOBS_REFUSED(op, ERR_BUG, "unknown operation %d", (int)op->kind);
}
