/* schema/store/jobs_filter.h - which rows a filter of jobs_list() wants, and where they are found.
 *
 * Where a filter leaves few rows, to find them by an index of its own and to sort them beats
 * walking the sort's index from end to end.
 *
 * Room     schema/store, the job table's own.
 * Threads  any, with a connection of its own.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <stdbool.h>

#include "schema/base/base.h"
#include "schema/store/jobs_read.h"

struct db;
struct db_stmt;
struct err;
struct query;

/* Whether the row at hand (of JOBS_COLUMNS) is wanted. Said here and not in SQL: SQLite would look
 * on and on for the next one that is, and nobody could tell how far. */
bool jobs_filter_wants(const struct jobs_filter *f, struct db_stmt *s);

/* The one verdict that all wanted rows have; NULL where there are several, or none is asked for. */
const char *jobs_filter_verdict(const struct jobs_filter *f);

/* Whether it wants rows that are not final, and no others. */
bool jobs_filter_is_unfinished(const struct jobs_filter *f);

/* Writes a query that gives the seq of each row. upper: room for the prefix and its NUL, as long as
 * the query is used. */
typedef void jobs_few_fn(struct query *q, const struct jobs_filter *f, char *upper);

/* Rows that are not final: none of them has what a report brings. */
void jobs_filter_unfinished(struct query *q, const struct jobs_filter *f, char *upper);
/* Those, and final ones whose program never ran. */
void jobs_filter_unmeasured(struct query *q, const struct jobs_filter *f, char *upper);

/* *ret_few stays as it is where no filter leaves few. `without`: what rows without the sort's value
 * come from; NULL while those that have it are walked. */
NODISCARD int jobs_filter_few(struct db *d, const struct jobs_filter *f, jobs_few_fn *without,
                              char *upper, jobs_few_fn **ret_few, struct err *e);
