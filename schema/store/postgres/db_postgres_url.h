/* schema/store/postgres/db_postgres_url.h - the URL of a database, which may have a password.
 *
 * Room     schema/store/postgres.
 * Owns     nothing.
 * Threads  any; no state.
 * Errors   0, or -1 with *e filled. No message contains a part of the URL.
 */
#pragma once

#include <stddef.h>

#include "schema/base/base.h"

struct err;

/* Checks what libpq's own messages would repeat in clear: a URL that it reads in another way than
 * its author meant can have a piece of the password where the host is. ERR_SETTING; ERR_NOMEM. */
NODISCARD int db_postgres_url_check(const char *url, struct err *e);

/* The URL without passwords, for people; cut to size, which is not 0. url must have passed the
 * check. */
void db_postgres_url_show(const char *url, char *out, size_t size);
