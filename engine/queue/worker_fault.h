/* engine/queue/worker_fault.h - decides what a fault of ours means for the submission it happened
 * to.
 *
 * A table decides, by the stage and the kind of the error. Only a failed ping means that Docker is
 * away; an error of a call about one container concerns that container alone.
 *
 * Room     engine/queue. Knows neither the job table nor Docker.
 * Owns     nothing.
 * Threads  worker_fault() is a pure function; the host faults have a lock of their own.
 * Errors   none.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/err.h"

enum worker_stage {
    WORKER_READS,    /* reads the submission from the job table */
    WORKER_PREPARES, /* before a cell was requested */
    WORKER_ACQUIRES, /* waits for a cell: the submission cannot be the cause */
    WORKER_LIMITS,   /* sets the cell's memory to what this submission needs */
    WORKER_JUDGES,   /* builds it or runs it */
    WORKER_STAGE_COUNT
};

enum worker_action {
    WORKER_REQUEUE,     /* nothing was wrong: it was stopped */
    WORKER_COUNT,       /* the attempt is counted; after the last one a report "-" */
    WORKER_PAUSE,       /* not counted; nothing is claimed until the host works again */
    WORKER_HOST_FAULT,  /* the same, and it is counted as a host fault of this submission */
    WORKER_UNAVAILABLE, /* not counted; the language waits until the self-test has passed */
    WORKER_END          /* another attempt cannot help: a report "-" now */
};

struct worker_fault {
    enum worker_stage stage;
    enum err_kind kind;
    bool docker_answers; /* by a ping after the fault; true where worker_fault_needs_ping() is false
                          */
    bool aborted; /* this submission was stopped, by its client or because the server stops */
};

enum worker_action worker_fault(const struct worker_fault *fault);

/* Does the action depend on a ping? */
bool worker_fault_needs_ping(enum worker_stage stage, enum err_kind kind);

/* Name of the stage, for the log. Static. */
const char *worker_fault_stage(enum worker_stage stage);

/* ---- host faults of one submission ---- */

#define WORKER_HOST_FAULTS_MAX 10
#define WORKER_HOST_ROWS       64 /* remembered submissions; the oldest is replaced */

/* Which submissions were being judged when the host failed, and whether others have been judged
 * here since. How often it failed stands in the row (jobs_claim_op.host_faults): another server may
 * have counted. */
struct worker_host_faults {
    pthread_mutex_t lock;
    /* guarded by lock */
    int64_t judged; /* submissions judged since the start */
    struct {
        int64_t seq, judged; /* seq 0: free */
    } rows[WORKER_HOST_ROWS];
    size_t next;
};
void worker_fault_open(struct worker_host_faults *h);
void worker_fault_close(struct worker_host_faults *h);

/* Counts a submission that was judged. */
void worker_fault_judged(struct worker_host_faults *h);

/* Records a host fault of this submission in this stage; faults: all that it has had, with this
 * one. WORKER_END when these are too many; the `own` action of the stage (WORKER_COUNT or
 * WORKER_END) when others were judged since its last fault; else WORKER_HOST_FAULT. */
enum worker_action worker_fault_host(struct worker_host_faults *h, enum worker_stage stage,
                                     int64_t seq, int64_t faults);
