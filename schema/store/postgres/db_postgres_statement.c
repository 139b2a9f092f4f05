#include "schema/store/postgres/db_postgres_statement.h"

#include <endian.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"

#define TYPE_INT8 20
#define LIST_ROWS 256            /* of a list in one answer */
#define END_NS    (5 * NS_PER_S) /* for the end of a cursor, also past the deadline of its rows */
/* To the server a transaction is idle until the whole of the next statement has come. */
#define LARGE       (1 * MIB)
#define SLOWEST_BPS (4 * MIB)
#define IDLE_MS     1000 /* of every session: db_postgres_connection.c */

static bool is_select(const char *sql)
{
    sql += strspn(sql, " \n\t");
    return strncmp(sql, "SELECT", 6) == 0 || strncmp(sql, "WITH", 4) == 0;
}

struct db_stmt *db_postgres_statement_new(struct db *d, const char *sql, enum db_use use,
                                          struct err *e)
{
    struct postgres_stmt *s = calloc(1, sizeof *s);
    if (!s) {
        (void)err_set(e, ERR_NOMEM, "SQL statement");
        return NULL;
    }
    s->base = (struct db_stmt){ .driver = d->driver, .db = d };
    s->is_list = use == DB_LIST && is_select(sql);
    if (sql_dialect(sql, &s->text, &s->params, e) < 0) {
        free(s);
        return NULL;
    }
    return &s->base;
}

void db_postgres_statement_free(struct db_stmt *q)
{
    free(postgres_stmt_of(q)->text);
    free(q);
}

/* ---- parameters ---- */

static void bind(struct postgres_stmt *s, int n, Oid type, const void *data, size_t len)
{
    if (n < 1 || n > s->params || len > INT_MAX) {
        s->bad_bind = n;
        return;
    }
    s->types[n - 1] = type;
    s->values[n - 1] = data;
    s->lengths[n - 1] = (int)len;
    s->formats[n - 1] = 1; /* binary */
}

void db_postgres_statement_bind_int(struct db_stmt *q, int n, int64_t value)
{
    struct postgres_stmt *s = postgres_stmt_of(q);
    uint64_t *place = &s->ints[n < 1 || n > s->params ? 0 : n - 1];

    *place = htobe64((uint64_t)value);
    bind(s, n, TYPE_INT8, place, sizeof *place);
}

void db_postgres_statement_bind(struct db_stmt *q, int n, const void *data, size_t len)
{
    bind(postgres_stmt_of(q), n, 0, data, len);
}

/* ---- all rows in one answer ---- */

/* A value of NULL has no type and goes with every one. */
static bool has_prepared_types(const struct postgres_stmt *s)
{
    for (int i = 0; i < s->params; i++)
        if (s->values[i] && s->types[i] != s->types_prepared[i])
            return false;
    return true;
}

/* It is prepared when the types of its values are known, on each connection, and again when they
 * change (at first a NULL, later a number), under a new name each time. */
static int prepare_on_server(struct postgres_db *p, struct postgres_stmt *s, const char *name,
                             struct err *e)
{
    memcpy(s->types_prepared, s->types, sizeof s->types_prepared);
    if (!PQsendPrepare(p->c.pg, name, s->text, s->params, s->types))
        return db_postgres_connection_lose(&p->c, e);
    PGresult *r = db_postgres_connection_result(&p->c, p->base.deadline_ns, e);
    if (!r)
        return -1;
    PQclear(r);
    s->prepared = p->c.number;
    return 0;
}

/* Large values get time to be sent, for the rest of the transaction. */
static int allow_to_send(struct postgres_db *p, const struct postgres_stmt *s, struct err *e)
{
    char sql[100];
    int64_t bytes = 0;

    for (int i = 0; i < s->params; i++)
        bytes += s->values[i] ? s->lengths[i] : 0;
    if (bytes < LARGE || !p->c.in_transaction)
        return 0;
    (void)snprintf(sql, sizeof sql, "SET LOCAL idle_in_transaction_session_timeout = %lld",
                   (long long)(IDLE_MS + bytes * 1000 / SLOWEST_BPS));
    return db_postgres_connection_run(&p->c, sql, p->base.deadline_ns, e);
}

static PGresult *run_prepared(struct postgres_db *p, struct postgres_stmt *s, struct err *e)
{
    char name[16];
    bool is_new = s->prepared != p->c.number || !has_prepared_types(s);

    if (is_new)
        s->number = ++p->names;
    (void)snprintf(name, sizeof name, "s%u", s->number);
    if ((is_new && prepare_on_server(p, s, name, e) < 0) || allow_to_send(p, s, e) < 0)
        return NULL;
    if (!PQsendQueryPrepared(p->c.pg, name, s->params, s->values, s->lengths, s->formats, 1)) {
        (void)db_postgres_connection_lose(&p->c, e);
        return NULL;
    }
    PGresult *r = db_postgres_connection_result(&p->c, p->base.deadline_ns, e);
    if (!r && strcmp(p->c.sqlstate, "0A000") == 0)
        s->prepared = 0; /* its table has changed */
    return r;
}

/* As SQLite counts: a SELECT leaves the number as it is. */
static void count_changes(struct postgres_db *p, PGresult *r)
{
    const char *tag = PQcmdStatus(r);

    if (strncmp(tag, "INSERT", 6) == 0 || strncmp(tag, "UPDATE", 6) == 0 ||
        strncmp(tag, "DELETE", 6) == 0)
        p->changes = strtoll(PQcmdTuples(r), NULL, 10);
}

/* ---- rows by a cursor ---- */

static bool send_text(struct postgres_db *p, const char *sql)
{
    return PQsendQueryParams(p->c.pg, sql, 0, NULL, NULL, NULL, NULL, 1);
}

/* In one message to the server: the cursor and its first rows, in a transaction of its own if there
 * is none. */
static bool send_cursor(struct postgres_db *p, struct postgres_stmt *s, const char *declare)
{
    char fetch[48];

    (void)snprintf(fetch, sizeof fetch, "FETCH %d FROM c%u", LIST_ROWS, s->number);
    return PQenterPipelineMode(p->c.pg) && (!p->reads || send_text(p, "BEGIN READ ONLY")) &&
           PQsendQueryParams(p->c.pg, declare, s->params, s->types, s->values, s->lengths,
                             s->formats, 1) &&
           send_text(p, fetch) && PQpipelineSync(p->c.pg);
}

static void close_cursor(struct postgres_db *p, struct postgres_stmt *s)
{
    char sql[24];
    int64_t until = p->base.deadline_ns ? clock_mono_ns() + END_NS : 0;
    bool is_last = --p->cursors == 0 && p->reads;

    s->is_open = false;
    (void)snprintf(sql, sizeof sql, is_last ? "COMMIT" : "CLOSE c%u", s->number);
    /* Nothing is stored, and the rows are read: a failure here is the next statement's. */
    if (p->c.pg && p->c.in_transaction)
        (void)db_postgres_connection_run(&p->c, sql, until, NULL);
    if (is_last)
        p->reads = p->c.in_transaction = false;
}

static PGresult *open_cursor(struct postgres_db *p, struct postgres_stmt *s, struct err *e)
{
    CLEANUP(freep) char *declare = NULL;
    PGresult *r = NULL;

    s->number = ++p->names;
    if (asprintf(&declare, "DECLARE c%u NO SCROLL CURSOR FOR %s", s->number, s->text) < 0) {
        declare = NULL;
        (void)err_set(e, ERR_NOMEM, "SQL statement");
        return NULL;
    }
    if (!p->c.in_transaction)
        p->reads = true;
    p->cursors++;
    s->is_open = true;
    if (!send_cursor(p, s, declare))
        (void)db_postgres_connection_lose(&p->c, e);
    else
        r = db_postgres_connection_result(&p->c, p->base.deadline_ns, e);
    if (p->c.pg)
        (void)PQexitPipelineMode(p->c.pg);
    if (!r)
        close_cursor(p, s);
    return r;
}

static PGresult *fetch_more(struct postgres_db *p, const struct postgres_stmt *s, struct err *e)
{
    char sql[48];

    (void)snprintf(sql, sizeof sql, "FETCH %d FROM c%u", LIST_ROWS, s->number);
    if (db_postgres_connection_ready(&p->c, p->base.deadline_ns, e) < 0)
        return NULL;
    if (!send_text(p, sql)) {
        (void)db_postgres_connection_lose(&p->c, e);
        return NULL;
    }
    return db_postgres_connection_result(&p->c, p->base.deadline_ns, e);
}

/* ---- both ---- */

/* A read outside a transaction is repeated once when the connection turns out to have been lost
 * while it was idle: the database was started anew, and nobody has to notice. */
static int start(struct postgres_db *p, struct postgres_stmt *s, struct err *e)
{
    struct err why = { 0 };
    bool again;

    if (s->bad_bind)
        return err_set(e, ERR_BUG, "SQL: no parameter %d, or too large: %.80s", s->bad_bind,
                       s->text);
    do {
        again = p->c.pg && p->c.read_only && !p->c.in_transaction;
        if (db_postgres_connection_ready(&p->c, p->base.deadline_ns, &why) == 0)
            s->rows = s->is_list ? open_cursor(p, s, &why) : run_prepared(p, s, &why);
    } while (!s->rows && again && !p->c.pg && why.kind == ERR_UNAVAILABLE);
    if (!s->rows)
        return err_set(e, why.kind, "%s", why.msg);
    s->row = 0;
    count_changes(p, s->rows);
    return 0;
}

static void end(struct postgres_db *p, struct postgres_stmt *s)
{
    PQclear(s->rows);
    s->rows = NULL;
    if (s->is_open)
        close_cursor(p, s);
}

int db_postgres_statement_step(struct db_stmt *q, struct err *e)
{
    struct postgres_stmt *s = postgres_stmt_of(q);
    struct postgres_db *p = postgres_db_of(q->db);

    if (s->rows)
        s->row++;
    else if (start(p, s, e) < 0)
        return -1;
    if (s->row < PQntuples(s->rows))
        return 1;
    if (s->is_open && s->row == LIST_ROWS) {
        PQclear(s->rows);
        s->rows = fetch_more(p, s, e);
        s->row = 0;
        if (s->rows && PQntuples(s->rows) > 0)
            return 1;
    }
    int rc = s->rows ? 0 : -1;
    end(p, s);
    return rc;
}

void db_postgres_statement_reset(struct db_stmt *q)
{
    struct postgres_stmt *s = postgres_stmt_of(q);

    end(postgres_db_of(q->db), s);
    for (int i = 0; i < s->params; i++) {
        s->values[i] = NULL;
        s->types[i] = 0;
    }
    s->bad_bind = 0;
}
