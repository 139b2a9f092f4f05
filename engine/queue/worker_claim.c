#include "engine/queue/worker_claim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/queue/worker_deadline.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/base/metrics.h"
#include "schema/model/report.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_read.h"

#define RETRY_NS NS_PER_S /* between two tries */

int worker_claim_read(struct worker_claim *claim, struct submission **ret_submission, struct err *e)
{
    CLEANUP(freep) char *json = TAKE(claim->json);

    return json ? submission_unpack(json, claim->json_len, NULL, NULL, ret_submission, e)
                : jobs_submission(claim->jobs, claim->seq, ret_submission, e);
}

/* The result of an operation on the table. */
enum stored {
    STORED,
    DROPPED, /* the row is not ours any more, or remains for the next start */
    REFUSED  /* the operation itself is impossible */
};

/* Tries op until it is stored or refused. first: how a try has failed already; NULL: none was made.
 * A table that is full or read-only may recover; until
 * then this worker claims nothing. A row not stored at the deadline is judged again after the
 * next start. */
static enum stored store_operation(const struct worker_claim *claim, const struct jobs_op *op,
                                   const struct err *first)
{
    struct err e = { .kind = ERR_NONE };
    bool logged = false;

    for (;; first = NULL) {
        struct jobs_op attempt = *op;
        if (first)
            e = *first;
        else if (jobs_do(claim->jobs, &attempt, &e) == 0)
            return STORED;
        /* Cancelled or requeued meanwhile; then the attempt is counted already. */
        if (e.kind == ERR_FINAL || e.kind == ERR_NOT_FOUND)
            return DROPPED;
        bool mends = e.kind == ERR_DISK || e.kind == ERR_NOMEM || e.kind == ERR_UNAVAILABLE ||
                     e.kind == ERR_TIMEOUT || e.kind == ERR_AGAIN || e.kind == ERR_SETTING;
        if (!logged)
            log_error("not_stored", log_s("job", claim->id), log_s("error", e.msg),
                      log_s("next", mends ? "kept and tried again until it works"
                                          : "it ends with a report that says so"));
        logged = true;
        if (!mends)
            return REFUSED;
        if (worker_deadline_passed(claim->deadline, RETRY_NS)) {
            log_error("not_stored", log_s("job", claim->id), log_s("error", e.msg),
                      log_s("next", "judged again after the next start"));
            return DROPPED;
        }
    }
}

void worker_claim_requeue(const struct worker_claim *claim, enum jobs_release why)
{
    struct jobs_op op = { .kind = JOBS_REQUEUE,
                          .u.requeue = { .seq = claim->seq, .claim = claim->claim, .why = why } };
    static const enum metrics_counter counters[] = { [JOBS_GIVEN_BACK] = METRICS_RELEASED_BACK,
                                                     [JOBS_CELL_FAULT] = METRICS_RELEASED_CELL,
                                                     [JOBS_HOST_FAULT] = METRICS_RELEASED_HOST };

    if (store_operation(claim, &op, NULL) == STORED)
        metrics_count(counters[why]);
}

static void log_finished(const struct worker_claim *claim, const struct report *r)
{
    log_info("finished", log_s("job", claim->id), log_s("language", r->language),
             log_s("verdict", verdict_name(r->verdict)),
             log_s("door", submission_door_name(r->door)), log_s("traceparent", r->traceparent),
             log_s("labels", r->labels ? r->labels : ""), log_i("attempts", r->attempts),
             log_i("queue_ms", r->queue_ms), log_i("build_ms", r->build_ms),
             log_i("run_ms", r->run_ms), log_s("error", r->error));
}

void worker_claim_finish_unreported(const struct worker_claim *claim, const char *error)
{
    struct jobs_op op = { .kind = JOBS_FINISH,
                          .u.finish = {
                              .seq = claim->seq, .claim = claim->claim, .error = error } };

    metrics_count(METRICS_GIVEN_UP);
    switch (store_operation(claim, &op, NULL)) {
    case STORED:
        log_info("finished", log_s("job", claim->id), log_s("verdict", verdict_name(VERDICT_NONE)),
                 log_i("attempts", claim->attempts), log_s("error", error));
        break;
    case REFUSED:
        log_error("not_stored", log_s("job", claim->id),
                  log_s("next", "judged again after the next start"));
        break;
    case DROPPED:
        break;
    }
}

/* ---- a report is stored behind the worker ---- */

void worker_storing_open(struct worker_storing *s)
{
    *s = (struct worker_storing){ .pending = false };
    (void)sem_init(&s->ended, 0, 0);
}

void worker_storing_close(struct worker_storing *s) { (void)sem_destroy(&s->ended); }

/* On the writer thread. */
static void storing_ended(struct jobs_op *op)
{
    struct worker_storing *s = op->ctx;

    (void)sem_post(&s->ended);
}

void worker_storing_end(struct worker_storing *s)
{
    enum stored stored = STORED;

    if (!s->pending)
        return;
    while (sem_wait(&s->ended) < 0)
        ; /* EINTR */
    s->op.done = NULL;
    if (s->op.result < 0) {
        struct err e = s->op.err;
        stored = store_operation(&s->claim, &s->op, &e);
    }
    if (stored == STORED)
        log_finished(&s->claim, s->report);
    else if (stored == REFUSED)
        worker_claim_finish_unreported(&s->claim, "its report could not be stored");
    s->report = report_free(s->report);
    s->pending = false;
}

void worker_claim_finish(const struct worker_claim *claim, struct report *r,
                         struct worker_storing *s)
{
    char *id = strdup(claim->id);

    worker_storing_end(s);
    if (!id) {
        worker_claim_requeue(claim, JOBS_GIVEN_BACK);
        report_free(r);
        return;
    }
    free(r->id);
    r->id = id;
    r->queue_ms = claim->queue_ms;
    r->attempts = claim->attempts;
    s->report = r;
    s->claim = *claim;
    s->op =
        (struct jobs_op){ .kind = JOBS_FINISH,
                          .done = storing_ended,
                          .ctx = s,
                          .u.finish = { .seq = claim->seq, .claim = claim->claim, .report = r } };
    s->pending = true;
    jobs_put(claim->jobs, &s->op);
}

/* ---- a row that was claimed ahead is begun ---- */

static void begun(struct jobs_op *op) { free(op); }

/* When this fails the row is finished from the queue. */
void worker_claim_begin(const struct worker_claim *claim)
{
    struct jobs_op *op = calloc(1, sizeof *op);

    if (!op)
        return;
    *op = (struct jobs_op){ .kind = JOBS_BEGIN,
                            .done = begun,
                            .u.begin = { .seq = claim->seq, .claim = claim->claim } };
    jobs_put(claim->jobs, op);
}
