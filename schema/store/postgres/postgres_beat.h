/* schema/store/postgres/postgres_beat.h - the rows of `server`: each server has one for each of its
 * instances, raises the beat in it, and is over when somebody says so there.
 *
 * Room     schema/store/postgres.
 * Owns     nothing.
 * Threads  as the connection. Outside a transaction.
 * Errors   as db.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct db;
struct err;

struct postgres_beat_server {
    const char *instance, *directory; /* borrowed */
    int64_t slots;
    int64_t started_ms; /* since 1970 */
};

/* Adds the server's row. 1; 0: there is one of this instance; -1; ERR_SETTING: the table has moved
 * away, or a move into it has not ended. */
NODISCARD int postgres_beat_begin(struct db *d, const struct postgres_beat_server *s,
                                  struct err *e);

/* Marks earlier servers on this server's directory as over: it has the lock now, so they are dead.
 */
NODISCARD int postgres_beat_succeed(struct db *d, const struct postgres_beat_server *s,
                                    struct err *e);

/* Raises the beat. 1; 0: the server is over, or has no row; -1. */
NODISCARD int postgres_beat_raise(struct db *d, const char *instance, struct err *e);

/* Reads the clock of the database, for clock_shared_ms(). */
NODISCARD int postgres_beat_read_clock(struct db *d, struct err *e);

/* Marks a server as over if this is still its beat (-1: any). 1; 0: it is not, or was over before;
 * -1. */
NODISCARD int postgres_beat_end(struct db *d, const char *instance, int64_t beat, struct err *e);
