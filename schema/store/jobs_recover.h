/* schema/store/jobs_recover.h - what a dead server left running goes back to the queue, or ends
 * where it took the server down with it too often.
 *
 * Room     schema/store, the job table's own.
 * Threads  the one that opens the table, before the writer runs.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include "schema/base/base.h"

struct err;
struct jobs;

/* One transaction: a kill at any point leaves what the next start does again. */
NODISCARD int jobs_recover(struct jobs *j, struct err *e);
