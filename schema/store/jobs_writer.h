/* schema/store/jobs_writer.h - the only thread that writes. All operations that were queued during
 * one commit go into the next transaction. There is no delay: on an idle table an operation starts
 * immediately and costs one commit.
 *
 * Room     schema/store, private to the job table.
 * Threads  one thread starts and stops it.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include "schema/base/base.h"

struct err;
struct jobs;

/* Before this call the caller's thread may write; after it only the writer. */
NODISCARD int jobs_writer_start(struct jobs *j, struct err *e);
/* Commits the waiting operations. Does nothing if the writer was not started. */
void jobs_writer_stop(struct jobs *j);

/* On the writer thread: whether the last write succeeded, for counts.writable. why NULL: it did;
 * else why it did not, which is copied. */
void jobs_writer_set_writable(struct jobs *j, const char *why);
