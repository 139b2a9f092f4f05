/* schema/store/postgres/db_postgres_statement.h - a statement and its parameters, sent in one of
 * two ways: prepared on the server, with all rows in one answer; or by a cursor, in steps.
 *
 * Owns     the text, the answer. Texts and blobs are borrowed until the reset.
 * Threads  as the connection.
 * Errors   as db.h.
 */
#pragma once

#include "schema/store/db_driver.h"
#include "schema/store/postgres/db_postgres_connection.h"
#include "schema/store/postgres/sql_dialect.h"

struct postgres_db {
    struct db base;
    struct db_postgres_connection c;
    int64_t changes;
    unsigned names;    /* of statements and cursors on the server, that were given */
    unsigned cursors;  /* that are open */
    bool reads;        /* the transaction is that of the cursors: it ends with the last one */
    PGnotify *waiting; /* owned; received, not yet asked for */
    PGnotify *taken;   /* owned; the last that was asked for */
};

struct postgres_stmt {
    struct db_stmt base;
    char *text; /* owned; in PostgreSQL's dialect */
    unsigned number;
    unsigned prepared; /* number of the connection that it is prepared on; 0: of none */
    bool is_list;      /* its rows are fetched by a cursor */
    bool is_open;      /* the cursor is */
    int params;
    int bad_bind;                           /* a parameter that it does not have; 0: none */
    Oid types[SQL_DIALECT_PARAMS];          /* of the values; 0: the server infers it */
    Oid types_prepared[SQL_DIALECT_PARAMS]; /* what the server was given */
    const char *values[SQL_DIALECT_PARAMS];
    int lengths[SQL_DIALECT_PARAMS];
    int formats[SQL_DIALECT_PARAMS];
    uint64_t ints[SQL_DIALECT_PARAMS]; /* in network order */
    PGresult *rows;                    /* owned; NULL: not begun, or at the end */
    int row;
};

/* A struct db and a struct db_stmt are the first members of ours. */
static inline struct postgres_db *postgres_db_of(struct db *d) { return (struct postgres_db *)d; }
static inline struct postgres_stmt *postgres_stmt_of(struct db_stmt *q)
{
    return (struct postgres_stmt *)q;
}

/* As the functions of struct db_driver. */
struct db_stmt *db_postgres_statement_new(struct db *d, const char *sql, enum db_use use,
                                          struct err *e);
void db_postgres_statement_free(struct db_stmt *q);
void db_postgres_statement_reset(struct db_stmt *q);
void db_postgres_statement_bind_int(struct db_stmt *q, int n, int64_t value);
void db_postgres_statement_bind(struct db_stmt *q, int n, const void *data, size_t len);
NODISCARD int db_postgres_statement_step(struct db_stmt *q, struct err *e);
