/* schema/store/jobs_item.h - a row as a JSON item of GET /results and of the event streams.
 *
 * Room     schema/store, private to the job table.
 * Threads  any, with a connection of its own.
 */
#pragma once

#include <jansson.h>

#include "schema/model/verdict.h"

struct db_stmt;

/* Indexes of JOBS_COLUMNS, which are columns of table job. */
enum jobs_column {
    JOBS_ID,
    JOBS_STATE,
    JOBS_VERDICT,
    JOBS_LANGUAGE,
    JOBS_SUBMITTED,
    JOBS_FINISHED,
    JOBS_DURATION,
    JOBS_CPU,
    JOBS_MEMORY,
    JOBS_TOTAL,
    JOBS_PASSED,
    JOBS_ERROR,
    JOBS_SEQ,
    JOBS_RANK,
    JOBS_ATTEMPTS,
    JOBS_LABELS,
    JOBS_REVISION
};
#define JOBS_FIXED_COLUMNS                                                                         \
    "id, state, verdict, language, submitted_ms, finished_ms, duration_ms, cpu_time_ms,"           \
    " memory_bytes, tests_total, tests_passed, error, seq, rank, attempts, labels"
#define JOBS_COLUMNS JOBS_FIXED_COLUMNS ", change"

/* The current row as JSON: a new reference; NULL: out of memory. */
json_t *jobs_item_row(struct db_stmt *s, enum status_set set);
