/* schema/store/postgres/sql_dialect.h - statements are written in SQLite's dialect; this makes
 * PostgreSQL's of them.
 *
 *     ?7                           $7
 *     INDEXED BY name, NOT INDEXED nothing: PostgreSQL chooses its indexes itself
 *     offset                       "offset": a column of released tables, a reserved word there. In
 *                                  small letters only: the keyword OFFSET stays.
 *     comment with pg in front     its text: what only PostgreSQL shall read, such as FOR UPDATE
 *
 * Strings, quoted names and other comments stay as they are.
 *
 * Owns     nothing.
 * Threads  any; no state.
 * Errors   ERR_BUG for a parameter without a number, or with one above SQL_DIALECT_PARAMS;
 * ERR_NOMEM.
 */
#pragma once

#include "schema/base/base.h"

#define SQL_DIALECT_PARAMS 64

struct err;

/* On success the caller owns *ret_text and frees it; *ret_params is the highest number of a
 * parameter, 0 when there is none. */
NODISCARD int sql_dialect(const char *sql, char **ret_text, int *ret_params, struct err *e);
