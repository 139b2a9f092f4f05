/* schema/store/move/move.h - moves a job table from one database to another: scrc --move.
 *
 *     source                              target
 *     no server works on it, locked       made or empty, marked as unfinished
 *     rows in slices        ---------->   stored, in the order of their key
 *     counted and hashed    ==========    counted and hashed
 *     marked as moved away
 *                                         new numbers go on behind the old ones; mark removed
 *
 * Killed at any moment, it goes on behind the last slice when it is called again. Until the source
 * is marked, servers may go on with that instead; then the target has to be emptied. Never do both
 * have a table that servers start on.
 *
 * Room     schema/store/move: the tables that are moved and their rows. What each kind of database
 *          does in its own way is in sqlite/sqlite_move.h and postgres/postgres_move.h.
 * Owns     both tables, during the call.
 * Threads  one at a time.
 * Errors   0, or -1 with *e filled. ERR_SETTING, ERR_CONFLICT: the caller can mend it (a server
 *          runs, the target is not empty, an address is wrong). No message has a password.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/store/move/move_mark.h"

struct err;

struct move_config {
    const char *source, *target; /* sqlite:DIRECTORY or postgres://...; borrowed for the call */
    int64_t lease_timeout_ms;    /* of the servers of a database; 0: the default */
    /* On the calling thread, now and then: how many rows of this table were copied, or are the same
     * on both sides. */
    void (*progress)(void *ctx, const char *what, int64_t rows, bool checked);
    void *progress_ctx;
};

struct move_result {
    char source[MOVE_MARK_SIZE], target[MOVE_MARK_SIZE]; /* without passwords */
    int64_t submissions, reports, texts, messages;       /* rows that the target has */
};

/* Not in a process that has a table open. */
NODISCARD int move_run(const struct move_config *c, struct move_result *ret_result, struct err *e);
