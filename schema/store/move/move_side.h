/* schema/store/move/move_side.h - one of the two tables of a move: where it is, and what its kind
 * of database does in its own way.
 *
 *     as source:  open_source() .. mark_away()          rows are only read
 *     as target:  open_target() .. put() .. finish()
 *
 * While a side is open nobody else works on it, also when this process is killed at any moment:
 * locks go with it, and marks (move_mark.h) say what is unfinished.
 *
 * Room     schema/store/move: sqlite/ and postgres/ fill it in.
 * Owns     its connection, its lock, its statements.
 * Threads  one at a time.
 * Errors   as db.h. ERR_SETTING and ERR_CONFLICT: the caller must do something first.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/store/move/move_mark.h"
#include "schema/store/move/move_table.h"

struct db;
struct err;
struct jobs;
struct move_rows;
struct move_side;

/* sqlite/sqlite_move.h, postgres/postgres_move.h */
struct move_kind {
    bool of_postgres;
    /* Waits until it is sure that no server works on it, ends what dead ones had claimed, and keeps
     * others away until close() or mark_away(). A table that has moved away already is opened too:
     * s->away says where to. */
    int (*open_source)(struct move_side *s, struct err *e);
    /* Makes the tables where there are none, and sees that they are empty or those of this move,
     * which is marked in them with the id of the source's table. begun: no other than those. */
    int (*open_target)(struct move_side *s, const char *source_id, bool begun, struct err *e);
    /* Stores the rows of one slice, durable when it returns. */
    int (*put)(struct move_side *s, const struct move_table *t, const struct move_rows *rows,
               struct err *e);
    /* The number of the last row that was ever put into the outbox: it may be in Kafka. */
    int (*last_outbox)(struct move_side *s, int64_t *ret_number, struct err *e);
    /* Durable: from now on no server works here. */
    int (*mark_away)(struct move_side *s, const char *to, struct err *e);
    /* Durable: from now on servers may work here. */
    int (*finish)(struct move_side *s, int64_t last_outbox, struct err *e);
    void (*close)(struct move_side *s);
};

struct move_side {
    const struct move_kind *kind; /* static */
    const char *place;            /* borrowed: a directory, a URL */
    char shown[MOVE_MARK_SIZE];   /* where it is, without passwords */
    char away[MOVE_MARK_SIZE];    /* where its rows are now; "": here */
    int64_t lease_timeout_ms;     /* how long servers that give no sign are waited for */

    struct db *db;     /* owned */
    struct jobs *jobs; /* owned: a table in a file that is the source; NULL */
    int lock_fd;       /* owned; -1 */
    char *select[MOVE_TABLES], *last[MOVE_TABLES], *insert[MOVE_TABLES]; /* owned; NULL: not yet */
};
