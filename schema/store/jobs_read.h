/* schema/store/jobs_read.h - reads committed rows: one job, or a list of jobs.
 *
 * Room     schema/store.
 * Threads  any. A read never waits for a write; JOBS_READERS run at once, more wait for them.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/model/labels.h"
#include "schema/model/submission.h"
#include "schema/model/verdict.h"
#include "schema/store/job_state.h"

struct err;
struct jobs;

/* What all reads that are done so far have cost, in instructions of the table's machine: the same
 * on every host, and nothing of the writer's. A read that goes on at this moment may be left out,
 * with what its connection read before. */
int64_t jobs_read_cost(struct jobs *j);

/* ---- one job ---- */

struct job_status {
    int64_t seq;
    enum job_state state;
    int64_t position; /* 1 is next; 0 when not queued; in a shared table an estimate */
    int64_t rank;     /* in the queue: jobs_order.h */
    int64_t submitted_ms;
    int64_t revision; /* of its last change */
    bool expired;     /* final, and retention has deleted its submission and report */
    char language[64];
};

/* All three: ERR_NOT_FOUND if there is no such row. */
NODISCARD int jobs_status(struct jobs *j, const char *id, struct job_status *ret_status,
                          struct err *e);
/* The submission as accepted; caller owns it. ERR_NOT_FOUND also if it has expired. */
NODISCARD int jobs_submission(struct jobs *j, int64_t seq, struct submission **ret_submission,
                              struct err *e);
/* The stored report of a final row; caller owns *ret_json. ret_seq may be NULL. ERR_NOT_FOUND also
 * if it is not final or has expired. */
NODISCARD int jobs_report(struct jobs *j, const char *id, int64_t *ret_seq, char **ret_json,
                          size_t *ret_len, struct err *e);

/* Of the row that has waited longest; seq is jobs_counts.oldest_queued. ERR_NOT_FOUND. */
struct jobs_oldest {
    char id[SUBMISSION_ID_MAX + 1], language[64];
    int64_t submitted_ms;
};
NODISCARD int jobs_oldest(struct jobs *j, int64_t seq, struct jobs_oldest *ret_oldest,
                          struct err *e);

/* ---- lists ---- */

struct jobs_filter {
    int state;                          /* enum job_state, or -1 */
    int status;                         /* enum verdict, as stored, or -1 */
    enum status_set set;                /* of status_name, and of the items' status */
    const char *status_name;            /* a status word of `set`; NULL = any */
    const char *language, *id_prefix;   /* NULL = any */
    const struct labels_wanted *labels; /* a row has all of them; borrowed */
    size_t labels_len;
    size_t rarest; /* used by the table: of labels, the one that the fewest rows have */
    int64_t since_ms, until_ms; /* submitted in [since, until); 0 = no bound */
    const char *sort;           /* NULL = "-submitted_at"; see jobs_sorts */
    const char *cursor;         /* next_cursor of the page before; NULL = the first page */
    int64_t limit;              /* of items; clamped to 1 .. 500 */
};

/* Legal `sort` words, NULL-terminated: submitted_at, finished_at, duration_ms, memory_bytes; with
 * "-" in front the largest comes first. Each has an index, so the cost of a page does not depend
 * on the number of rows. Rows without the value come last, by age. */
extern const char *const jobs_sorts[];

/* GET /results: {"results": [...], "next_cursor": string or null}. A page reads a bounded number of
 * rows: if few of them match it is short or empty, and its cursor continues behind them. ERR_INPUT:
 * an unknown sort or cursor, or a cursor of another sort. Caller owns the reference. */
NODISCARD int jobs_list(struct jobs *j, const struct jobs_filter *f, json_t **ret_page,
                        struct err *e);
