/* schema/store/jobs_retention.h - what is old loses its texts and its report; the id, its hash and
 * the line in GET /results stay.
 *
 * Room     schema/store, the job table's own.
 * Threads  the writer's.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct db;
struct err;
struct jobs;

/* The texts, the report and the headers of a row go. Within a transaction. */
NODISCARD int jobs_delete_texts(struct db *d, int64_t seq, struct err *e);

/* One slice, a transaction of its own, so that whoever waits for the writer waits milliseconds.
 * *ret_more: there is more to do. */
NODISCARD int jobs_expire(struct jobs *j, bool *ret_more, struct err *e);
