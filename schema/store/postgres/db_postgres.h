/* schema/store/postgres/db_postgres.h - what PostgreSQL has and db.h does not: being notified,
 * and COPY.
 *
 *     db_postgres_listen(d, "scrc_x", e);
 *     while ((what = db_postgres_wait(d, wake_fd, until_ns, e)) >= 0) {
 *         if (what & DB_POSTGRES_RUNG)
 *             look at the feed;
 *         while (db_postgres_next(d, &payload))
 *             use(payload);
 *     }
 *
 * Room     schema/store/postgres. Connections are made with db_connect(), in db.h; all else is
 * there too. Threads  as the connection. Errors   as db.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

struct db;
struct err;

enum db_postgres_event {
    DB_POSTGRES_RUNG = 1, /* a notification arrived, or may have been missed */
    DB_POSTGRES_EXTRA = 2 /* extra_fd is readable */
};

/* Which of the connections that were made one after the other this is; 0: there is none. */
unsigned db_postgres_number(const struct db *d);

/* COPY of a table's rows in binary, without the head and the end of that form: durable when it
 * returns, outside a transaction. sql: COPY t(a, b) FROM STDIN (FORMAT binary). Past the deadline
 * of the connection as all else. */
NODISCARD int db_postgres_copy(struct db *d, const char *sql, const void *rows, size_t len,
                               struct err *e);

/* LISTEN on this connection and on every one that is made in its place. One channel per struct db;
 * its name has at most 63 bytes and no quotation mark; copied. */
NODISCARD int db_postgres_listen(struct db *d, const char *channel, struct err *e);

/* Waits until a notification has arrived, extra_fd (-1: none) is readable or clock_mono_ns() is
 * until_ns. Returns the db_postgres_events, 0 when the time is over, -1 when the connection was
 * lost. The next call connects again and returns DB_POSTGRES_RUNG at once, because what was
 * notified in between is lost. Not in a transaction. Connecting takes 10 s at most, without a look
 * at extra_fd. */
int db_postgres_wait(struct db *d, int extra_fd, int64_t until_ns, struct err *e);

/* The payload of the oldest notification that was not taken yet ("" for one without); false when
 * there is none. Borrowed until the next call. */
bool db_postgres_next(struct db *d, const char **ret_payload);
