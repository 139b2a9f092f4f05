#include "schema/store/jobs_item.h"

#include <string.h>

#include "schema/base/clock.h"
#include "schema/store/jobs_change.h"
#include "schema/store/jobs_table.h"

static json_t *text_to_json(struct db_stmt *s, enum jobs_column c)
{
    size_t len;

    if (db_is_null(s, (int)c))
        return json_null();
    const char *text = db_text(s, (int)c, &len);
    return json_stringn(text, len);
}

static json_t *number_to_json(struct db_stmt *s, enum jobs_column c)
{
    return db_is_null(s, (int)c) ? json_null() : json_integer(db_int(s, (int)c));
}

static json_t *time_to_json(struct db_stmt *s, enum jobs_column c)
{
    char text[CLOCK_RFC3339_SIZE];

    if (db_is_null(s, (int)c))
        return json_null();
    clock_rfc3339(db_int(s, (int)c), text);
    return json_string(text);
}

static json_t *status_to_json(struct db_stmt *s, enum status_set set)
{
    enum verdict v;

    if (db_is_null(s, JOBS_VERDICT) || !verdict_from_name(db_text(s, JOBS_VERDICT, NULL), &v))
        return json_null();
    return json_string(verdict_status(v, set, db_int(s, JOBS_TOTAL) > 0));
}

static json_t *labels_to_json(struct db_stmt *s)
{
    size_t len;
    const char *text = db_text(s, JOBS_LABELS, &len);

    return len > 0 ? json_loadb(text, len, 0, NULL) : json_object();
}

json_t *jobs_item_row(struct db_stmt *s, enum status_set set)
{
    return json_pack("{s:o,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "id",
                     text_to_json(s, JOBS_ID), "state",
                     job_state_name((enum job_state)db_int(s, JOBS_STATE)), "status",
                     status_to_json(s, set), "verdict", text_to_json(s, JOBS_VERDICT), "language",
                     text_to_json(s, JOBS_LANGUAGE), "submitted_at",
                     time_to_json(s, JOBS_SUBMITTED), "finished_at", time_to_json(s, JOBS_FINISHED),
                     "duration_ms", number_to_json(s, JOBS_DURATION), "cpu_time_ms",
                     number_to_json(s, JOBS_CPU), "memory_bytes", number_to_json(s, JOBS_MEMORY),
                     "tests_total", number_to_json(s, JOBS_TOTAL), "tests_passed",
                     number_to_json(s, JOBS_PASSED), "error", text_to_json(s, JOBS_ERROR),
                     "attempts", number_to_json(s, JOBS_ATTEMPTS), "labels", labels_to_json(s));
}

/* ---- items, one call each ---- */

struct item_visit {
    struct jobs *j;
    enum status_set set;
    jobs_item_fn *fn;
    void *ctx;
};

/* 1 continue, 0: fn wants no more, -1. */
static int visit_row(const struct item_visit *visit, struct db *d, struct db_stmt *s, struct err *e)
{
    struct jobs_item item = { .seq = db_int(s, JOBS_SEQ),
                              .revision = db_int(s, JOBS_REVISION),
                              .state = (enum job_state)db_int(s, JOBS_STATE),
                              .id = db_text(s, JOBS_ID, NULL) };
    int64_t position =
        item.state == JOB_QUEUED ? jobs_position(visit->j, d, db_int(s, JOBS_RANK), item.seq) : 0;
    json_auto_t *json = jobs_item_row(s, visit->set);

    if (!json || json_object_set_new(json, "position", json_integer(position)) < 0)
        return err_set(e, ERR_NOMEM, "row %lld", (long long)item.seq);
    CLEANUP(freep) char *text = json_dumps(json, JSON_COMPACT);
    if (!text)
        return err_set(e, ERR_NOMEM, "row %lld", (long long)item.seq);
    item.json = text;
    item.len = strlen(text);
    return visit->fn(visit->ctx, &item) ? 1 : 0;
}

static int visit_since(const struct item_visit *visit, struct db *d, int64_t after, int64_t limit,
                       struct err *e)
{
    int n, more = 1;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, visit->j->backend->changed_sql, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, after);
    db_bind_int(q, 2, limit);
    while (more > 0 && (n = db_step(q, e)) != 0) {
        if (n < 0)
            return -1;
        more = visit_row(visit, d, q, e);
    }
    return more < 0 ? -1 : 0;
}

static int count_changed(const struct jobs *j, struct db *d, const struct jobs_items_query *of,
                         int64_t *ret_rows, struct err *e)
{
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, j->backend->count_changed_sql, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, of->after);
    db_bind_int(q, 2, of->limit);
    if (db_step(q, e) < 0)
        return -1;
    *ret_rows = db_int(q, 0);
    return 0;
}

int jobs_items_count(struct jobs *j, int64_t after, int64_t most, int64_t *ret_rows, struct err *e)
{
    const struct jobs_items_query of = { .after = after, .limit = most };
    struct db *d = jobs_readers_acquire(&j->readers);
    int rc = count_changed(j, d, &of, ret_rows, e);
    jobs_readers_release(&j->readers, d);
    return rc;
}

int jobs_items_since(struct jobs *j, const struct jobs_items_query *q, jobs_item_fn *fn, void *ctx,
                     struct err *e)
{
    struct item_visit visit = { .j = j, .set = q->set, .fn = fn, .ctx = ctx };

    struct db *d = jobs_readers_acquire(&j->readers);
    int rc = visit_since(&visit, d, q->after, q->limit, e);
    jobs_readers_release(&j->readers, d);
    return rc;
}

static int visit_row_of(const struct item_visit *visit, struct db *d, int64_t seq, struct err *e)
{
    JOBS_SQL(select) = "SELECT " JOBS_COLUMNS " FROM job WHERE seq = ?1";
    CLEANUP(db_donep) struct db_stmt *q = jobs_select_row(d, select, seq, e);
    if (!q)
        return -1;
    return visit_row(visit, d, q, e) < 0 ? -1 : 0;
}

int jobs_item_of(struct jobs *j, int64_t seq, enum status_set set, jobs_item_fn *fn, void *ctx,
                 struct err *e)
{
    struct item_visit visit = { .j = j, .set = set, .fn = fn, .ctx = ctx };

    struct db *d = jobs_readers_acquire(&j->readers);
    int rc = visit_row_of(&visit, d, seq, e);
    jobs_readers_release(&j->readers, d);
    return rc;
}
