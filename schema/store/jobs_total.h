/* schema/store/jobs_total.h - how many rows match a filter of jobs_list(), where that costs little.
 *
 * Room     schema/store, private to the job table.
 * Threads  any, with a connection of its own.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <stdint.h>

#include "schema/base/base.h"
#include "schema/store/jobs_filter.h"

struct db;
struct err;
struct jobs;

#define JOBS_TOTAL_UNKNOWN (-1)

/* What the list has found out of its filter. All borrowed. */
struct jobs_total_rows {
    const struct jobs_filter *filter;
    jobs_filter_query_fn *few; /* of jobs_filter_find_few(); NULL: none */
    char *upper;               /* its buffer */
};

/* Without a filter, or for the rows of a state that is not final, by the counts in memory; else
 * only where an index says that few rows can match. JOBS_TOTAL_UNKNOWN: neither. */
NODISCARD int jobs_total(struct jobs *j, struct db *d, const struct jobs_total_rows *rows,
                         int64_t *ret_total, struct err *e);
