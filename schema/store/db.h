/* schema/store/db.h - the SQL that the job table uses, of SQLite and of PostgreSQL.
 *
 *     CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, "SELECT a FROM t WHERE b = ?1", e);
 *     if (!q)
 *         return -1;
 *     db_bind_int(q, 1, 5);
 *     while ((n = db_step(q, e)) > 0)
 *         use(db_int(q, 0));
 *
 * Statements are written in SQLite's dialect; postgres/sql_dialect.h says what becomes of them.
 *
 * Owns     one connection and the statements prepared on it, until db_close().
 * Threads  a connection and its statements belong to one thread at a time.
 * Errors   ERR_DISK for a disk that is full, read-only or failing, and for a damaged file;
 *          ERR_NOMEM; ERR_TIMEOUT past db_deadline(); ERR_BUG for all that only a mistake of ours
 *          can cause. Of PostgreSQL also: ERR_UNAVAILABLE, it is not there, only reads, or the
 *          connection was lost; ERR_AGAIN, another transaction came in between; ERR_SETTING, it
 *          does not let us in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

struct db;
struct db_stmt;
struct err;

enum db_mode {
    DB_WRITER, /* durable at commit; SQLite's file is created if it does not exist */
    DB_READER, /* read-only; SQLite's file must exist and be in WAL mode */
    DB_BACKUP  /* read-only, SQLite; a file that nobody else has open, in any mode */
};

/* The versions of SQLite, and of PostgreSQL's client library. Borrowed, static (of this thread). */
const char *db_library(void);
const char *db_client_library(void);

/* SQLite. On success the caller owns *ret_db. */
NODISCARD int db_open(const char *path, enum db_mode mode, struct db **ret_db, struct err *e);

/* PostgreSQL, postgres://...; copied, and in no message. A connection that is lost is made again by
 * the next db_begin() or the first statement outside a transaction. On success the caller owns
 * *ret_db. */
NODISCARD int db_connect(const char *url, enum db_mode mode, struct db **ret_db, struct err *e);

/* Finalizes all statements. Takes NULL, returns NULL. */
struct db *db_close(struct db *d);
DEFINE_CLEANUP(struct db, db_close)

/* Runs every statement of a text, ignoring rows. PostgreSQL is sent the text as it is. */
NODISCARD int db_exec(struct db *d, const char *sql, struct err *e);

/* The first column of the first row, for PRAGMAs and counts; 0 when there is no row. */
NODISCARD int db_number(struct db *d, const char *sql, int64_t *ret_number, struct err *e);

/* SQLite takes the write lock at once, so no later statement finds the table busy; PostgreSQL's
 * transactions are READ COMMITTED. There is no transaction after db_commit(), whatever it returns.
 * When it fails nothing is stored, except with ERR_UNAVAILABLE and ERR_TIMEOUT, which only
 * PostgreSQL returns: then it is not known. */
NODISCARD int db_begin(struct db *d, struct err *e);
NODISCARD int db_commit(struct db *d, struct err *e);
/* May be called when there is no transaction any more (disk full, connection lost). */
void db_rollback(struct db *d);

/* SQLite: copies all as it is at this moment to a file that is there and empty, page by page, while
 * others write. It has no write-ahead log; it is not synced. */
NODISCARD int db_copy(struct db *d, const char *file, struct err *e);

int64_t db_changes(struct db *d); /* rows of the last INSERT, UPDATE or DELETE */

/* What has not finished by this time (clock_mono_ns()) fails with ERR_TIMEOUT; 0: no deadline.
 * SQLite's readers have it, and every connection to PostgreSQL, which is closed then. */
void db_deadline(struct db *d, int64_t ns);

/* Instructions of SQLite's virtual machine that the finished statements executed: the cost of a
 * read, independent of the host's load. PostgreSQL: 0. */
int64_t db_steps(const struct db *d);

/* ---- statements ---- */

/* A statement that the connection caches. sql must be a literal: its address is the cache key.
 * Borrowed; end each use with db_done(). */
struct db_stmt *db_prepare(struct db *d, const char *sql, struct err *e);

/* A statement for one use; db_done() frees it. sql is borrowed for the call. For lists: PostgreSQL
 * sends the rows of a SELECT in steps, in a transaction for reading if there is no other, so a
 * caller may end early and has not paid for the rest. */
struct db_stmt *db_prepare_once(struct db *d, const char *sql, struct err *e);

/* Ends a use. An unfinished SELECT keeps its snapshot open, and the write-ahead log cannot be
 * truncated while it is. Takes NULL, returns NULL. */
struct db_stmt *db_done(struct db_stmt *q);
DEFINE_CLEANUP(struct db_stmt, db_done)

/* Parameters are numbered from 1. Texts and blobs are borrowed until db_done(). db_step() returns
 * the first failure. PostgreSQL must be able to tell the type of a parameter that is NULL from
 * where it stands: not in "?1 IS NULL". */
void db_bind_int(struct db_stmt *q, int n, int64_t value);
void db_bind_text(struct db_stmt *q, int n, const char *text); /* NULL binds NULL */
void db_bind_text_n(struct db_stmt *q, int n, const char *text, size_t len);
void db_bind_blob(struct db_stmt *q, int n, const void *data, size_t len);
void db_bind_null(struct db_stmt *q, int n);

/* 1: there is a row; 0: done, the statement can take new parameters; -1 with *e filled. */
NODISCARD int db_step(struct db_stmt *q, struct err *e);

/* Steps to the end and ignores rows. */
NODISCARD int db_run(struct db_stmt *q, struct err *e);

/* Runs an INSERT of one row whose number the database gives: 1 inserted, with its number; 0: there
 * was a conflict and ON CONFLICT DO NOTHING; -1. The text ends with RETURNING and the number in a
 * comment for PostgreSQL: SQLite knows the number without, and makes a table for what is returned.
 */
NODISCARD int db_insert(struct db_stmt *q, int64_t *ret_number, struct err *e);

/* Columns of the current row, from 0. Texts and blobs are borrowed until the next step. */
int64_t db_int(struct db_stmt *q, int column);
bool db_is_null(struct db_stmt *q, int column);
const char *db_text(struct db_stmt *q, int column, size_t *ret_len); /* "" for NULL */
const void *db_blob(struct db_stmt *q, int column, size_t *ret_len); /* never NULL */
