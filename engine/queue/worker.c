#include "engine/queue/worker.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "engine/build/toolchain.h"
#include "engine/docker/docker.h"
#include "engine/judge/judge.h"
#include "engine/pool/lease.h"
#include "engine/pool/pool.h"
#include "engine/queue/readiness.h"
#include "engine/queue/worker_claim.h"
#include "engine/queue/worker_deadline.h"
#include "engine/queue/worker_fault.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/base/metrics.h"
#include "schema/model/submission.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_read.h"

struct worker {
    struct worker_config config;
    struct lease bench;
    pthread_t thread;
    struct worker_deadline deadline;
};

/* ---- faults of ours ---- */

/* A submission that a fault has met. */
struct casualty {
    const struct worker_claim *claim;
    const struct submission *submission; /* NULL: it cannot be read, and then there is no plan */
    const struct toolchain *plan;
    size_t index; /* of the plan's language */
    enum worker_stage stage;
    const struct err *fault;
};

static enum worker_stage stage_of(enum lease_stage s)
{
    switch (s) {
    case LEASE_ACQUIRES:
        return WORKER_ACQUIRES;
    case LEASE_LIMITS:
        return WORKER_LIMITS;
    case LEASE_USES:
        return WORKER_JUDGES;
    case LEASE_IDLE:
        break;
    }
    return WORKER_PREPARES;
}

static enum worker_action action_for(struct worker *w, const struct casualty *x)
{
    struct err ping;
    struct worker_fault f = { .stage = x->stage,
                              .kind = x->fault->kind,
                              .docker_answers = true,
                              .aborted = lease_is_aborted(&w->bench) ||
                                         readiness_stopping(w->config.ready) };

    if (worker_deadline_passed(&w->deadline,
                               0)) /* beyond the deadline every call fails, whatever is well */
        return WORKER_REQUEUE;
    if (worker_fault_asks(f.stage, f.kind))
        f.docker_answers = docker_ping(w->bench.docker, &ping) == 0;
    enum worker_action action = worker_fault(&f);
    if (action == WORKER_HOST_FAULT)
        action = worker_fault_host(w->config.host_faults, x->stage, x->claim->jobs, x->claim->seq);
    return action;
}

static void give_up(struct worker *w, const struct casualty *x, const char *text)
{
    struct report *r = NULL;
    struct err e;

    if (!x->submission) {
        worker_claim_finish_unreported(x->claim, text);
    } else if (judge_internal_error(&w->bench, x->plan, x->submission, text, &r, &e) == 0) {
        metrics_count(METRICS_GIVEN_UP);
        worker_claim_finish(x->claim, r);
    } else {
        worker_claim_requeue(x->claim, false);
    }
}

static void count_attempt(struct worker *w, const struct casualty *x)
{
    const struct worker_claim *c = x->claim;
    char text[sizeof x->fault->msg + 64];

    if (c->attempts < JOB_ATTEMPTS_MAX) {
        metrics_count(METRICS_RETRIES);
        worker_claim_requeue(c, true);
        return;
    }
    (void)snprintf(text, sizeof text, "could not be judged in %d attempts: %s", JOB_ATTEMPTS_MAX,
                   x->fault->msg);
    give_up(w, x, text);
}

static void end_now(struct worker *w, const struct casualty *x)
{
    char text[sizeof x->fault->msg + 64];

    (void)snprintf(text, sizeof text, "%s: %s",
                   x->submission ? "the host failed each time while this was judged"
                                 : "what was submitted cannot be read any more",
                   x->fault->msg);
    give_up(w, x, text);
}

static void pause_judging(struct worker *w, const struct casualty *x)
{
    metrics_count(METRICS_RETRIES);
    if (readiness_pause(w->config.ready, x->fault->msg))
        log_error("judging_paused", log_s("error", x->fault->msg), log_s("job", x->claim->id),
                  log_s("stage", worker_fault_stage(x->stage)),
                  log_s("next", "it waits until the host is well again"));
    worker_claim_requeue(x->claim, false);
}

static void doubt_language(struct worker *w, const struct casualty *x)
{
    bool images = x->fault->kind != ERR_IMAGE;

    assert(x->plan); /* reading a submission makes no language unavailable */
    metrics_count(METRICS_RETRIES);
    if (readiness_doubt(w->config.ready, x->index, x->plan, images, x->fault->msg))
        log_error("language_paused", log_s("language", x->plan->row->name),
                  log_s("error", x->fault->msg), log_s("job", x->claim->id),
                  log_s("stage", worker_fault_stage(x->stage)),
                  log_s("next", "its work waits until the self-test has passed again"));
    worker_claim_requeue(x->claim, false);
}

static void settle_fault(struct worker *w, const struct casualty *x)
{
    enum worker_action action = action_for(w, x);

    if (action == WORKER_COUNT || action == WORKER_END)
        log_warning("attempt_failed", log_s("job", x->claim->id),
                    log_i("attempt", x->claim->attempts),
                    log_s("stage", worker_fault_stage(x->stage)), log_s("error", x->fault->msg),
                    log_s("next", action == WORKER_COUNT && x->claim->attempts < JOB_ATTEMPTS_MAX
                                      ? "tried again"
                                      : "given up"));
    switch (action) {
    case WORKER_REQUEUE:
        worker_claim_requeue(x->claim,
                             false); /* the table refuses one that its client has cancelled */
        break;
    case WORKER_COUNT:
        metrics_count(METRICS_FAULT_CELL);
        count_attempt(w, x);
        break;
    case WORKER_PAUSE:
    case WORKER_HOST_FAULT:
        metrics_count(METRICS_FAULT_HOST);
        pause_judging(w, x);
        break;
    case WORKER_UNAVAILABLE:
        metrics_count(METRICS_FAULT_LANGUAGE);
        doubt_language(w, x);
        break;
    case WORKER_END:
        metrics_count(METRICS_FAULT_HOST);
        end_now(w, x);
        break;
    }
}

/* ---- its life ---- */

static void judge_read(struct worker *w, struct casualty *x)
{
    struct err e = { .kind = ERR_NONE };
    struct report *r = NULL;

    x->plan = readiness_toolchain(w->config.ready, x->submission->language, &x->index);
    if (!x->plan) { /* unavailable since it was claimed */
        worker_claim_requeue(x->claim, false);
        return;
    }
    if (judge_submission(&w->bench, x->plan, x->submission, &r, &e) == 0) {
        worker_fault_judged(w->config.host_faults);
        worker_claim_finish(x->claim, r);
        return;
    }
    x->fault = &e;
    x->stage = stage_of(w->bench.stage);
    settle_fault(w, x);
    x->fault = NULL; /* e ends here */
}

static void judge(struct worker *w, const struct worker_claim *c)
{
    struct err e = { .kind = ERR_NONE };
    CLEANUP(submission_freep) struct submission *s = NULL;
    struct casualty x = { .claim = c, .stage = WORKER_READS, .fault = &e };

    lease_begin(&w->bench, w->config.pool, c->adopted ? -c->seq : c->seq); /* who cancels */
    if (worker_deadline_passed(&w->deadline, 0))
        (void)lease_abort(&w->bench, 0);
    if (jobs_submission(c->jobs, c->seq, &s, &e) < 0) {
        settle_fault(w, &x);
    } else {
        x.submission = s;
        judge_read(w, &x);
    }
    lease_end(&w->bench);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    const char *languages[LANGUAGES_MAX + 1];
    struct worker_claim c = { .seq = 0 };
    struct err e;
    bool go = true;

    while (go) {
        uint64_t ticket = readiness_claimable(w->config.ready, languages);
        int n = worker_claim_next(w->config.tables, languages, &w->deadline, &c, &e);
        if (n > 0) {
            atomic_fetch_add(w->config.running, 1);
            judge(w, &c);
            worker_claim_close(&c);
            atomic_fetch_sub(w->config.running, 1);
        } else if (n < 0) {
            if (readiness_pause(w->config.ready, e.msg))
                log_error("judging_paused", log_s("error", e.msg),
                          log_s("next", "it waits until the table takes claims again"));
        }
        go = n > 0 ? !readiness_stopping(w->config.ready) : readiness_wait(w->config.ready, ticket);
    }
    worker_deadline_end(&w->deadline);
    return NULL;
}

static struct worker *worker_free(struct worker *w)
{
    lease_clear(&w->bench);
    worker_deadline_close(&w->deadline);
    free(w);
    return NULL;
}

int worker_start(const struct worker_config *c, struct worker **ret_worker, struct err *e)
{
    struct worker *w = calloc(1, sizeof *w);
    if (!w)
        return err_set(e, ERR_NOMEM, "a worker");

    worker_deadline_open(&w->deadline);
    w->config = *c;
    if (lease_init(&w->bench, c->engine, c->host, e) < 0) {
        worker_free(w);
        return -1;
    }
    w->bench.builds = c->builds;
    int rc = pthread_create(&w->thread, NULL, worker_main, w);
    if (rc != 0) {
        worker_free(w);
        return err_errno(e, ERR_NOMEM, rc, "start a worker");
    }
    *ret_worker = w;
    return 0;
}

bool worker_cancel(struct worker *w, int64_t seq) { return lease_abort(&w->bench, seq); }

struct worker *worker_stop(struct worker *w, int64_t deadline_ns)
{
    if (!w)
        return NULL;
    if (!worker_deadline_await(&w->deadline, deadline_ns)) {
        (void)lease_abort(&w->bench, 0);
        lease_until(&w->bench, deadline_ns);
        pool_close(w->config.pool); /* who waits for a cell */
    }
    (void)pthread_join(w->thread, NULL);
    return worker_free(w);
}
