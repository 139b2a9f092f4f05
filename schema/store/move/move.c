#include "schema/store/move/move.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/err.h"
#include "schema/store/db.h"
#include "schema/store/move/move_copy.h"
#include "schema/store/move/move_side.h"
#include "schema/store/postgres/db_postgres_url.h"
#include "schema/store/postgres/postgres_move.h"
#include "schema/store/sqlite/sqlite_move.h"

/* ---- the sides ---- */

static const char file_scheme[] = "sqlite:";

static int read_address(const char *address, struct move_side *s, struct err *e)
{
    *s = (struct move_side){ .lock_fd = -1 };
    if (strncmp(address, file_scheme, sizeof file_scheme - 1) == 0) {
        s->kind = &sqlite_move_kind;
        s->place = address + sizeof file_scheme - 1;
        (void)snprintf(s->shown, sizeof s->shown, "%s", address);
        return *s->place ? 0 : err_set(e, ERR_SETTING, "sqlite: needs a directory behind it");
    }
    if (strncmp(address, "postgres", 8) != 0)
        return err_set(e, ERR_SETTING, "an address is sqlite:DIRECTORY or postgres://...");
    if (db_postgres_url_check(address, e) < 0)
        return -1;
    s->kind = &postgres_move_kind;
    s->place = address;
    db_postgres_url_show(address, s->shown, sizeof s->shown);
    return 0;
}

/* The same directory has one name, however it was written; once it is there. */
static void show_whole_path(struct move_side *s)
{
    char whole[PATH_MAX];

    if (!s->kind->of_postgres && realpath(s->place, whole))
        (void)snprintf(s->shown, sizeof s->shown, "%s%.*s", file_scheme,
                       (int)(sizeof s->shown - sizeof file_scheme), whole);
}

static void end_side(struct move_side *s)
{
    if (s->kind)
        s->kind->close(s);
    for (size_t i = 0; i < MOVE_TABLES; i++) {
        free(s->select[i]);
        free(s->last[i]);
        free(s->insert[i]);
    }
}

struct moving {
    const struct move_config *config; /* borrowed */
    struct move_side from, to;
    char source_id[MOVE_MARK_SIZE];
};

static int open_from(struct moving *m, struct err *e)
{
    struct move_side *s = &m->from;

    if (s->kind->open_source(s, e) < 0)
        return err_wrap(e, "%.150s", s->shown);
    show_whole_path(s);
    if (move_mark_read(s->db, MOVE_MARK_TABLE, m->source_id, e) < 0)
        return err_wrap(e, "%.150s", s->shown);
    return m->source_id[0]
               ? 0
               : err_set(e, ERR_SETTING, "%.150s: no server ever worked on it", s->shown);
}

static int refuse_moved(const struct moving *m, struct err *e)
{
    return err_set(e, ERR_SETTING, "%.150s: its submissions have moved to %.150s already",
                   m->from.shown, m->from.away);
}

/* Of a source that has moved away, only the end of the move to the same target may be missing. */
static int open_to(struct moving *m, struct err *e)
{
    struct move_side *s = &m->to;

    show_whole_path(s);
    if (m->from.away[0] && strcmp(m->from.away, s->shown) != 0)
        return refuse_moved(m, e);
    if (s->kind->open_target(s, m->source_id, m->from.away[0] != 0, e) < 0)
        return m->from.away[0] && e->kind == ERR_SETTING ? refuse_moved(m, e)
                                                         : err_wrap(e, "%.150s", s->shown);
    show_whole_path(s);
    return 0;
}

/* ---- rows ---- */

static void tell_copied(void *ctx, size_t table, int64_t rows)
{
    const struct move_config *c = ((const struct moving *)ctx)->config;

    c->progress(c->progress_ctx, move_table_all[table].has_rows_of, rows, false);
}

static int compare_table(struct moving *m, size_t table, int64_t *ret_rows, struct err *e)
{
    unsigned char source[MOVE_COPY_HASH], target[MOVE_COPY_HASH];
    const struct move_table *t = &move_table_all[table];
    int64_t rows;

    if (move_copy_hash(&m->from, table, &rows, source, e) < 0 ||
        move_copy_hash(&m->to, table, ret_rows, target, e) < 0)
        return -1;
    if (rows != *ret_rows || memcmp(source, target, sizeof source) != 0)
        return err_set(e, ERR_CONFLICT,
                       "%s: %lld rows in the source and %lld in the target are not the same: "
                       "somebody has worked on one of them since the move began; empty the target "
                       "and begin again",
                       t->name, (long long)rows, (long long)*ret_rows);
    m->config->progress(m->config->progress_ctx, t->has_rows_of, rows, true);
    return 0;
}

static int copy_tables(struct moving *m, struct err *e)
{
    const struct move_copy_progress p = { .fn = tell_copied, .ctx = m };

    for (size_t i = 0; i < MOVE_TABLES; i++)
        if (move_copy_rows(&m->from, &m->to, i, &p, e) < 0)
            return -1;
    return 0;
}

static int64_t *count_of(struct move_result *r, const char *table)
{
    return strcmp(table, "job") == 0      ? &r->submissions
           : strcmp(table, "report") == 0 ? &r->reports
           : strcmp(table, "text") == 0   ? &r->texts
           : strcmp(table, "intake") == 0 ? &r->messages
                                          : NULL;
}

static int compare_tables(struct moving *m, struct move_result *r, struct err *e)
{
    int64_t rows = 0;

    for (size_t i = 0; i < MOVE_TABLES; i++) {
        int64_t *result = count_of(r, move_table_all[i].name);
        if (compare_table(m, i, &rows, e) < 0)
            return -1;
        if (result)
            *result = rows;
    }
    return 0;
}

/* ---- the move ---- */

static int move_tables(struct moving *m, struct move_result *r, struct err *e)
{
    int64_t outbox = 0;

    if (open_from(m, e) < 0 || open_to(m, e) < 0)
        return -1;
    if (!m->from.away[0] && copy_tables(m, e) < 0)
        return -1;
    if (compare_tables(m, r, e) < 0 || m->from.kind->last_outbox(&m->from, &outbox, e) < 0)
        return -1;
    if (!m->from.away[0] && m->from.kind->mark_away(&m->from, m->to.shown, e) < 0)
        return -1;
    (void)snprintf(r->source, sizeof r->source, "%s", m->from.shown);
    (void)snprintf(r->target, sizeof r->target, "%s", m->to.shown);
    return m->to.kind->finish(&m->to, outbox, e);
}

int move_run(const struct move_config *c, struct move_result *ret_result, struct err *e)
{
    struct moving m = { .config = c };
    struct move_result r = { 0 };
    int rc = -1;

    if (read_address(c->source, &m.from, e) < 0)
        (void)err_wrap(e, "the source");
    else if (read_address(c->target, &m.to, e) < 0)
        (void)err_wrap(e, "the target");
    else
        rc = 0;
    m.from.lease_timeout_ms = m.to.lease_timeout_ms = c->lease_timeout_ms;
    if (rc == 0)
        rc = move_tables(&m, &r, e);
    end_side(&m.to);
    end_side(&m.from);
    if (rc == 0)
        *ret_result = r;
    return rc;
}
