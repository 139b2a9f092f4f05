/* schema/store/jobs_writer.h - the one thread that writes: everything that gathered while the disk
 * was busy goes into the next transaction. No timer: an operation on an idle table starts at once
 * and costs one commit.
 *
 * Room     schema/store, the job table's own.
 * Threads  start and stop by one thread.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include "schema/base/base.h"

struct err;
struct jobs;

/* The table is open, and this thread's until then. */
NODISCARD int jobs_writer_start(struct jobs *j, struct err *e);
/* Commits what is waiting. Takes one that never started. */
void jobs_writer_stop(struct jobs *j);
