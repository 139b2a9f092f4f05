/* tests/support/job_list.h - pages of the job table's list. */
#pragma once

#include <jansson.h>

#include "schema/store/jobs_read.h"
#include "tests/support/job_table.h"

/* Every row, by 50. */
extern const struct jobs_filter job_list_any;

/* A page, which the caller owns. */
json_t *job_list(struct job_table *t, const struct jobs_filter *f);

/* The ids of a page, in order, each followed by a blank. */
void job_list_ids(json_t *page, char *out, size_t size);

/* These ids, as above, are on the first page, and there is no other. */
void job_list_assert(struct job_table *t, const struct jobs_filter *f, const char *want);

/* The page says that so many rows match in all, or that it is not known. */
void job_list_assert_total(const json_t *page, int64_t want);
