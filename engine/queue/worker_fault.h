/* engine/queue/worker_fault.h - what a fault of ours means for the submission it met.
 *
 * Judged by where it happened and of what kind it is: a table. Only a ping that fails is news about
 * Docker; a call about one container says something about that container alone.
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
    WORKER_READS,    /* the submission, from the job table */
    WORKER_PREPARES, /* before a cell was asked for */
    WORKER_ACQUIRES, /* a cell is waited for: the submission has no part in it yet */
    WORKER_LIMITS,   /* the cell is given this submission's memory */
    WORKER_JUDGES,   /* its build, or its run */
    WORKER_STAGE_COUNT
};

enum worker_action {
    WORKER_REQUEUE,     /* nothing was wrong: it was stopped */
    WORKER_COUNT,       /* the attempt is counted; the last one ends it with a report "-" */
    WORKER_PAUSE,       /* not counted; nothing is claimed until the host is well again */
    WORKER_HOST_FAULT,  /* the same, and it is one of this submission's host faults */
    WORKER_UNAVAILABLE, /* not counted; the language waits until the self-test has proved it */
    WORKER_END          /* no attempt can help: a report "-" now */
};

struct worker_fault {
    enum worker_stage stage;
    enum err_kind kind;
    bool docker_answers; /* a ping, after the fault; true where worker_fault_asks() is false */
    bool aborted;        /* this very submission was stopped, by its client or by our own end */
};

enum worker_action worker_fault(const struct worker_fault *fault);

/* Does what is to be done depend on a ping? */
bool worker_fault_needs_ping(enum worker_stage stage, enum err_kind kind);

/* The stage's name for the log. Static. */
const char *worker_fault_stage(enum worker_stage stage);

/* ---- host faults of one submission ---- */

#define WORKER_HOST_FAULTS_MAX 10
#define WORKER_HOST_ROWS       64 /* remembered; the oldest is forgotten first */

/* Which submissions were at hand when the host failed. Not kept over a restart, which is counted
 * apart (JOB_RESTARTS_MAX). */
struct worker_host_faults {
    pthread_mutex_t lock;
    /* guarded by lock */
    int64_t judged; /* submissions, since the start */
    struct {
        const void *table; /* compared only */
        int64_t seq, faults, judged;
    } rows[WORKER_HOST_ROWS];
    size_t next;
};
void worker_fault_open(struct worker_host_faults *h);
void worker_fault_close(struct worker_host_faults *h);

/* One more submission was judged. */
void worker_fault_judged(struct worker_host_faults *h);

/* One more fault of the host while this submission was at hand, in this stage. WORKER_HOST_FAULT;
 * what the stage says of its own doing (WORKER_COUNT, WORKER_END) when others were judged since its
 * last one; WORKER_END when it has had too many. */
enum worker_action worker_fault_host(struct worker_host_faults *h, enum worker_stage stage,
                                     const void *table, int64_t seq);
