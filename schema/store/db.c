#include "schema/store/db.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"

#define STATEMENTS_MAX 64
#define DEADLINE_STEPS 1000 /* instructions between two checks of the deadline: microseconds */
#define BUSY_MS        5000 /* for an sqlite3 shell or a backup; our own connections never wait */

/* Page caches, in KiB. Small, because the kernel caches the file too, and the server's memory must
 * not grow with the table. */
#define WRITER_CACHE_KIB 4096
#define READER_CACHE_KIB 1024

struct db_stmt {
    sqlite3_stmt *stmt; /* owned */
    struct db *db;      /* borrowed */
    const char *sql;    /* borrowed, the key; NULL for a statement of one use */
    int bind_rc;        /* of the first bind that failed since db_done() */
};

struct db {
    sqlite3 *handle;                       /* owned */
    struct db_stmt *stmts[STATEMENTS_MAX]; /* owned */
    size_t stmts_len;
    int64_t deadline_ns; /* 0: none */
    int64_t steps;       /* of finished statements */
};

static enum err_kind error_kind(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return ERR_NOMEM;
    case SQLITE_INTERRUPT:
        return ERR_TIMEOUT;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_PERM:
    case SQLITE_NOLFS:
    case SQLITE_BUSY: /* another program holds the lock: nothing was stored, try again */
    case SQLITE_PROTOCOL:
        return ERR_DISK;
    default:
        return ERR_BUG;
    }
}

static int db_error(struct db *d, int rc, struct err *e)
{
    int number = sqlite3_system_errno(d->handle);

    if (error_kind(rc) == ERR_DISK && number != 0)
        return err_errno(e, ERR_DISK, number, "SQLite: %s", sqlite3_errmsg(d->handle));
    return err_set(e, error_kind(rc), "SQLite: %s (%d)", sqlite3_errmsg(d->handle),
                   sqlite3_extended_errcode(d->handle));
}

/* page_size and auto_vacuum must be set before WAL and before the first table; later they have no
 * effect. SQLite writes each page of a commit to the log with two calls, and for a group of thirty
 * submissions these cost more than the sync: pages of 8 KiB halve their number. secure_delete is
 * on by default in Debian and makes retention write five times as much; it protects nothing here,
 * because whoever can read the raw disk can read the live rows too.
 */
static const char writer_setup[] = "PRAGMA page_size = 8192;"
                                   "PRAGMA auto_vacuum = INCREMENTAL;"
                                   "PRAGMA journal_mode = WAL;"
                                   "PRAGMA synchronous = FULL;"
                                   "PRAGMA secure_delete = OFF;"
                                   "PRAGMA wal_autocheckpoint = 1000;"
                                   "PRAGMA journal_size_limit = 33554432;";
static const char common_setup[] = "PRAGMA foreign_keys = ON;"
                                   "PRAGMA trusted_schema = OFF;"
                                   "PRAGMA temp_store = MEMORY;"
                                   "PRAGMA mmap_size = 0;";

static int set_cache(struct db *d, enum db_mode mode, struct err *e)
{
    char sql[60];

    sqlite3_snprintf(sizeof sql, sql, "PRAGMA cache_size = -%d",
                     mode == DB_WRITER ? WRITER_CACHE_KIB : READER_CACHE_KIB);
    return db_exec(d, sql, e);
}

static int is_past_deadline(void *ctx)
{
    const struct db *d = ctx;

    return d->deadline_ns != 0 && clock_mono_ns() >= d->deadline_ns;
}

/* On a file system without shared memory (network mounts) SQLite keeps another journal mode and
 * returns no error. */
static int check_wal(struct db *d, struct err *e)
{
    CLEANUP(db_donep) struct db_stmt *q = db_prepare_once(d, "PRAGMA journal_mode", e);
    if (!q)
        return -1;
    int n = db_step(q, e);
    if (n < 0)
        return -1;
    if (n == 0 || strcmp(db_text(q, 0, NULL), "wal") != 0)
        return err_set(e, ERR_DISK, "this file system cannot hold an SQLite write-ahead log");
    return 0;
}

static int configure_connection(struct db *d, enum db_mode mode, struct err *e)
{
    (void)sqlite3_extended_result_codes(d->handle, 1);
    (void)sqlite3_busy_timeout(d->handle, BUSY_MS);
    (void)sqlite3_db_config(d->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (mode == DB_READER)
        sqlite3_progress_handler(d->handle, DEADLINE_STEPS, is_past_deadline, d);
    /* SQLite opens a file without write permission as read-only and returns no error. */
    if (mode == DB_WRITER && sqlite3_db_readonly(d->handle, "main") == 1)
        return err_set(e, ERR_DISK, "the file is read-only");
    if (mode == DB_WRITER && db_exec(d, writer_setup, e) < 0)
        return -1;
    if (db_exec(d, common_setup, e) < 0 || set_cache(d, mode, e) < 0)
        return -1;
    return check_wal(d, e);
}

/* With memory statistics SQLite locks one mutex for every allocation of every thread; we do not
 * use them. Must run before the first connection is opened. */
static void configure_library(void) { (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

int db_open(const char *path, enum db_mode mode, struct db **ret_db, struct err *e)
{
    static pthread_once_t configured = PTHREAD_ONCE_INIT;
    int flags =
        SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
        (mode == DB_WRITER ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
    CLEANUP(db_closep) struct db *d = calloc(1, sizeof *d);
    if (!d)
        return err_set(e, ERR_NOMEM, "open %s", path);

    (void)pthread_once(&configured, configure_library);
    int rc = sqlite3_open_v2(path, &d->handle, flags, NULL);
    if (!d->handle)
        return err_set(e, ERR_NOMEM, "open %s", path);
    if (rc != SQLITE_OK) {
        (void)db_error(d, rc, e);
        return err_wrap(e, "open %s", path);
    }
    if (configure_connection(d, mode, e) < 0)
        return err_wrap(e, "open %s", path);

    *ret_db = TAKE(d);
    return 0;
}

static void stmt_free(struct db_stmt *q)
{
    (void)sqlite3_finalize(q->stmt);
    free(q);
}

struct db *db_close(struct db *d)
{
    if (!d)
        return NULL;
    for (size_t i = 0; i < d->stmts_len; i++)
        stmt_free(d->stmts[i]);
    (void)sqlite3_close(d->handle);
    free(d);
    return NULL;
}

int db_exec(struct db *d, const char *sql, struct err *e)
{
    int rc = sqlite3_exec(d->handle, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : db_error(d, rc, e);
}

int db_number(struct db *d, const char *sql, int64_t *ret_number, struct err *e)
{
    CLEANUP(db_donep) struct db_stmt *q = db_prepare_once(d, sql, e);
    if (!q)
        return -1;
    int n = db_step(q, e);
    if (n < 0)
        return -1;
    *ret_number = n > 0 ? db_int(q, 0) : 0;
    return 0;
}

static int run_literal(struct db *d, const char *sql, struct err *e)
{
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, sql, e);
    return q ? db_run(q, e) : -1;
}

int db_begin(struct db *d, struct err *e)
{
    static const char sql[] = "BEGIN IMMEDIATE";
    return run_literal(d, sql, e);
}

int db_commit(struct db *d, struct err *e)
{
    static const char sql[] = "COMMIT";

    if (run_literal(d, sql, e) == 0)
        return 0;
    db_rollback(d);
    return -1;
}

void db_rollback(struct db *d)
{
    static const char sql[] = "ROLLBACK";

    /* After a failed rollback there is no transaction either: SQLite drops its pages. */
    if (!sqlite3_get_autocommit(d->handle))
        (void)run_literal(d, sql, NULL);
}

int64_t db_last_seq(struct db *d) { return sqlite3_last_insert_rowid(d->handle); }
int64_t db_changes(struct db *d) { return sqlite3_changes(d->handle); }

void db_deadline(struct db *d, int64_t ns) { d->deadline_ns = ns; }
int64_t db_steps(const struct db *d) { return d->steps; }

static struct db_stmt *stmt_new(struct db *d, const char *sql, unsigned flags, struct err *e)
{
    struct db_stmt *q = calloc(1, sizeof *q);
    if (!q) {
        (void)err_set(e, ERR_NOMEM, "SQL statement");
        return NULL;
    }

    q->db = d;
    int rc = sqlite3_prepare_v3(d->handle, sql, -1, flags, &q->stmt, NULL);
    if (rc != SQLITE_OK) {
        (void)db_error(d, rc, e);
        free(q);
        return NULL;
    }
    return q;
}

struct db_stmt *db_prepare(struct db *d, const char *sql, struct err *e)
{
    for (size_t i = 0; i < d->stmts_len; i++)
        if (d->stmts[i]->sql == sql)
            return d->stmts[i];

    if (d->stmts_len == STATEMENTS_MAX) {
        (void)err_set(e, ERR_BUG, "more than %d SQL statements", STATEMENTS_MAX);
        return NULL;
    }
    struct db_stmt *q = stmt_new(d, sql, SQLITE_PREPARE_PERSISTENT, e);
    if (!q)
        return NULL;
    q->sql = sql;
    d->stmts[d->stmts_len++] = q;
    return q;
}

struct db_stmt *db_prepare_once(struct db *d, const char *sql, struct err *e)
{
    return stmt_new(d, sql, 0, e);
}

struct db_stmt *db_done(struct db_stmt *q)
{
    if (!q)
        return NULL;
    q->db->steps += sqlite3_stmt_status(q->stmt, SQLITE_STMTSTATUS_VM_STEP, 1);
    if (!q->sql) {
        stmt_free(q);
        return NULL;
    }
    (void)sqlite3_reset(q->stmt);
    (void)sqlite3_clear_bindings(q->stmt); /* they point to memory that the caller will free */
    q->bind_rc = SQLITE_OK;
    return NULL;
}

static void keep_bind_error(struct db_stmt *q, int rc)
{
    if (q->bind_rc == SQLITE_OK)
        q->bind_rc = rc;
}

void db_bind_int(struct db_stmt *q, int n, int64_t value)
{
    keep_bind_error(q, sqlite3_bind_int64(q->stmt, n, value));
}

void db_bind_text(struct db_stmt *q, int n, const char *text)
{
    keep_bind_error(q, sqlite3_bind_text(q->stmt, n, text, -1, SQLITE_STATIC));
}

void db_bind_text_n(struct db_stmt *q, int n, const char *text, size_t len)
{
    keep_bind_error(q, sqlite3_bind_text64(q->stmt, n, text, len, SQLITE_STATIC, SQLITE_UTF8));
}

void db_bind_blob(struct db_stmt *q, int n, const void *data, size_t len)
{
    keep_bind_error(q, sqlite3_bind_blob64(q->stmt, n, len ? data : "", len, SQLITE_STATIC));
}

void db_bind_null(struct db_stmt *q, int n) { keep_bind_error(q, sqlite3_bind_null(q->stmt, n)); }

int db_step(struct db_stmt *q, struct err *e)
{
    if (q->bind_rc != SQLITE_OK)
        return db_error(q->db, q->bind_rc, e);

    int rc = sqlite3_step(q->stmt);
    if (rc == SQLITE_ROW)
        return 1;
    if (rc != SQLITE_DONE)
        (void)db_error(q->db, rc, e); /* before the reset, which may change the message */
    (void)sqlite3_reset(q->stmt);
    return rc == SQLITE_DONE ? 0 : -1;
}

int db_run(struct db_stmt *q, struct err *e)
{
    int n;

    while ((n = db_step(q, e)) > 0)
        ;
    return n;
}

int64_t db_int(struct db_stmt *q, int column) { return sqlite3_column_int64(q->stmt, column); }

bool db_is_null(struct db_stmt *q, int column)
{
    return sqlite3_column_type(q->stmt, column) == SQLITE_NULL;
}

const char *db_text(struct db_stmt *q, int column, size_t *ret_len)
{
    const unsigned char *text = sqlite3_column_text(q->stmt, column);

    if (ret_len)
        *ret_len = text ? (size_t)sqlite3_column_bytes(q->stmt, column) : 0;
    return text ? (const char *)text : "";
}

const void *db_blob(struct db_stmt *q, int column, size_t *ret_len)
{
    const void *data = sqlite3_column_blob(q->stmt, column);

    *ret_len = data ? (size_t)sqlite3_column_bytes(q->stmt, column) : 0;
    return data ? data : "";
}

const char *db_library(void) { return sqlite3_libversion(); }
