/* The report of a submission that got no verdict: cancelled, or given up. */
#include <string.h>

#include "schema/clock.h"
#include "schema/jobs_internal.h"
#include "schema/report.h"

static int fill_tests(struct report *r, const struct submission *s)
{
    r->has_tests = s->tests_len > 0;
    r->tests = calloc(s->tests_len + 1, sizeof *r->tests);
    if (!r->tests)
        return -1;
    for (; r->tests_len < s->tests_len; r->tests_len++) {
        struct test_report *t = &r->tests[r->tests_len];
        t->number = s->tests[r->tests_len].number;
        t->verdict = VERDICT_NONE;
        if (bytes_copy(NULL, 0, &t->out) < 0 || bytes_copy(NULL, 0, &t->err) < 0)
            return -1;
    }
    return 0;
}

/* A row whose body cannot be read must still be able to end: its report then names no tests. */
static int read_tests(struct db *d, int64_t seq, struct report *r, struct err *e)
{
    CLEANUP(submission_freep) struct submission *s = NULL;
    struct err why = { 0 };

    if (jobs_load_submission(d, seq, false, &s, &why) < 0) {
        if (why.kind == ERR_DISK || why.kind == ERR_NOMEM)
            return err_set(e, why.kind, "%s", why.msg);
        return 0;
    }
    return fill_tests(r, s) < 0 ? err_set(e, ERR_NOMEM, "report") : 0;
}

static int fill(struct report *r, struct db_stmt *row, const char *error)
{
    int64_t now = clock_wall_ms();

    r->id = strdup(db_text(row, 0, NULL));
    r->language = strdup(db_text(row, 1, NULL));
    r->error = strdup(error);
    r->produced_by.version = strdup(SCRC_VERSION);
    r->verdict = VERDICT_NONE;
    r->timestamp_ms = now;
    r->queue_ms = (db_is_null(row, 3) ? now : db_int(row, 3)) - db_int(row, 2);
    if (r->queue_ms < 0)
        r->queue_ms = 0; /* the wall clock was set back */
    r->attempts = db_int(row, 4);
    return r->id && r->language && r->error && r->produced_by.version ? 0 : -1;
}

static int make(struct db *d, int64_t seq, const char *error, struct report **ret_report,
                struct err *e)
{
    JOBS_SQL(select) =
        "SELECT id, language, submitted_ms, claimed_ms, attempts FROM job WHERE seq = ?1";
    CLEANUP(report_freep) struct report *r = calloc(1, sizeof *r);
    if (!r || bytes_copy(NULL, 0, &r->out) < 0 || bytes_copy(NULL, 0, &r->err) < 0 ||
        bytes_copy(NULL, 0, &r->build_log) < 0)
        return err_set(e, ERR_NOMEM, "report");

    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, seq);
    int n = db_step(q, e);
    if (n <= 0)
        return n < 0 ? -1 : err_set(e, ERR_BUG, "no row %lld", (long long)seq);
    if (fill(r, q, error) < 0)
        return err_set(e, ERR_NOMEM, "report");
    *ret_report = TAKE(r);
    return 0;
}

int jobs_finish_blank(struct db *d, const struct jobs_final *row, const char *error, struct err *e)
{
    CLEANUP(report_freep) struct report *r = NULL;
    CLEANUP(freep) char *json = NULL;
    struct jobs_final f = *row;

    if (make(d, f.seq, error, &r, e) < 0 || (!f.unreadable && read_tests(d, f.seq, r, e) < 0) ||
        report_encode(r, &json, &f.json_len, e) < 0)
        return -1;
    f.report = r;
    f.json = json;
    return jobs_finish_row(d, &f, e);
}
