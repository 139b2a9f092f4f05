/* schema/store/jobs_filter.h - which rows match a filter of jobs_list(), and which index finds
 * them.
 *
 * If few rows match, it is faster to find them by an index of the filter and to sort them than to
 * scan the whole index of the sort.
 *
 * Room     schema/store, private to the job table.
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

#define JOBS_LAST_CHARACTER "\xF4\x8F\xBF\xBF"

/* Whether the current row (of JOBS_COLUMNS) matches. Done here and not in SQL, because SQLite would
 * read any number of rows to find the next match, and the caller could not bound it. */
bool jobs_filter_wants(const struct jobs_filter *f, struct db_stmt *s);

/* The verdict that all matching rows have; NULL: they may have several. */
const char *jobs_filter_verdict(const struct jobs_filter *f);

/* Whether only rows that are not final can match. */
bool jobs_filter_is_unfinished(const struct jobs_filter *f);

/* Writes a query that selects the seq of the rows. upper: a buffer for the id prefix and its NUL;
 * the query borrows it. */
typedef void jobs_filter_query_fn(struct query *q, const struct jobs_filter *f, char *upper);

/* Rows that are not final, so have no report. */
void jobs_filter_unfinished(struct query *q, const struct jobs_filter *f, char *upper);
/* Those, and final rows whose program did not run. */
void jobs_filter_unmeasured(struct query *q, const struct jobs_filter *f, char *upper);

/* Sets f->rarest: it costs least to find the rows by that label. */
NODISCARD int jobs_filter_find_rarest(struct db *d, struct jobs_filter *f, struct err *e);

/* Sets *ret_few to a query of few rows that contains all matches; leaves it unchanged if there is
 * none. `without`: the query of the rows that have no value of the sort; NULL while listing those
 * that have one. */
NODISCARD int jobs_filter_find_few(struct db *d, const struct jobs_filter *f,
                                   jobs_filter_query_fn *without, char *upper,
                                   jobs_filter_query_fn **ret_few, struct err *e);
