/* engine/queue/worker_claim.h - a row that a worker has claimed, until it is finished or requeued.
 *
 *     worker_claim_next() --> judged --> finish or requeue, once --> worker_claim_close()
 *
 * Room     engine/queue. Knows the job tables; nothing of judging.
 * Owns     the hold on an adopted table, until worker_claim_close().
 * Threads  one thread for each claim.
 * Errors   worker_claim_next() returns them. A finish or requeue that fails is logged here; while
 * the table may recover, it is tried again until the deadline.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/model/submission.h"

struct err;
struct jobs;
struct report;
struct job_source;
struct worker_deadline;

struct worker_claim {
    struct job_source *source;        /* borrowed */
    struct worker_deadline *deadline; /* borrowed */
    struct jobs *jobs;                /* borrowed; the table of the row */
    bool adopted; /* it is the adopted one, and is held until worker_claim_close() */
    int64_t seq, claim, queue_ms, attempts;
    char id[SUBMISSION_ID_MAX + 1];
};

/* Claims a row in one of these languages (NULL-terminated), of the own table first, then of the
 * adopted one. Borrows both until worker_claim_close(). 1: claimed; 0: there is none; -1. */
NODISCARD int worker_claim_next(struct job_source *source, const char *const *languages,
                                struct worker_deadline *d, struct worker_claim *ret_claim,
                                struct err *e);

/* Releases the adopted table. The row must have been finished or requeued. */
void worker_claim_close(struct worker_claim *claim);

/* Requeues the row; count: this attempt is counted. */
void worker_claim_requeue(const struct worker_claim *claim, bool count);

/* Finishes the row with this report, after filling in id, queue_ms and attempts. Takes r. */
void worker_claim_finish(const struct worker_claim *claim, struct report *r);

/* Finishes a row for which no report can be made, with this error. */
void worker_claim_finish_unreported(const struct worker_claim *claim, const char *error);
