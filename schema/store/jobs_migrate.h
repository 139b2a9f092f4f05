/* schema/store/jobs_migrate.h - from a table of an earlier version to one of this.
 *
 * Room     schema/store, the job table's own.
 * Threads  the one that opens the table.
 * Errors   0, or -1 with *e filled; ERR_DISK where a newer version wrote it.
 */
#pragma once

#include "schema/base/base.h"

struct db;
struct err;

/* Each step is a transaction: a kill at any point leaves a table that the next start goes on with.
 */
NODISCARD int jobs_migrate(struct db *d, struct err *e);
