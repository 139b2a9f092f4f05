/* schema/store/jobs_retention.h - deletes submission and report of old final rows; the id, its hash
 * and the item in GET /results stay.
 *
 * Room     schema/store, private to the job table.
 * Threads  the writer thread.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct db;
struct err;
struct jobs;

/* Deletes the submission, the blobs that no other row uses, the report and the headers of a row. In
 * a transaction. */
NODISCARD int jobs_delete_contents(struct db *d, int64_t seq, struct err *e);

/* One batch in a transaction of its own, so that operations wait for it only milliseconds.
 * *ret_more: there may be more to do. */
NODISCARD int jobs_expire(struct jobs *j, bool *ret_more, struct err *e);
