/* schema/store/sqlite/sqlite_migrate.h - brings a table of an earlier version to this version's
 * schema.
 *
 * Room     schema/store/sqlite.
 * Threads  the thread that opens the table.
 * Errors   0, or -1 with *e filled; ERR_DISK: a newer version wrote it.
 */
#pragma once

#include "schema/base/base.h"

struct db;
struct err;

/* Each step is a transaction: after a kill at any point the next start continues. */
NODISCARD int sqlite_migrate(struct db *d, struct err *e);
