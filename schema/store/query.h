/* schema/store/query.h - builds an SQL text together with its parameters, for the few statements
 * that are not literals.
 *
 *     struct query q = { 0 };
 *     query_add(&q, "SELECT a FROM %s", table);
 *     query_number(&q, " WHERE b = ?", 5);
 *     CLEANUP(db_donep) struct db_stmt *s = query_prepare(&q, d, e);
 *
 * Owns     its text; query_prepare() frees it. Texts of parameters are borrowed until db_done().
 * Threads  one at a time.
 * Errors   out of memory, and more parameters than QUERY_ARGS_MAX: query_prepare() fails.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/base/buf.h"

struct db;
struct db_stmt;
struct err;

#define QUERY_ARGS_MAX 64

struct query {
    struct buf sql;
    struct query_arg {
        const char *text; /* borrowed; NULL: number */
        size_t len;
        int64_t number;
    } args[QUERY_ARGS_MAX];
    int args_len;
    bool failed;
};

/* Appends to the text. Never data from outside: that must be a parameter. */
PRINTF(2, 3) void query_add(struct query *q, const char *fmt, ...);

/* Appends piece; its only `?` is the parameter. */
void query_number(struct query *q, const char *piece, int64_t number);
void query_text(struct query *q, const char *piece, const char *text, size_t len);

/* The statement with its parameters, for one use; NULL with *e filled. */
struct db_stmt *query_prepare(struct query *q, struct db *d, struct err *e);
