#include "schema/store/db.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/store/db_driver.h"

#define DEADLINE_STEPS 1000 /* instructions between two checks of the deadline: microseconds */
#define BUSY_MS        5000 /* for an sqlite3 shell or a backup; our own connections never wait */

/* Page caches, in KiB. Small, because the kernel caches the file too, and the server's memory must
 * not grow with the table. */
#define WRITER_CACHE_KIB 4096
#define READER_CACHE_KIB 1024

struct sqlite_stmt {
    struct db_stmt base;
    sqlite3_stmt *stmt; /* owned */
    int bind_rc;        /* of the first bind that failed since the last reset */
};

struct sqlite_db {
    struct db base;
    sqlite3 *handle; /* owned */
};

static struct sqlite_db *sqlite_of(struct db *d) { return (struct sqlite_db *)d; }
static struct sqlite_stmt *sqlite_stmt_of(struct db_stmt *q) { return (struct sqlite_stmt *)q; }

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
    sqlite3 *handle = sqlite_of(d)->handle;
    int number = sqlite3_system_errno(handle);

    if (error_kind(rc) == ERR_DISK && number != 0)
        return err_errno(e, ERR_DISK, number, "SQLite: %s", sqlite3_errmsg(handle));
    return err_set(e, error_kind(rc), "SQLite: %s (%d)", sqlite3_errmsg(handle),
                   sqlite3_extended_errcode(handle));
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
    sqlite3 *handle = sqlite_of(d)->handle;

    (void)sqlite3_extended_result_codes(handle, 1);
    (void)sqlite3_busy_timeout(handle, BUSY_MS);
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (mode != DB_WRITER)
        sqlite3_progress_handler(handle, DEADLINE_STEPS, is_past_deadline, d);
    /* SQLite opens a file without write permission as read-only and returns no error. */
    if (mode == DB_WRITER && sqlite3_db_readonly(handle, "main") == 1)
        return err_set(e, ERR_DISK, "the file is read-only");
    if (mode == DB_WRITER && db_exec(d, writer_setup, e) < 0)
        return -1;
    if (db_exec(d, common_setup, e) < 0 || set_cache(d, mode, e) < 0)
        return -1;
    return mode == DB_BACKUP ? 0 : check_wal(d, e);
}

/* With memory statistics SQLite locks one mutex for every allocation of every thread; we do not
 * use them. Must run before the first connection is opened. */
static void configure_library(void) { (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

static void sqlite_close(struct db *d)
{
    (void)sqlite3_close(sqlite_of(d)->handle);
    free(d);
}

static int sqlite_exec(struct db *d, const char *sql, struct err *e)
{
    int rc = sqlite3_exec(sqlite_of(d)->handle, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : db_error(d, rc, e);
}

static int run_literal(struct db *d, const char *sql, struct err *e)
{
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, sql, e);
    return q ? db_run(q, e) : -1;
}

/* BEGIN IMMEDIATE takes the write lock at once, so no later statement finds the table busy. */
static int sqlite_begin(struct db *d, struct err *e)
{
    static const char sql[] = "BEGIN IMMEDIATE";
    return run_literal(d, sql, e);
}

static void sqlite_rollback(struct db *d)
{
    static const char sql[] = "ROLLBACK";

    /* SQLite may have rolled back by itself (disk full). After a failed rollback there is no
     * transaction either: SQLite drops its pages. */
    if (!sqlite3_get_autocommit(sqlite_of(d)->handle))
        (void)run_literal(d, sql, NULL);
}

static int sqlite_commit(struct db *d, struct err *e)
{
    static const char sql[] = "COMMIT";

    if (run_literal(d, sql, e) == 0)
        return 0;
    sqlite_rollback(d);
    return -1;
}

static int64_t sqlite_changes(struct db *d) { return sqlite3_changes(sqlite_of(d)->handle); }

static struct db_stmt *sqlite_prepare(struct db *d, const char *sql, enum db_use use, struct err *e)
{
    struct sqlite_stmt *q = calloc(1, sizeof *q);
    if (!q) {
        (void)err_set(e, ERR_NOMEM, "SQL statement");
        return NULL;
    }

    q->base = (struct db_stmt){ .driver = d->driver, .db = d };
    int rc = sqlite3_prepare_v3(sqlite_of(d)->handle, sql, -1,
                                use == DB_KEPT ? SQLITE_PREPARE_PERSISTENT : 0, &q->stmt, NULL);
    if (rc != SQLITE_OK) {
        (void)db_error(d, rc, e);
        free(q);
        return NULL;
    }
    return &q->base;
}

static void sqlite_finalize(struct db_stmt *q)
{
    (void)sqlite3_finalize(sqlite_stmt_of(q)->stmt);
    free(q);
}

static void sqlite_reset(struct db_stmt *q)
{
    struct sqlite_stmt *s = sqlite_stmt_of(q);

    q->db->steps += sqlite3_stmt_status(s->stmt, SQLITE_STMTSTATUS_VM_STEP, 1);
    (void)sqlite3_reset(s->stmt);
    (void)sqlite3_clear_bindings(s->stmt); /* they point to memory that the caller will free */
    s->bind_rc = SQLITE_OK;
}

static void keep_bind_rc(struct sqlite_stmt *s, int rc)
{
    if (s->bind_rc == SQLITE_OK)
        s->bind_rc = rc;
}

static void sqlite_bind_int(struct db_stmt *q, int n, int64_t value)
{
    keep_bind_rc(sqlite_stmt_of(q), sqlite3_bind_int64(sqlite_stmt_of(q)->stmt, n, value));
}

static void sqlite_bind_text(struct db_stmt *q, int n, const char *text, size_t len)
{
    keep_bind_rc(sqlite_stmt_of(q), sqlite3_bind_text64(sqlite_stmt_of(q)->stmt, n, text, len,
                                                        SQLITE_STATIC, SQLITE_UTF8));
}

static void sqlite_bind_blob(struct db_stmt *q, int n, const void *data, size_t len)
{
    keep_bind_rc(sqlite_stmt_of(q),
                 sqlite3_bind_blob64(sqlite_stmt_of(q)->stmt, n, data, len, SQLITE_STATIC));
}

static int sqlite_step(struct db_stmt *q, struct err *e)
{
    struct sqlite_stmt *s = sqlite_stmt_of(q);

    if (s->bind_rc != SQLITE_OK)
        return db_error(q->db, s->bind_rc, e);

    int rc = sqlite3_step(s->stmt);
    if (rc == SQLITE_ROW)
        return 1;
    if (rc != SQLITE_DONE)
        (void)db_error(q->db, rc, e); /* before the reset, which may change the message */
    (void)sqlite3_reset(s->stmt);
    return rc == SQLITE_DONE ? 0 : -1;
}

static int64_t sqlite_get_int(struct db_stmt *q, int column)
{
    return sqlite3_column_int64(sqlite_stmt_of(q)->stmt, column);
}

static bool sqlite_is_null(struct db_stmt *q, int column)
{
    return sqlite3_column_type(sqlite_stmt_of(q)->stmt, column) == SQLITE_NULL;
}

static const char *sqlite_get_text(struct db_stmt *q, int column, size_t *ret_len)
{
    sqlite3_stmt *stmt = sqlite_stmt_of(q)->stmt;
    const unsigned char *text = sqlite3_column_text(stmt, column);

    if (ret_len)
        *ret_len = text ? (size_t)sqlite3_column_bytes(stmt, column) : 0;
    return text ? (const char *)text : "";
}

static const void *sqlite_get_blob(struct db_stmt *q, int column, size_t *ret_len)
{
    sqlite3_stmt *stmt = sqlite_stmt_of(q)->stmt;
    const void *data = sqlite3_column_blob(stmt, column);

    *ret_len = data ? (size_t)sqlite3_column_bytes(stmt, column) : 0;
    return data ? data : "";
}

static int sqlite_insert(struct db_stmt *q, int64_t *ret_number, struct err *e)
{
    sqlite3 *handle = sqlite_of(q->db)->handle;

    if (db_run(q, e) < 0)
        return -1;
    *ret_number = sqlite3_last_insert_rowid(handle);
    return sqlite3_changes(handle) > 0;
}

static const struct db_driver sqlite_driver = {
    .close = sqlite_close,
    .exec = sqlite_exec,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .changes = sqlite_changes,
    .prepare = sqlite_prepare,
    .finalize = sqlite_finalize,
    .reset = sqlite_reset,
    .bind_int = sqlite_bind_int,
    .bind_text = sqlite_bind_text,
    .bind_blob = sqlite_bind_blob,
    .step = sqlite_step,
    .insert = sqlite_insert,
    .get_int = sqlite_get_int,
    .is_null = sqlite_is_null,
    .get_text = sqlite_get_text,
    .get_blob = sqlite_get_blob,
};

int db_open(const char *path, enum db_mode mode, struct db **ret_db, struct err *e)
{
    static pthread_once_t configured = PTHREAD_ONCE_INIT;
    int flags =
        SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
        (mode == DB_WRITER ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
    struct sqlite_db *s = calloc(1, sizeof *s);
    if (!s)
        return err_set(e, ERR_NOMEM, "open %s", path);

    CLEANUP(db_closep) struct db *d = &s->base;
    d->driver = &sqlite_driver;
    (void)pthread_once(&configured, configure_library);
    int rc = sqlite3_open_v2(path, &s->handle, flags, NULL);
    if (!s->handle)
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

/* All in one step, so in one read transaction. The file comes out with the source's mode of
 * journal, a log, which whoever copies it would have to copy too. */
static int copy_pages(struct db *from, struct db *to, struct err *e)
{
    static const char quick[] = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF";

    if (sqlite_exec(to, quick, e) < 0)
        return -1;
    sqlite3_backup *copy =
        sqlite3_backup_init(sqlite_of(to)->handle, "main", sqlite_of(from)->handle, "main");
    if (!copy)
        return db_error(to, sqlite3_errcode(sqlite_of(to)->handle), e);
    (void)sqlite3_backup_step(copy, -1);
    int rc = sqlite3_backup_finish(copy); /* that of the step, if it failed */
    return rc != SQLITE_OK ? db_error(to, rc, e)
                           : sqlite_exec(to, "PRAGMA journal_mode = DELETE", e);
}

int db_copy(struct db *d, const char *file, struct err *e)
{
    struct sqlite_db to = { .base = { .driver = &sqlite_driver } };
    int rc = sqlite3_open_v2(file, &to.handle, SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE, NULL);

    if (!to.handle)
        return err_set(e, ERR_NOMEM, "open %s", file);
    rc = rc == SQLITE_OK ? copy_pages(d, &to.base, e) : db_error(&to.base, rc, e);
    (void)sqlite3_close(to.handle);
    return rc < 0 ? err_wrap(e, "copy to %s", file) : 0;
}

const char *db_library(void) { return sqlite3_libversion(); }
