/* schema/store/move/move_mark.h - what a table says of a move, in its own `meta`: no server starts
 * on one that has moved away, or into which a move has not ended.
 *
 * Room     schema/store/move. May know db.h.
 * Owns     nothing.
 * Threads  as the connection.
 * Errors   as db.h.
 */
#pragma once

#include <stddef.h>

#include "schema/base/base.h"

struct db;
struct err;

#define MOVE_MARK_SIZE 400

/* The table's rows are somewhere else now; the value says where, for people. */
#define MOVE_MARK_AWAY "moved"
/* Rows are being moved here; the value is the id of the table that they come from. */
#define MOVE_MARK_INTO "moving"
/* The table comes from a backup; the value is another one for each restore. No mark of a move. */
#define MOVE_MARK_RESTORED "restored"
/* No mark of a move: the id of the table itself. */
#define MOVE_MARK_TABLE "table"

/* "": there is no such mark. A longer one is cut. */
NODISCARD int move_mark_read(struct db *d, const char *mark, char out[MOVE_MARK_SIZE],
                             struct err *e);
/* Replaces one that is there. */
NODISCARD int move_mark_write(struct db *d, const char *mark, const char *value, struct err *e);

/* Ends a move in one transaction: the statements of `last`; the mark goes; the table gets another
 * id, so it is an epoch of its own. */
NODISCARD int move_mark_arrive(struct db *d, const char *last, struct err *e);

/* ERR_SETTING: a server must not work on this table. */
NODISCARD int move_mark_check(struct db *d, struct err *e);
