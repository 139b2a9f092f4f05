#include "schema/store/jobs_finish.h"

#include <stdio.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/text.h"
#include "schema/model/report.h"
#include "schema/store/jobs_outbox.h"
#include "schema/store/jobs_table.h"

#define ERROR_LISTED 200 /* bytes of a report's error that are stored in the row too */

/* ---- a row becomes final ---- */

static int64_t count_passed(const struct report *r)
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
    db_bind_int(q, 3, r->timestamp_ms > 0 ? r->timestamp_ms : clock_shared_ms());
    db_bind_text(q, 4, verdict_name(r->verdict));
    db_bind_int(q, 5, count_passed(r));
    bind_measured(q, 6, r, r->duration_ms);
    bind_measured(q, 7, r, r->cpu_time_ms);
    bind_measured(q, 8, r, r->memory_bytes);
    db_bind_text_n(q, 9, error, error_len);
    db_bind_int(q, 10, f->revision);
    return db_run(q, e);
}

/* Every report is stored here, so that its outbox row is written in the transaction that makes the
 * row final. Returns as jobs_finish_unjudged(). */
static int finish_row(struct db *d, const struct jobs_final *f, struct err *e)
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
    return db_run(q, e) < 0 ? -1 : jobs_outbox_add_final(d, f->seq, e);
}

/* ---- unjudged reports: of cancelled rows and of rows that end with an error ---- */

/* A row whose submission cannot be read must still become final: its report then has no tests, and
 * *ret_submission is NULL. */
static int load_unjudged_tests(struct db *d, int64_t seq, struct submission **ret_submission,
                               struct err *e)
{
    struct err why = { 0 };

    *ret_submission = NULL;
    if (jobs_load_submission(d, seq, false, ret_submission, &why) == 0)
        return 0;
    if (why.kind == ERR_DISK || why.kind == ERR_NOMEM)
        return err_set(e, why.kind, "%s", why.msg);
    return 0;
}

static int fill_unjudged_report(struct db_stmt *row, const struct submission *s, const char *error,
                                struct report **ret_report)
{
    int64_t now = clock_shared_ms();
    CLEANUP(report_freep) struct report *r = NULL;

    if (report_unjudged(db_text(row, 0, NULL), db_text(row, 1, NULL), s, &r) < 0)
        return -1;
    r->error = strdup(error);
    r->produced_by.version = strdup(SCRC_VERSION);
    r->timestamp_ms = now;
    r->queue_ms = (db_is_null(row, 3) ? now : db_int(row, 3)) - db_int(row, 2);
    if (r->queue_ms < 0)
        r->queue_ms = 0; /* the wall clock was set back */
    r->attempts = db_int(row, 4);
    if (!r->labels && !db_is_null(row, 5) && !(r->labels = strdup(db_text(row, 5, NULL))))
        return -1;
    if (!r->error || !r->produced_by.version)
        return -1;
    *ret_report = TAKE(r);
    return 0;
}

static int make_unjudged_report(struct db *d, const struct jobs_final *f, const char *error,
                                struct report **ret_report, struct err *e)
{
    JOBS_SQL(select) =
        "SELECT id, language, submitted_ms, claimed_ms, attempts, labels FROM job WHERE seq = ?1";
    CLEANUP(submission_freep) struct submission *s = NULL;

    if (!f->unreadable && load_unjudged_tests(d, f->seq, &s, e) < 0)
        return -1;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, f->seq);
    int n = db_step(q, e);
    if (n <= 0)
        return n < 0 ? -1 : err_set(e, ERR_BUG, "no row %lld", (long long)f->seq);
    return fill_unjudged_report(q, s, error, ret_report) < 0 ? err_set(e, ERR_NOMEM, "report") : 0;
}

int jobs_finish_unjudged(struct db *d, const struct jobs_final *row, const char *error,
                         struct err *e)
{
    CLEANUP(report_freep) struct report *r = NULL;
    CLEANUP(freep) char *json = NULL;
    struct jobs_final f = *row;

    if (make_unjudged_report(d, &f, error, &r, e) < 0 ||
        report_encode(r, &json, &f.json_len, e) < 0)
        return -1;
    f.report = r;
    f.json = json;
    return finish_row(d, &f, e);
}

int jobs_finish_deadly(struct db *d, const struct jobs_final *row, struct err *e)
{
    char error[100];

    (void)snprintf(error, sizeof error, "the server died %d times while judging this",
                   JOB_RESTARTS_MAX + 1);
    return jobs_finish_unjudged(d, row, error, e);
}

/* ---- the operations ---- */

static struct jobs_change final_change(const struct jobs_found *row, enum job_state to,
                                       enum verdict verdict)
{
    struct jobs_change c = jobs_change_of(row, to);
    int64_t total = clock_shared_ms() - row->submitted_ms;

    c.verdict = verdict;
    c.total_ms = total > 0 ? total : 0;
    return c;
}

int jobs_finish(struct jobs *j, struct jobs_op *op, struct err *e)
{
    struct jobs_found row;

    if (op->u.finish.report && !op->u.finish.json) { /* encoding failed: see op->err */
        op->result = -1;
        return 0;
    }
    int n = jobs_find(j, NULL, op->u.finish.seq, &row, e);
    if (n < 0)
        return -1;
    if (n == 0)
        return JOBS_REFUSED(op, ERR_NOT_FOUND, "no row %lld", (long long)op->u.finish.seq);
    if (row.claim == 0 || row.claim != op->u.finish.claim) {
        j->group.late_reports++;
        return JOBS_REFUSED(op, ERR_FINAL, "late report: '%.60s' is %s", row.id,
                            row.claim != 0 ? "claimed anew" : job_state_name(row.state));
    }

    struct jobs_final f = { .seq = row.seq,
                            .state = JOB_DONE,
                            .report = op->u.finish.report,
                            .json = op->u.finish.json,
                            .json_len = op->u.finish.json_len,
                            .revision = j->revision + 1,
                            .unreadable = true };
    int added = f.report ? finish_row(j->db, &f, e)
                         : jobs_finish_unjudged(j->db, &f, op->u.finish.error, e);
    if (added < 0)
        return -1;
    j->group.outbox_added += added;
    struct jobs_change c =
        final_change(&row, JOB_DONE, f.report ? f.report->verdict : VERDICT_NONE);
    c.judged = f.report;
    if (f.report) {
        c.queue_ms = f.report->queue_ms;
        c.build_ms = f.report->build_ms;
        c.run_ms = f.report->run_ms;
        c.report = f.json;
        c.report_len = f.json_len;
    }
    return jobs_record_change(j, &c, (int)row.state, e); /* queued: its JOBS_BEGIN failed */
}

int jobs_cancel(struct jobs *j, struct jobs_op *op, struct err *e)
{
    struct jobs_found row;

    int n = jobs_find(j, op->u.cancel.id, 0, &row, e);
    if (n < 0)
        return -1;
    if (n == 0)
        return JOBS_REFUSED(op, ERR_NOT_FOUND, "no submission '%.60s'", op->u.cancel.id);
    op->u.cancel.seq = row.seq;
    op->u.cancel.claim = row.claim;
    if (job_state_is_final(row.state))
        return JOBS_REFUSED(op, ERR_FINAL, "'%.60s' is final", row.id);
    struct jobs_final f = { .seq = row.seq, .state = JOB_CANCELLED, .revision = j->revision + 1 };
    int added = jobs_finish_unjudged(j->db, &f, "cancelled", e);
    if (added < 0)
        return -1;
    j->group.outbox_added += added;
    struct jobs_change c = final_change(&row, JOB_CANCELLED, VERDICT_NONE);
    c.claim = row.claim;
    return jobs_record_change(j, &c, (int)row.state, e);
}
