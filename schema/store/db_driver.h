/* schema/store/db_driver.h - what is behind db.h: one table of functions for each kind of database.
 *
 * A driver's connection begins with a struct db and its statements with a struct db_stmt, so that
 * db.c passes both on without knowing which driver they belong to. The functions promise what their
 * namesakes in db.h promise.
 *
 * Owns     nothing. db.c frees the cached statements before it calls close().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
struct db_stmt;
struct err;

#define DB_STATEMENTS_MAX 128

/* How a statement is used: kept by the connection; used once; used once and perhaps not to the end
 * of its rows. */
enum db_use { DB_KEPT, DB_ONCE, DB_LIST };

struct db_driver {
    void (*close)(struct db *d);
    int (*exec)(struct db *d, const char *sql, struct err *e);
    int (*begin)(struct db *d, struct err *e);
    int (*commit)(struct db *d, struct err *e);
    void (*rollback)(struct db *d);
    int64_t (*changes)(struct db *d);
    struct db_stmt *(*prepare)(struct db *d, const char *sql, enum db_use use, struct err *e);
    void (*finalize)(struct db_stmt *q); /* after reset() */
    void (*reset)(struct db_stmt *q);    /* forgets rows, parameters and the failure of a bind */
    void (*bind_int)(struct db_stmt *q, int n, int64_t value);
    void (*bind_text)(struct db_stmt *q, int n, const char *text, size_t len); /* NULL: null */
    void (*bind_blob)(struct db_stmt *q, int n, const void *data, size_t len);
    int (*step)(struct db_stmt *q, struct err *e);
    int (*insert)(struct db_stmt *q, int64_t *ret_number, struct err *e);
    int64_t (*get_int)(struct db_stmt *q, int column);
    bool (*is_null)(struct db_stmt *q, int column);
    const char *(*get_text)(struct db_stmt *q, int column, size_t *ret_len);
    const void *(*get_blob)(struct db_stmt *q, int column, size_t *ret_len);
};

struct db {
    const struct db_driver *driver;           /* borrowed, static */
    struct db_stmt *stmts[DB_STATEMENTS_MAX]; /* owned */
    size_t stmts_len;
    int64_t deadline_ns; /* 0: none */
    int64_t steps;       /* of finished statements */
};

struct db_stmt {
    const struct db_driver *driver; /* borrowed, static */
    struct db *db;                  /* borrowed */
    const char *sql;                /* borrowed, the key; NULL for a statement of one use */
};
