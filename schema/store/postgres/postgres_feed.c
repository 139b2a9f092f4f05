#include "schema/store/postgres/postgres_feed.h"

#include <inttypes.h>
#include <string.h>

#include "schema/base/buf.h"
#include "schema/store/jobs_table.h"

_Static_assert(POSTGRES_FEED_ROWS <= JOBS_GROUP_OPS, "they are read into a group");

/* ---- write ---- */

/* A string constant; standard_conforming_strings is on in each of our sessions. */
static int add_text(struct buf *sql, const char *text)
{
    if (buf_add(sql, "'", 1) < 0)
        return -1;
    for (const char *at = text; *at; at++)
        if (buf_add(sql, *at == '\'' ? "''" : at, *at == '\'' ? 2 : 1) < 0)
            return -1;
    return buf_add(sql, "'", 1);
}

static int add_change(struct buf *sql, const struct jobs_group *g, size_t i)
{
    const struct jobs_change *c = &g->changes[i];
    const char *id = g->ids.data + g->id_at[i];

    if (buf_printf(sql, "%s(%" PRId64 "::bigint, ", i == 0 ? "" : ", ", c->seq) < 0 ||
        add_text(sql, id) < 0 ||
        buf_printf(sql, ", %" PRId64 "::bigint, %d, %d, %d, ", c->claim, c->was, (int)c->state,
                   c->returned ? 1 : 0) < 0)
        return -1;
    if (c->language ? add_text(sql, id + strlen(id) + 1) : buf_printf(sql, "NULL::text") < 0)
        return -1;
    return buf_printf(sql,
                      ", %d, %d, %" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 ")",
                      (int)c->verdict, c->judged ? 1 : 0, c->total_ms, c->queue_ms, c->build_ms,
                      c->run_ms, c->rank);
}

static int write_changes(struct buf *sql, const struct jobs_group *g)
{
    if (g->len > 0 &&
        buf_printf(sql, "INSERT INTO feed(seq, id, claim, was, state, returned, language, verdict,"
                        " judged, total_ms, queue_ms, build_ms, run_ms, rank, created_ms)"
                        " SELECT v.*, " POSTGRES_FEED_NOW_MS " FROM (VALUES ") < 0)
        return -1;
    for (size_t i = 0; i < g->len; i++)
        if (add_change(sql, g, i) < 0)
            return -1;
    return buf_printf(sql, "%sCOMMIT", g->len > 0 ? ") AS v;" : "");
}

int postgres_feed_commit(struct db *d, const struct jobs_group *g, struct err *e)
{
    CLEANUP(buf_clear) struct buf sql = { 0 };

    if (write_changes(&sql, g) < 0)
        return err_set(e, ERR_NOMEM, "the change feed");
    return db_exec(d, sql.data, e);
}

/* ---- number ---- */

int postgres_feed_number(struct db *d, int64_t *decided, int64_t *ret_numbered, struct err *e)
{
    JOBS_SQL(number) = "SELECT numbered, decided FROM number_changes(?1)";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, number, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, *decided);
    if (db_step(q, e) <= 0)
        return -1;
    *ret_numbered = db_int(q, 0);
    *decided = db_int(q, 1);
    return 0;
}

int postgres_feed_unnumbered(struct db *d, int64_t moved[JOB_STATE_COUNT], struct err *e)
{
    JOBS_SQL(select) = "SELECT was, state, count(*) FROM feed WHERE number IS NULL"
                       " GROUP BY was, state";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    int n;

    memset(moved, 0, JOB_STATE_COUNT * sizeof *moved);
    if (!q)
        return -1;
    while ((n = db_step(q, e)) > 0) {
        int64_t was = db_int(q, 0), rows = db_int(q, 2);
        if (was >= 0 && was < JOB_STATE_COUNT)
            moved[was] -= rows;
        moved[db_int(q, 1)] += rows;
    }
    return n;
}

/* ---- read ---- */

static int read_change(struct db_stmt *q, struct jobs_group *g, struct err *e)
{
    const char *id = db_text(q, 2, NULL), *language = db_text(q, 6, NULL);
    bool has_language = !db_is_null(q, 6);
    int was = (int)db_int(q, 3);
    struct jobs_change *c = &g->changes[g->len];

    *c = (struct jobs_change){ .seq = db_int(q, 1),
                               .claim = db_int(q, 13),
                               .rank = db_int(q, 14),
                               .was = was,
                               .state = (enum job_state)db_int(q, 4),
                               .returned = db_int(q, 5) != 0,
                               .revision = db_int(q, 0),
                               .language = has_language ? "" : NULL,
                               .verdict = (enum verdict)db_int(q, 7),
                               .judged = db_int(q, 8) != 0,
                               .total_ms = db_int(q, 9),
                               .queue_ms = db_int(q, 10),
                               .build_ms = db_int(q, 11),
                               .run_ms = db_int(q, 12) };
    g->id_at[g->len] = g->ids.len;
    if (buf_add(&g->ids, id, strlen(id) + 1) < 0 ||
        (has_language && buf_add(&g->ids, language, strlen(language) + 1) < 0))
        return err_set(e, ERR_NOMEM, "the change feed");
    g->len++;
    if (was >= 0 && was < JOB_STATE_COUNT)
        g->moved[was]--;
    g->moved[c->state]++;
    return 0;
}

int postgres_feed_read(struct db *d, int64_t after, struct jobs_group *g, int64_t *ret_last,
                       struct err *e)
{
    JOBS_SQL(select) =
        "SELECT number, seq, id, was, state, returned, language, verdict, judged,"
        " total_ms, queue_ms, build_ms, run_ms, claim, rank FROM feed WHERE number > ?1"
        " ORDER BY number LIMIT ?2";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    int n;

    *ret_last = after;
    g->len = g->ids.len = 0;
    memset(g->moved, 0, sizeof g->moved);
    if (!q)
        return -1;
    db_bind_int(q, 1, after);
    db_bind_int(q, 2, POSTGRES_FEED_ROWS);
    while ((n = db_step(q, e)) > 0) {
        if (read_change(q, g, e) < 0)
            return -1;
        *ret_last = db_int(q, 0);
    }
    return n;
}
