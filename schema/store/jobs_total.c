#include "schema/store/jobs_total.h"

#include "schema/store/db.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_filter.h"
#include "schema/store/jobs_item.h"
#include "schema/store/query.h"

/* Whether the filter has nothing but a state. */
static bool is_by_state(const struct jobs_filter *f)
{
    return f->status < 0 && !f->status_name && !f->language && !f->id_prefix && f->since_ms == 0 &&
           f->until_ms == 0 && f->labels_len == 0;
}

/* JOBS_TOTAL_UNKNOWN: there is no such count. */
static int64_t counted(struct jobs *j, const struct jobs_filter *f)
{
    struct jobs_counts c;

    if (!is_by_state(f) || (f->state >= 0 && !jobs_filter_is_unfinished(f)))
        return JOBS_TOTAL_UNKNOWN;
    jobs_counts(j, &c);
    return f->state < 0             ? c.queued + c.running + c.final
           : f->state == JOB_QUEUED ? c.queued
                                    : c.running;
}

/* *ret_total stays as it is where many rows may match. */
static int count_if_few(struct db *d, const struct jobs_total_rows *rows, int64_t *ret_total,
                        struct err *e)
{
    struct query q = { 0 };
    int64_t total = 0;
    int n;

    if (!rows->few)
        return 0;
    query_add(&q, "SELECT %s FROM job NOT INDEXED WHERE seq IN (", JOBS_COLUMNS);
    rows->few(&q, rows->filter, rows->upper);
    query_add(&q, ")");
    CLEANUP(db_donep) struct db_stmt *s = query_prepare(&q, d, e);
    if (!s)
        return -1;
    while ((n = db_step(s, e)) > 0)
        total += jobs_filter_wants(rows->filter, s);
    if (n == 0)
        *ret_total = total;
    return n;
}

/* The final rows that were not cancelled. */
static int count_done(struct jobs *j, struct db *d, const struct jobs_filter *f, int64_t *ret_total,
                      struct err *e)
{
    struct jobs_filter others = *f;
    struct jobs_total_rows rows = { .filter = &others };
    struct jobs_counts c;
    int64_t cancelled = JOBS_TOTAL_UNKNOWN;

    others.state = JOB_CANCELLED;
    if (jobs_filter_find_few(d, &others, NULL, NULL, &rows.few, e) < 0 ||
        count_if_few(d, &rows, &cancelled, e) < 0)
        return -1;
    if (cancelled == JOBS_TOTAL_UNKNOWN)
        return 0;
    jobs_counts(j, &c);
    *ret_total = c.final > cancelled ? c.final - cancelled : 0;
    return 0;
}

int jobs_total(struct jobs *j, struct db *d, const struct jobs_total_rows *rows, int64_t *ret_total,
               struct err *e)
{
    const struct jobs_filter *f = rows->filter;
    int64_t total = counted(j, f);
    int rc = 0;

    if (total == JOBS_TOTAL_UNKNOWN && f->state == JOB_DONE && is_by_state(f))
        rc = count_done(j, d, f, &total, e);
    else if (total == JOBS_TOTAL_UNKNOWN)
        rc = count_if_few(d, rows, &total, e);
    if (rc == 0)
        *ret_total = total;
    return rc;
}
