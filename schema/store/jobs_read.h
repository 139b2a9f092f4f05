/* schema/store/jobs_read.h - what may be asked of a job, and of all of them: what is committed.
 *
 * Room     schema/store.
 * Threads  any. A read waits for no write; a few go on at once, and more of them wait.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/model/submission.h"
#include "schema/model/verdict.h"
#include "schema/store/job_state.h"

struct err;
struct jobs;

/* What all reads that are done so far have cost, in instructions of the table's machine: the same
 * on every host, and nothing of the writer's. A read that goes on at this moment may be left out,
 * with what its connection read before. */
int64_t jobs_read_cost(struct jobs *j);

/* ---- of one ---- */

struct job_status {
    int64_t seq;
    enum job_state state;
    int64_t position; /* 1 is next; 0 when not queued */
    int64_t submitted_ms;
    int64_t change; /* the number of its last change */
    bool expired;   /* final, and retention has taken its texts and report */
    char language[64];
};

/* All three: ERR_NOT_FOUND when there is no such id. */
NODISCARD int jobs_status(struct jobs *j, const char *id, struct job_status *ret_status,
                          struct err *e);
/* The submission as accepted; caller owns it. ERR_NOT_FOUND also when it has expired. */
NODISCARD int jobs_submission(struct jobs *j, int64_t seq, struct submission **ret_submission,
                              struct err *e);
/* The stored report of a final row; caller owns *ret_json. ret_seq may be NULL. ERR_NOT_FOUND when
 * it is not final or has expired. */
NODISCARD int jobs_report(struct jobs *j, const char *id, int64_t *ret_seq, char **ret_json,
                          size_t *ret_len, struct err *e);

/* The row that waits longest, as jobs_counts() names it. ERR_NOT_FOUND. */
struct jobs_oldest {
    char id[SUBMISSION_ID_MAX + 1], language[64];
    int64_t submitted_ms;
};
NODISCARD int jobs_oldest(struct jobs *j, int64_t seq, struct jobs_oldest *ret_oldest,
                          struct err *e);

/* ---- of all ---- */

struct jobs_filter {
    int state;                        /* enum job_state, or -1 */
    int status;                       /* enum verdict, as stored, or -1 */
    enum status_set set;              /* the words of status_name, and of the items' status */
    const char *status_name;          /* NULL, or the status as a consumer of `set` reads it */
    const char *language, *id_prefix; /* NULL = any */
    int64_t since_ms, until_ms;       /* submitted in [since, until); 0 = open */
    const char *sort;                 /* NULL = "-submitted_at"; see jobs_sorts */
    const char *cursor;               /* NULL = from the start; ours, opaque */
    int64_t limit;                    /* bounded to 1 .. 500 */
};

/* Legal `sort` words, NULL-terminated: submitted_at, finished_at, duration_ms, memory_bytes, each
 * also with "-" in front for the largest first. Each has an index, so that a page costs the same
 * however many rows there are. Rows without the value come last, by age. */
extern const char *const jobs_sorts[];

/* GET /results: {"results": [...], "next_cursor": string or null}. A page looks at a bounded number
 * of rows: where few of them fit it is short, or empty, and its cursor goes on. ERR_INPUT for a
 * cursor or a sort that is not ours; a cursor belongs to its sort. Caller owns the reference. */
NODISCARD int jobs_list(struct jobs *j, const struct jobs_filter *f, json_t **ret_page,
                        struct err *e);
