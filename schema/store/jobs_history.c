/* Rows of the recent past, for statistics that are kept in memory and rebuilt at each start. */
#include "schema/store/jobs_change.h"
#include "schema/store/jobs_table.h"

static bool visit_history_row(struct db_stmt *q, jobs_history_fn *fn, void *ctx)
{
    struct jobs_change c = { .state = (enum job_state)db_int(q, 4),
                             .language = db_text(q, 3, NULL),
                             .build_ms = -1,
                             .run_ms = -1 };
    int64_t submitted_ms = db_int(q, 0), finished_ms = db_int(q, 1);

    if (!job_state_is_final(c.state))
        return fn(ctx, submitted_ms, 0, &c);
    c.judged = c.state == JOB_DONE;
    c.total_ms = finished_ms - submitted_ms;
    c.queue_ms = db_is_null(q, 2) ? -1 : db_int(q, 2) - submitted_ms;
    if (!verdict_from_name(db_text(q, 5, NULL), &c.verdict))
        c.verdict = VERDICT_NONE;
    return fn(ctx, submitted_ms, finished_ms, &c);
}

static int visit_history(struct db *d, int64_t since_ms, jobs_history_fn *fn, void *ctx,
                         struct err *e)
{
    JOBS_SQL(select) = "SELECT submitted_ms, finished_ms, claimed_ms, language, state, verdict"
                       " FROM job WHERE submitted_ms >= ?1 OR finished_ms >= ?1";
    int n;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, since_ms);
    while ((n = db_step(q, e)) > 0) {
        if (!visit_history_row(q, fn, ctx))
            return 0;
    }
    return n;
}

int jobs_history(struct jobs *j, int64_t since_ms, jobs_history_fn *fn, void *ctx, struct err *e)
{
    struct db *d = jobs_readers_acquire(&j->readers);
    db_deadline(d, 0); /* an hour's rows may take long, but only once, at start */
    int rc = visit_history(d, since_ms, fn, ctx, e);
    jobs_readers_release(&j->readers, d);
    return rc;
}
