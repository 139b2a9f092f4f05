#include "schema/store/postgres/db_postgres.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/store/db.h"
#include "schema/store/postgres/db_postgres_statement.h"

#define ROLLBACK_NS (5 * NS_PER_S) /* also past the deadline of what is rolled back */

/* ---- transactions ---- */

static int postgres_exec(struct db *d, const char *sql, struct err *e)
{
    struct postgres_db *p = postgres_db_of(d);

    if (db_postgres_connection_ready(&p->c, d->deadline_ns, e) < 0)
        return -1;
    return db_postgres_connection_run(&p->c, sql, d->deadline_ns, e);
}

/* Once more when the connection turns out to have been lost while it was idle. */
static int postgres_begin(struct db *d, struct err *e)
{
    struct postgres_db *p = postgres_db_of(d);
    bool was_idle = p->c.pg && !p->c.in_transaction;
    struct err why = { 0 };

    if (postgres_exec(d, "BEGIN", &why) == 0)
        return 0;
    if (was_idle && !p->c.pg && why.kind == ERR_UNAVAILABLE)
        return postgres_exec(d, "BEGIN", e);
    return err_set(e, why.kind, "%s", why.msg);
}

static void postgres_rollback(struct db *d)
{
    struct postgres_db *p = postgres_db_of(d);

    if (p->c.pg && p->c.in_transaction)
        (void)db_postgres_connection_run(&p->c, "ROLLBACK", clock_mono_ns() + ROLLBACK_NS, NULL);
    p->c.in_transaction = false;
}

/* A server that does not know whether a replica has the transaction says so in a WARNING. */
static int check_commit(const struct postgres_db *p, PGresult *r, struct err *e)
{
    if (strcmp(PQcmdStatus(r), "COMMIT") != 0)
        return err_set(e, ERR_BUG, "PostgreSQL: COMMIT after a statement that failed");
    if (p->c.warned)
        return err_set(e, ERR_UNAVAILABLE,
                       "PostgreSQL: COMMIT with a warning; it is not known what is stored");
    return 0;
}

static int postgres_commit(struct db *d, struct err *e)
{
    struct postgres_db *p = postgres_db_of(d);
    int rc = -1;

    if (db_postgres_connection_ready(&p->c, d->deadline_ns, e) == 0) {
        p->c.warned = false;
        PGresult *r = NULL;
        if (!PQsendQuery(p->c.pg, "COMMIT"))
            (void)db_postgres_connection_lose(&p->c, e);
        else
            r = db_postgres_connection_result(&p->c, d->deadline_ns, e);
        rc = r ? check_commit(p, r, e) : err_wrap(e, "COMMIT");
        PQclear(r);
    }
    p->c.in_transaction = false;
    return rc;
}

static int64_t postgres_changes(struct db *d) { return postgres_db_of(d)->changes; }

/* ---- columns ---- */

static void postgres_bind_text(struct db_stmt *q, int n, const char *text, size_t len)
{
    db_postgres_statement_bind(q, n, text, len);
}

static int64_t read_big_endian(const unsigned char *p, int len)
{
    uint64_t n = len > 0 && (p[0] & 0x80) ? UINT64_MAX : 0;

    for (int i = 0; i < len; i++)
        n = n << 8 | p[i];
    return (int64_t)n;
}

#define TYPE_BOOL    16
#define TYPE_NUMERIC 1700
#define NUMERIC_HEAD 8

/* The sum of BIGINTs is a NUMERIC: count of digits to the base of 10000, weight of the first, sign,
 * digits behind the point; then the digits. What is behind the point is dropped. */
static int64_t read_numeric(const unsigned char *p, int len)
{
    if (len < NUMERIC_HEAD)
        return 0;
    int digits = (int)read_big_endian(p, 2), weight = (int)read_big_endian(p + 2, 2);
    int64_t n = 0;

    for (int i = 0; i <= weight && i < 5; i++) {
        int at = NUMERIC_HEAD + 2 * i;
        n = n * 10000 + (i < digits && at + 2 <= len ? read_big_endian(p + at, 2) : 0);
    }
    return read_big_endian(p + 4, 2) == 0 ? n : -n;
}

static int64_t postgres_get_int(struct db_stmt *q, int column)
{
    const struct postgres_stmt *s = postgres_stmt_of(q);
    const unsigned char *p = (const unsigned char *)PQgetvalue(s->rows, s->row, column);
    int len = PQgetlength(s->rows, s->row, column);

    return PQftype(s->rows, column) == TYPE_NUMERIC ? read_numeric(p, len)
                                                    : read_big_endian(p, len > 8 ? 8 : len);
}

static bool postgres_is_null(struct db_stmt *q, int column)
{
    const struct postgres_stmt *s = postgres_stmt_of(q);

    return PQgetisnull(s->rows, s->row, column);
}

/* libpq puts a NUL behind every value, and the value of NULL is "". */
static const char *postgres_get_text(struct db_stmt *q, int column, size_t *ret_len)
{
    const struct postgres_stmt *s = postgres_stmt_of(q);

    if (ret_len)
        *ret_len = (size_t)PQgetlength(s->rows, s->row, column);
    return PQgetvalue(s->rows, s->row, column);
}

static const void *postgres_get_blob(struct db_stmt *q, int column, size_t *ret_len)
{
    return postgres_get_text(q, column, ret_len);
}

static int postgres_insert(struct db_stmt *q, int64_t *ret_number, struct err *e)
{
    int n = db_step(q, e);

    if (n > 0)
        *ret_number = postgres_get_int(q, 0);
    return n;
}

/* ---- life ---- */

static void postgres_close(struct db *d)
{
    struct postgres_db *p = postgres_db_of(d);

    PQfreemem(p->waiting);
    PQfreemem(p->taken);
    db_postgres_connection_destroy(&p->c);
    free(p);
}

static const struct db_driver postgres_driver = {
    .close = postgres_close,
    .exec = postgres_exec,
    .begin = postgres_begin,
    .commit = postgres_commit,
    .rollback = postgres_rollback,
    .changes = postgres_changes,
    .prepare = db_postgres_statement_new,
    .finalize = db_postgres_statement_free,
    .reset = db_postgres_statement_reset,
    .bind_int = db_postgres_statement_bind_int,
    .bind_text = postgres_bind_text,
    .bind_blob = db_postgres_statement_bind,
    .step = db_postgres_statement_step,
    .insert = postgres_insert,
    .get_int = postgres_get_int,
    .is_null = postgres_is_null,
    .get_text = postgres_get_text,
    .get_blob = postgres_get_blob,
};

int db_connect(const char *url, enum db_mode mode, struct db **ret_db, struct err *e)
{
    struct postgres_db *p = calloc(1, sizeof *p);
    if (!p)
        return err_set(e, ERR_NOMEM, "PostgreSQL: a connection");

    CLEANUP(db_closep) struct db *d = &p->base;
    d->driver = &postgres_driver;
    if (db_postgres_connection_init(&p->c, url, mode == DB_READER, e) < 0 ||
        db_postgres_connection_ready(&p->c, 0, e) < 0)
        return -1;
    *ret_db = TAKE(d);
    return 0;
}

const char *db_client_library(void)
{
    static _Thread_local char text[16];

    (void)snprintf(text, sizeof text, "%d.%d", PQlibVersion() / 10000, PQlibVersion() % 10000);
    return text;
}

unsigned db_postgres_number(const struct db *d)
{
    const struct postgres_db *p = (const struct postgres_db *)d;

    return p->c.pg ? p->c.number : 0;
}

/* ---- COPY ---- */

int db_postgres_copy(struct db *d, const char *sql, const void *rows, size_t len, struct err *e)
{
    /* The signature, no flags, nothing behind them; and a row without a number of columns. */
    static const char head[19] = "PGCOPY\n\377\r\n\0", end[2] = "\377\377";
    const struct db_postgres_bytes parts[] = { { head, sizeof head },
                                               { rows, len },
                                               { end, sizeof end } };
    struct postgres_db *p = postgres_db_of(d);

    if (db_postgres_connection_ready(&p->c, d->deadline_ns, e) < 0)
        return -1;
    return db_postgres_connection_copy(&p->c, sql, parts, ARRAY_LEN(parts), d->deadline_ns, e);
}

/* ---- notifications ---- */

int db_postgres_listen(struct db *d, const char *channel, struct err *e)
{
    struct db_postgres_connection *c = &postgres_db_of(d)->c;
    char sql[sizeof c->channel + sizeof "LISTEN \"\""];

    if (strlen(channel) >= sizeof c->channel || strchr(channel, '"'))
        return err_set(e, ERR_BUG, "PostgreSQL: no name of a channel: %s", channel);
    (void)snprintf(c->channel, sizeof c->channel, "%s", channel);
    (void)snprintf(sql, sizeof sql, "LISTEN \"%s\"", channel);
    return postgres_exec(d, sql, e);
}

static int poll_for(struct postgres_db *p, struct pollfd fds[2], int timeout_ms, struct err *e)
{
    fds[0] = (struct pollfd){ .fd = PQsocket(p->c.pg), .events = POLLIN };
    int n = poll(fds, 2, timeout_ms);
    if (n < 0 && errno != EINTR)
        return err_errno(e, ERR_BUG, errno, "PostgreSQL: poll");
    if (n > 0 && fds[0].revents && !PQconsumeInput(p->c.pg))
        return db_postgres_connection_lose(&p->c, e);
    return n > 0 && fds[1].revents ? DB_POSTGRES_EXTRA : 0;
}

int db_postgres_wait(struct db *d, int extra_fd, int64_t until_ns, struct err *e)
{
    struct postgres_db *p = postgres_db_of(d);
    struct pollfd fds[2] = { [1] = { .fd = extra_fd, .events = POLLIN } };

    /* until_ns may have passed while nobody could connect. */
    if (db_postgres_connection_ready(&p->c, 0, e) < 0)
        return -1;
    for (;;) {
        if (!p->waiting)
            p->waiting = PQnotifies(p->c.pg);
        int what = p->c.rung || p->waiting ? DB_POSTGRES_RUNG : 0;
        int extra = poll_for(p, fds, what ? 0 : clock_ms_until(until_ns), e);
        if (extra < 0)
            return -1;
        p->c.rung = false;
        if (what || extra || clock_mono_ns() >= until_ns)
            return what | extra;
    }
}

bool db_postgres_next(struct db *d, const char **ret_payload)
{
    struct postgres_db *p = postgres_db_of(d);

    PQfreemem(p->taken);
    p->taken = p->waiting ? p->waiting : p->c.pg ? PQnotifies(p->c.pg) : NULL;
    p->waiting = NULL;
    if (p->taken)
        *ret_payload = p->taken->extra;
    return p->taken != NULL;
}
