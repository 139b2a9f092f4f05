/* schema/store/move/move_table.h - which tables a move takes along, with which columns, and the
 * statements for them: what is copied, counted and hashed is written here once.
 *
 * Not moved: what belongs to servers that run (server, publisher, writer), the change feed, and a
 * row's last revision: the new table is an epoch of its own, so a client that followed the old one
 * gets one reset. Claims are released before: their columns are empty.
 *
 * Room     schema/store/move.
 * Owns     nothing; the tables are static.
 * Threads  any; no state.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/base.h"

struct buf;
struct err;

#define MOVE_KEYS_MAX 3

struct move_table {
    const char *name;
    const char *columns; /* its key first */
    const char *types;   /* of each: 'i' number, 't' text, 'j' JSON: in SQLite a text, in PostgreSQL
                            bytes; 'b' bytes */
    size_t keys;         /* how many columns the key has */
    const char *bytes; /* PostgreSQL's words for the size of a row whose size is not small; NULL */
    const char *has_rows_of; /* for people: what its rows are */
};

#define MOVE_TABLES 11

/* In an order in which each row comes after those that it refers to. */
extern const struct move_table move_table_all[MOVE_TABLES];

/* Rows and bytes of a slice; a row that is larger is a slice of its own. */
#define MOVE_TABLE_SLICE_ROWS  2000
#define MOVE_TABLE_SLICE_BYTES 4194304

/* Appends the SELECT of the next slice, in the order of the key; its parameters are the key of the
 * last row before. of_postgres: its rows come in one answer, so the statement bounds their bytes;
 * of SQLite the reader stops. */
NODISCARD int move_table_select(const struct move_table *t, bool of_postgres, struct buf *sql,
                                struct err *e);
/* Appends the SELECT of the last key. */
NODISCARD int move_table_select_last(const struct move_table *t, struct buf *sql, struct err *e);
/* Appends the INSERT of one row, with a parameter for each column. */
NODISCARD int move_table_insert(const struct move_table *t, struct buf *sql, struct err *e);

/* Bytes of the first n columns' names, with the commas between them. */
size_t move_table_names(const struct move_table *t, size_t n);
