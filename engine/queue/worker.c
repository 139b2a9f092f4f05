#include "engine/queue/worker.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "engine/build/toolchain.h"
#include "engine/docker/docker.h"
#include "engine/judge/judge.h"
#include "engine/pool/lease.h"
#include "engine/pool/permits.h"
#include "engine/pool/pool.h"
#include "engine/queue/look_ahead.h"
#include "engine/queue/readiness.h"
#include "engine/queue/worker_claim.h"
#include "engine/queue/worker_deadline.h"
#include "engine/queue/worker_fault.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/base/metrics.h"
#include "schema/base/thread.h"
#include "schema/model/submission.h"
#include "schema/store/jobs.h"

struct worker {
    struct worker_config config;
    struct lease lease;
    pthread_t thread;
    struct worker_deadline deadline;
    _Atomic int64_t claim; /* that it judges under; 0: none, or it is about to end that itself */
    struct worker_storing storing; /* the report of the submission before */
};

/* ---- faults of ours ---- */

/* A claimed submission and the fault that happened to it. */
struct failed_claim {
    const struct worker_claim *claim;
    const struct submission
        *submission; /* NULL: it could not be read, and then toolchain is NULL too */
    const struct toolchain *toolchain;
    size_t index; /* of the language */
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

static enum worker_action choose_action(struct worker *w, const struct failed_claim *failed)
{
    struct err ping;
    struct worker_fault f = { .stage = failed->stage,
                              .kind = failed->fault->kind,
                              .docker_answers = true,
                              .aborted = lease_is_aborted(&w->lease) ||
                                         readiness_stopping(w->config.readiness) };

    /* After the deadline every call fails, so a fault means nothing. */
    if (worker_deadline_passed(&w->deadline, 0))
        return WORKER_REQUEUE;
    if (worker_fault_needs_ping(f.stage, f.kind))
        f.docker_answers = docker_ping(w->lease.docker, &ping) == 0;
    enum worker_action action = worker_fault(&f);
    if (action == WORKER_HOST_FAULT)
        action = worker_fault_host(w->config.host_faults, failed->stage, failed->claim->seq,
                                   failed->claim->host_faults + 1);
    return action;
}

static void finish_with_error(struct worker *w, const struct failed_claim *failed, const char *text)
{
    struct report *r = NULL;
    struct err e;

    if (!failed->submission) {
        worker_claim_finish_unreported(failed->claim, text);
    } else if (judge_internal_error(&w->lease, failed->toolchain, failed->submission, text, &r,
                                    &e) == 0) {
        metrics_count(METRICS_GIVEN_UP);
        worker_claim_finish(failed->claim, r, &w->storing);
    } else {
        worker_claim_requeue(failed->claim, JOBS_GIVEN_BACK);
    }
}

static void count_attempt(struct worker *w, const struct failed_claim *failed)
{
    const struct worker_claim *claim = failed->claim;
    char text[sizeof failed->fault->msg + 64];

    if (claim->attempts < JOB_ATTEMPTS_MAX) {
        metrics_count(METRICS_RETRIES);
        worker_claim_requeue(claim, JOBS_CELL_FAULT);
        return;
    }
    (void)snprintf(text, sizeof text, "could not be judged in %d attempts: %s", JOB_ATTEMPTS_MAX,
                   failed->fault->msg);
    finish_with_error(w, failed, text);
}

static void finish_now(struct worker *w, const struct failed_claim *failed)
{
    char text[sizeof failed->fault->msg + 64];

    (void)snprintf(text, sizeof text, "%s: %s",
                   failed->submission ? "the host failed each time while this was judged"
                                      : "what was submitted cannot be read any more",
                   failed->fault->msg);
    finish_with_error(w, failed, text);
}

static void pause_judging(struct worker *w, const struct failed_claim *failed,
                          enum jobs_release why)
{
    metrics_count(METRICS_RETRIES);
    if (readiness_pause(w->config.readiness, failed->fault->msg))
        log_error("judging_paused", log_s("error", failed->fault->msg),
                  log_s("job", failed->claim->id),
                  log_s("stage", worker_fault_stage(failed->stage)),
                  log_s("next", "it waits until the host is well again"));
    worker_claim_requeue(failed->claim, why);
}

static void retest_language(struct worker *w, const struct failed_claim *failed)
{
    bool images = failed->fault->kind != ERR_IMAGE;

    assert(failed->toolchain); /* a failed read makes no language unavailable */
    metrics_count(METRICS_RETRIES);
    if (readiness_retest(w->config.readiness, failed->index, failed->toolchain, images,
                         failed->fault->msg))
        log_error("language_paused", log_s("language", failed->toolchain->language->name),
                  log_s("error", failed->fault->msg), log_s("job", failed->claim->id),
                  log_s("stage", worker_fault_stage(failed->stage)),
                  log_s("next", "its work waits until the self-test has passed again"));
    worker_claim_requeue(failed->claim, JOBS_GIVEN_BACK);
}

static void handle_fault(struct worker *w, const struct failed_claim *failed)
{
    enum worker_action action = choose_action(w, failed);

    atomic_store(&w->claim, 0);
    if (action == WORKER_COUNT || action == WORKER_END)
        log_warning(
            "attempt_failed", log_s("job", failed->claim->id),
            log_i("attempt", failed->claim->attempts),
            log_s("stage", worker_fault_stage(failed->stage)), log_s("error", failed->fault->msg),
            log_s("next", action == WORKER_COUNT && failed->claim->attempts < JOB_ATTEMPTS_MAX
                              ? "tried again"
                              : "given up"));
    switch (action) {
    case WORKER_REQUEUE:
        worker_claim_requeue(failed->claim,
                             JOBS_GIVEN_BACK); /* refused if the client has cancelled it */
        break;
    case WORKER_COUNT:
        metrics_count(METRICS_FAULT_CELL);
        count_attempt(w, failed);
        break;
    case WORKER_PAUSE:
    case WORKER_HOST_FAULT:
        metrics_count(METRICS_FAULT_HOST);
        pause_judging(w, failed, action == WORKER_PAUSE ? JOBS_GIVEN_BACK : JOBS_HOST_FAULT);
        break;
    case WORKER_UNAVAILABLE:
        metrics_count(METRICS_FAULT_LANGUAGE);
        retest_language(w, failed);
        break;
    case WORKER_END:
        metrics_count(METRICS_FAULT_HOST);
        finish_now(w, failed);
        break;
    }
}

/* ---- the thread ---- */

static void judge_readable(struct worker *w, struct failed_claim *failed)
{
    struct err e = { .kind = ERR_NONE };
    struct report *r = NULL;

    failed->toolchain =
        readiness_toolchain(w->config.readiness, failed->submission->language, &failed->index);
    if (!failed->toolchain) { /* it became unavailable after the claim */
        worker_claim_requeue(failed->claim, JOBS_GIVEN_BACK);
        return;
    }
    if (judge_submission(&w->lease, failed->toolchain, failed->submission, &r, &e) == 0) {
        worker_fault_judged(w->config.host_faults);
        worker_claim_finish(failed->claim, r, &w->storing);
        return;
    }
    failed->fault = &e;
    failed->stage = stage_of(w->lease.stage);
    handle_fault(w, failed);
    failed->fault = NULL; /* e ends here */
}

static void judge_claim(struct worker *w, struct worker_claim *claim)
{
    struct err e = { .kind = ERR_NONE };
    CLEANUP(submission_freep) struct submission *s = NULL;
    struct failed_claim failed = { .claim = claim, .stage = WORKER_READS, .fault = &e };

    lease_begin(&w->lease, w->config.pool, claim->seq);
    atomic_store(&w->claim, claim->claim);
    if (worker_deadline_passed(&w->deadline, 0))
        (void)lease_abort(&w->lease, 0);
    if (worker_claim_read(claim, &s, &e) < 0) {
        handle_fault(w, &failed);
    } else {
        failed.submission = s;
        judge_readable(w, &failed);
    }
    atomic_store(&w->claim, 0);
    lease_end(&w->lease);
}

static void judge_taken(struct worker *w, struct worker_claim *claim)
{
    claim->deadline = &w->deadline;
    atomic_fetch_add(w->config.running, 1);
    judge_claim(w, claim);
    atomic_fetch_sub(w->config.running, 1);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    const char *languages[LANGUAGES_MAX + 1];
    struct worker_claim claim = { .seq = 0 };
    struct err e;
    bool go = true;

    thread_name("worker");
    while (go) {
        uint64_t version = readiness_claimable(w->config.readiness, languages);
        int n = look_ahead_take(w->config.look_ahead, languages, &claim, &e);
        if (n > 0) {
            judge_taken(w, &claim);
            go = !readiness_stopping(w->config.readiness);
            continue;
        }
        if (n < 0 && readiness_pause(w->config.readiness, e.msg))
            log_error("judging_paused", log_s("error", e.msg),
                      log_s("next", "it waits until the table takes claims again"));
        lease_rest(&w->lease);
        worker_storing_end(&w->storing); /* may wait: there is nothing else to do */
        go = look_ahead_wait(w->config.look_ahead, version);
    }
    lease_rest(&w->lease);
    worker_storing_end(&w->storing);
    worker_deadline_end(&w->deadline);
    return NULL;
}

static struct worker *worker_free(struct worker *w)
{
    lease_clear(&w->lease);
    worker_storing_close(&w->storing);
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
    worker_storing_open(&w->storing);
    w->config = *c;
    if (lease_init(&w->lease, c->engine, c->host, e) < 0) {
        worker_free(w);
        return -1;
    }
    w->lease.builds = c->builds;
    w->lease.permits = c->permits;
    int rc = pthread_create(&w->thread, NULL, worker_main, w);
    if (rc != 0) {
        worker_free(w);
        return err_errno(e, ERR_NOMEM, rc, "start a worker");
    }
    *ret_worker = w;
    return 0;
}

bool worker_cancel(struct worker *w, int64_t seq, int64_t claim)
{
    return atomic_load(&w->claim) == claim && lease_abort(&w->lease, seq);
}

struct worker *worker_stop(struct worker *w, int64_t deadline_ns)
{
    if (!w)
        return NULL;
    if (!worker_deadline_await(&w->deadline, deadline_ns)) {
        (void)lease_abort(&w->lease, 0);
        lease_until(&w->lease, deadline_ns);
        pool_close(w->config.pool); /* ends a wait for a cell */
        if (w->config.permits)
            permits_close(w->config.permits);
    }
    (void)pthread_join(w->thread, NULL);
    return worker_free(w);
}
