/* schema/store/jobs_item.h - a row as an item of GET /results and of the events.
 *
 * Room     schema/store, the job table's own.
 * Threads  any, with a connection of its own.
 */
#pragma once

#include <jansson.h>

#include "schema/model/verdict.h"

struct db_stmt;

/* The columns of a row as jobs_item_row() reads them, all of table job. */
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
    JOBS_REVISION
};
#define JOBS_COLUMNS                                                                               \
    "id, state, verdict, language, submitted_ms, finished_ms, duration_ms, cpu_time_ms,"           \
    " memory_bytes, tests_total, tests_passed, error, seq, change"

/* New reference; NULL out of memory. */
json_t *jobs_item_row(struct db_stmt *s, enum status_set set);
