/* server/store_backup.h - scrc --backup and scrc --restore: the table in DATA_DIR to a file, while
 * a server works on it, and back.
 *
 * Room     server.
 * Threads  the main thread, before any other.
 * Errors   0, or -1 with *e filled; ERR_SETTING for what the caller can mend, as a table that is in
 *          a database: that has tools of its own.
 */
#pragma once

#include <stdio.h>

#include "schema/base/base.h"

struct config;
struct err;

/* Prints one line with what was saved. */
NODISCARD int store_backup(const struct config *c, const char *file, FILE *out, struct err *e);
/* Prints one line with what is there again. */
NODISCARD int store_backup_restore(const struct config *c, const char *file, FILE *out,
                                   struct err *e);
