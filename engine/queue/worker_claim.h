/* engine/queue/worker_claim.h - a row that a worker has taken, until it is finished or requeued.
 *
 *     look_ahead_take() --> judged --> finish or requeue, once
 *                                        \-- the report is stored behind the worker: struct
 *                                            worker_storing, one for each worker
 *
 * Room     engine/queue. Knows the job table; nothing of judging.
 * Owns     nothing of the row; a report until it is stored.
 * Threads  one thread for each claim.
 * Errors   a finish or requeue that fails is logged here; while the table may recover, it is tried
 *          again until the deadline.
 */
#pragma once

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/model/submission.h"
#include "schema/store/jobs_op.h"

struct err;
struct jobs;
struct report;
struct worker_deadline;

struct worker_claim {
    struct worker_deadline *deadline; /* borrowed; set by the worker */
    struct jobs *jobs;                /* borrowed */
    bool ahead;                       /* it was claimed ahead */
    int64_t seq, claim, queue_ms, attempts, host_faults;
    char id[SUBMISSION_ID_MAX + 1];
    /* Owned: the packed submission of a row that may not be committed yet, so that the table cannot
     * be asked for it. NULL: it is in the table. */
    char *json;
    size_t json_len;
};

/* What was submitted. The caller owns it; json is freed. -1: as jobs_submission(). */
NODISCARD int worker_claim_read(struct worker_claim *claim, struct submission **ret_submission,
                                struct err *e);

/* The row, which was claimed ahead, is running. Does not wait. */
void worker_claim_begin(const struct worker_claim *claim);

void worker_claim_requeue(const struct worker_claim *claim, enum jobs_release why);

/* Finishes a row for which no report can be made, with this error. */
void worker_claim_finish_unreported(const struct worker_claim *claim, const char *error);

/* ---- with a report ---- */

/* A report that is being stored: at most one for each worker waits in memory, besides the one of
 * the submission that it judges. */
struct worker_storing {
    bool pending;
    struct worker_claim claim;
    struct report *report; /* owned */
    struct jobs_op op;
    sem_t ended; /* posted when op is committed or has failed */
};
void worker_storing_open(struct worker_storing *s);
/* After worker_storing_end(). */
void worker_storing_close(struct worker_storing *s);

/* Fills in id, queue_ms and attempts, and has the row finished with this report. Takes r. Waits
 * only for worker_storing_end() of the one before. */
void worker_claim_finish(const struct worker_claim *claim, struct report *r,
                         struct worker_storing *s);

/* Waits until the report is stored; does nothing when there is none. A table that cannot take it is
 * tried again until the deadline. */
void worker_storing_end(struct worker_storing *s);
