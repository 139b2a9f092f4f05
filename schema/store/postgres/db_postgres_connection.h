/* schema/store/postgres/db_postgres_connection.h - a connection to PostgreSQL that is made anew
 * when it was lost, and exchanges on it that have a deadline.
 *
 *     PQsendQueryPrepared(c->pg, ...);
 *     PGresult *r = db_postgres_connection_result(c, until_ns, e);
 *
 * libpq is non-blocking here and all waiting is ours. Past a deadline the connection is closed, for
 * an answer that comes later would be taken for that of the next statement. The server is not asked
 * to cancel: that needs one more connection, which would hang where the first does. It looks every
 * second whether its client is still there (client_connection_check_interval) and ends what it does
 * for one that is not; except a COMMIT that waits for a replica, which is right: that transaction
 * shall become durable or wait.
 *
 * Room     schema/store/postgres: the driver of db.h for PostgreSQL. May know db.h and schema/base.
 * Owns     the connection, a copy of the URL.
 * Threads  one at a time.
 * Errors   as db.h has them. No message contains the URL.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "schema/base/base.h"

struct err;

struct db_postgres_connection {
    PGconn *pg; /* owned; NULL: none, or lost */
    char *url;  /* owned; has the password */
    bool read_only;
    unsigned number;     /* connections that were made: a statement is prepared on one of them */
    bool in_transaction; /* also after the connection was lost in it, until it is rolled back */
    char sqlstate[6];    /* of the last failure; "": the server named none */
    bool warned;         /* the server sent a WARNING since this was set to false */
    char channel[64];    /* LISTENed to on every connection; "": none */
    bool rung;           /* a new connection: what was notified before it is not known */
};

struct db_postgres_bytes {
    const char *data; /* borrowed */
    size_t len;
};

/* Checks and copies the URL; connects to nothing. ERR_SETTING; ERR_NOMEM. */
NODISCARD int db_postgres_connection_init(struct db_postgres_connection *c, const char *url,
                                          bool read_only, struct err *e);
void db_postgres_connection_destroy(struct db_postgres_connection *c);

/* Connects if there is no connection. until_ns: clock_mono_ns(), 0 for no deadline, here and below;
 * a connection is given 10 s at most. ERR_UNAVAILABLE in a transaction whose connection is lost. */
NODISCARD int db_postgres_connection_ready(struct db_postgres_connection *c, int64_t until_ns,
                                           struct err *e);

/* Waits for the answers to all that was sent. Returns the last one, which the caller frees with
 * PQclear(), or NULL with *e filled by the first failure. */
PGresult *db_postgres_connection_result(struct db_postgres_connection *c, int64_t until_ns,
                                        struct err *e);

/* Sends statements without parameters, as they are; ignores rows. The connection must be ready. */
int db_postgres_connection_run(struct db_postgres_connection *c, const char *sql, int64_t until_ns,
                               struct err *e);

/* Sends a COPY ... FROM STDIN and its data. The connection must be ready. */
int db_postgres_connection_copy(struct db_postgres_connection *c, const char *sql,
                                const struct db_postgres_bytes *parts, size_t parts_len,
                                int64_t until_ns, struct err *e);

/* After libpq has refused to send or receive: fills *e, closes the connection, returns -1. */
int db_postgres_connection_lose(struct db_postgres_connection *c, struct err *e);
