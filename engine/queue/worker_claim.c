#include "engine/queue/worker_claim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/queue/job_source.h"
#include "engine/queue/worker_deadline.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/base/metrics.h"
#include "schema/model/report.h"
#include "schema/store/jobs.h"

#define RETRY_NS NS_PER_S /* between two tries */

/* 1: claimed; 0: there is none; -1. */
static int claim_from(struct jobs *j, const char *const *languages, struct worker_claim *ret_claim,
                      struct err *e)
{
    struct jobs_op op = { .kind = JOBS_CLAIM, .u.claim.languages = languages };

    if (jobs_do(j, &op, e) < 0)
        return err_wrap(e, "claim");
    if (op.u.claim.seq == 0)
        return 0;
    int64_t waited = clock_wall_ms() - op.u.claim.submitted_ms;
    *ret_claim = (struct worker_claim){ .jobs = j,
                                        .seq = op.u.claim.seq,
                                        .claim = op.u.claim.claim,
                                        .queue_ms = waited > 0 ? waited : 0,
                                        .attempts = op.u.claim.attempts };
    (void)snprintf(ret_claim->id, sizeof ret_claim->id, "%s", op.u.claim.id);
    return 1;
}

/* A fault of the adopted table must not stop work on the own one. */
static int claim_adopted(struct job_source *source, const char *const *languages,
                         struct worker_claim *ret_claim)
{
    struct jobs *j = job_source_hold(source);
    struct err e;

    if (!j)
        return 0;
    int n = claim_from(j, languages, ret_claim, &e);
    if (n < 0 && job_source_first_fault(source))
        log_warning("adopted_table_fails", log_s("error", e.msg),
                    log_s("next", "tried again when there is other work"));
    if (n <= 0) {
        job_source_release(source);
        return 0;
    }
    ret_claim->adopted = true;
    return 1;
}

int worker_claim_next(struct job_source *source, const char *const *languages,
                      struct worker_deadline *d, struct worker_claim *ret_claim, struct err *e)
{
    if (!languages[0])
        return 0;
    int n = claim_from(job_source_own(source), languages, ret_claim, e);
    if (n == 0)
        n = claim_adopted(source, languages, ret_claim);
    if (n > 0) {
        ret_claim->source = source;
        ret_claim->deadline = d;
    }
    return n;
}

void worker_claim_close(struct worker_claim *claim)
{
    if (claim->adopted)
        job_source_release(claim->source);
    claim->adopted = false;
}

/* The result of an operation on the table. */
enum stored {
    STORED,
    DROPPED, /* the row is not ours any more, or remains for the next start */
    REFUSED  /* the operation itself is impossible */
};

/* Tries op until it is stored or refused. A table that is full or read-only may recover; until
 * then this worker claims nothing. A row not stored at the deadline is judged again after the
 * next start. */
static enum stored store_operation(const struct worker_claim *claim, const struct jobs_op *op)
{
    struct err e = { .kind = ERR_NONE };
    bool logged = false;

    for (;;) {
        struct jobs_op attempt = *op;
        if (jobs_do(claim->jobs, &attempt, &e) == 0)
            return STORED;
        /* Cancelled or requeued meanwhile; then the attempt is counted already. */
        if (e.kind == ERR_FINAL || e.kind == ERR_NOT_FOUND)
            return DROPPED;
        bool mends = e.kind == ERR_DISK || e.kind == ERR_NOMEM;
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

void worker_claim_requeue(const struct worker_claim *claim, bool count)
{
    struct jobs_op op = { .kind = JOBS_REQUEUE,
                          .u.requeue = {
                              .seq = claim->seq, .claim = claim->claim, .count_attempt = count } };
    (void)store_operation(claim, &op);
}

static void log_finished(const struct worker_claim *claim, const struct report *r)
{
    log_info("finished", log_s("job", claim->id), log_s("language", r->language),
             log_s("verdict", verdict_name(r->verdict)), log_i("attempts", r->attempts),
             log_i("queue_ms", r->queue_ms), log_i("build_ms", r->build_ms),
             log_i("run_ms", r->run_ms), log_s("error", r->error));
}

void worker_claim_finish_unreported(const struct worker_claim *claim, const char *error)
{
    struct jobs_op op = { .kind = JOBS_FINISH,
                          .u.finish = {
                              .seq = claim->seq, .claim = claim->claim, .error = error } };

    metrics_count(METRICS_GIVEN_UP);
    switch (store_operation(claim, &op)) {
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

void worker_claim_finish(const struct worker_claim *claim, struct report *r)
{
    char *id = strdup(claim->id);

    if (id) {
        free(r->id);
        r->id = id;
        r->queue_ms = claim->queue_ms;
        r->attempts = claim->attempts;
        struct jobs_op op = { .kind = JOBS_FINISH,
                              .u.finish = {
                                  .seq = claim->seq, .claim = claim->claim, .report = r } };
        enum stored stored = store_operation(claim, &op);
        if (stored == STORED)
            log_finished(claim, r);
        else if (stored == REFUSED)
            worker_claim_finish_unreported(claim, "its report could not be stored");
    } else {
        worker_claim_requeue(claim, false);
    }
    report_free(r);
}
