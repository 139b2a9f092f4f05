/* schema/store/sqlite/sqlite_recover.h - requeues the rows that a dead server left running, or
 * finishes them if the server died while running them too often (poison rows).
 *
 * Room     schema/store/sqlite.
 * Threads  the thread that opens the table, before the writer runs.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include "schema/base/base.h"

struct err;
struct jobs;

/* One transaction: after a kill at any point the next start does it again. */
NODISCARD int sqlite_recover(struct jobs *j, struct err *e);
