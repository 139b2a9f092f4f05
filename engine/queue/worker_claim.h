/* engine/queue/worker_claim.h - a row that a worker has claimed, and its way back to its table.
 *
 *     worker_claim_next() --> judged --> finish or requeue, once --> worker_claim_close()
 *
 * Room     engine/queue. Knows the job tables; nothing of judging.
 * Owns     the hold of an adopted table, until worker_claim_close().
 * Threads  one claim, one thread.
 * Errors   those of a claim are the caller's. What cannot be stored is logged here, and tried again
 *          until the deadline when the table may mend.
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
    struct jobs *jobs;                /* borrowed; the table it is a row of */
    bool adopted;                     /* that one is held until worker_claim_close() */
    int64_t seq, claim, queue_ms, attempts;
    char id[SUBMISSION_ID_MAX + 1];
};

/* Claims a submission in one of these languages (NULL-terminated): of the own table first, then of
 * the adopted one. Borrows t and d until worker_claim_close(). 1: claimed; 0: there is none; -1. */
NODISCARD int worker_claim_next(struct job_source *source, const char *const *languages,
                                struct worker_deadline *d, struct worker_claim *ret_claim,
                                struct err *e);

/* The row was finished or requeued. */
void worker_claim_close(struct worker_claim *claim);

/* Back into the queue; count: one of its attempts is used up. */
void worker_claim_requeue(const struct worker_claim *claim, bool count);

/* Ends it with this report, of which id, queue_ms and attempts are filled in. Takes r. */
void worker_claim_finish(const struct worker_claim *claim, struct report *r);

/* Ends a submission of which we have no report, not even half of one. */
void worker_claim_finish_unreported(const struct worker_claim *claim, const char *error);
