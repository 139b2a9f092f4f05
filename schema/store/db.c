#include "schema/store/db.h"

#include <string.h>

#include "schema/base/err.h"
#include "schema/store/db_driver.h"

struct db *db_close(struct db *d)
{
    if (!d)
        return NULL;
    for (size_t i = 0; i < d->stmts_len; i++) {
        d->driver->reset(d->stmts[i]);
        d->driver->finalize(d->stmts[i]);
    }
    d->driver->close(d);
    return NULL;
}

int db_exec(struct db *d, const char *sql, struct err *e) { return d->driver->exec(d, sql, e); }

int db_number(struct db *d, const char *sql, int64_t *ret_number, struct err *e)
{
    CLEANUP(db_donep) struct db_stmt *q = d->driver->prepare(d, sql, DB_ONCE, e);
    if (!q)
        return -1;
    int n = db_step(q, e);
    if (n < 0)
        return -1;
    *ret_number = n > 0 ? db_int(q, 0) : 0;
    return 0;
}

int db_begin(struct db *d, struct err *e) { return d->driver->begin(d, e); }

int db_commit(struct db *d, struct err *e) { return d->driver->commit(d, e); }

void db_rollback(struct db *d) { d->driver->rollback(d); }

int64_t db_changes(struct db *d) { return d->driver->changes(d); }

void db_deadline(struct db *d, int64_t ns) { d->deadline_ns = ns; }

int64_t db_steps(const struct db *d) { return d->steps; }

struct db_stmt *db_prepare(struct db *d, const char *sql, struct err *e)
{
    for (size_t i = 0; i < d->stmts_len; i++)
        if (d->stmts[i]->sql == sql)
            return d->stmts[i];

    if (d->stmts_len == DB_STATEMENTS_MAX) {
        (void)err_set(e, ERR_BUG, "more than %d SQL statements", DB_STATEMENTS_MAX);
        return NULL;
    }
    struct db_stmt *q = d->driver->prepare(d, sql, DB_KEPT, e);
    if (!q)
        return NULL;
    q->sql = sql;
    d->stmts[d->stmts_len++] = q;
    return q;
}

struct db_stmt *db_prepare_once(struct db *d, const char *sql, struct err *e)
{
    return d->driver->prepare(d, sql, DB_LIST, e);
}

struct db_stmt *db_done(struct db_stmt *q)
{
    if (!q)
        return NULL;
    q->driver->reset(q);
    if (!q->sql)
        q->driver->finalize(q);
    return NULL;
}

void db_bind_int(struct db_stmt *q, int n, int64_t value) { q->driver->bind_int(q, n, value); }

void db_bind_text(struct db_stmt *q, int n, const char *text)
{
    q->driver->bind_text(q, n, text, text ? strlen(text) : 0);
}

void db_bind_text_n(struct db_stmt *q, int n, const char *text, size_t len)
{
    q->driver->bind_text(q, n, text, len);
}

void db_bind_blob(struct db_stmt *q, int n, const void *data, size_t len)
{
    q->driver->bind_blob(q, n, len ? data : "", len);
}

void db_bind_null(struct db_stmt *q, int n) { q->driver->bind_text(q, n, NULL, 0); }

int db_step(struct db_stmt *q, struct err *e) { return q->driver->step(q, e); }

int db_run(struct db_stmt *q, struct err *e)
{
    int n;

    while ((n = db_step(q, e)) > 0)
        ;
    return n;
}

int db_insert(struct db_stmt *q, int64_t *ret_number, struct err *e)
{
    return q->driver->insert(q, ret_number, e);
}

int64_t db_int(struct db_stmt *q, int column) { return q->driver->get_int(q, column); }

bool db_is_null(struct db_stmt *q, int column) { return q->driver->is_null(q, column); }

const char *db_text(struct db_stmt *q, int column, size_t *ret_len)
{
    return q->driver->get_text(q, column, ret_len);
}

const void *db_blob(struct db_stmt *q, int column, size_t *ret_len)
{
    return q->driver->get_blob(q, column, ret_len);
}
