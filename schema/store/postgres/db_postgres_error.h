/* schema/store/postgres/db_postgres_error.h - what a failure of PostgreSQL means to us.
 *
 * Owns     nothing.
 * Threads  any; no state.
 */
#pragma once

#include <stdbool.h>

#include <libpq-fe.h>

#include "schema/base/err.h"

/* The kind for an SQLSTATE; NULL or "" when the server gave none, which is ERR_UNAVAILABLE: the
 * connection is refused or lost. */
enum err_kind db_postgres_error_kind(const char *sqlstate);

/* Fills *e with the server's own sentence (without the rows or values that its details name);
 * returns -1. lost: the connection is, so what the server says is why. */
int db_postgres_error_result(const PGresult *r, bool lost, struct err *e);

/* As above, of a connection that was not made or is lost. Its messages must have been VERBOSE, so
 * that the SQLSTATE is in them: nothing else tells a wrong password from a server that starts. */
int db_postgres_error_connection(const PGconn *c, struct err *e);
