#include "engine/worker.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "engine/bench.h"
#include "engine/docker.h"
#include "engine/plan.h"
#include "engine/pool.h"
#include "engine/ready.h"
#include "engine/tables.h"
#include "engine/trial.h"
#include "engine/worker_fault.h"
#include "schema/clock.h"
#include "schema/err.h"
#include "schema/jobs.h"
#include "schema/jobs_read.h"
#include "schema/log.h"
#include "schema/metrics.h"
#include "schema/report.h"
#include "schema/submission.h"

#define RETRY_NS NS_PER_S /* between two attempts to store a report */

struct worker {
    struct worker_config config;
    struct bench bench;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t moved; /* one of the two below did; CLOCK_MONOTONIC */
    bool ended;           /* guarded by lock: the thread takes nothing more */
    bool hurry;           /* guarded by lock: the deadline has passed, give back */
};

struct claim {
    struct jobs *jobs; /* borrowed; the table it is a row of */
    bool adopted;      /* that one is held until the end */
    int64_t seq, claim, queue_ms, attempts;
    char id[SUBMISSION_ID_MAX + 1];
};

/* Waits for the deadline, or for less. */
static bool hurried(struct worker *w, int64_t wait_ns)
{
    int64_t until = clock_mono_ns() + wait_ns;

    (void)pthread_mutex_lock(&w->lock);
    while (!w->hurry && wait_ns > 0 && clock_cond_wait(&w->moved, &w->lock, until))
        ;
    bool hurry = w->hurry;
    (void)pthread_mutex_unlock(&w->lock);
    return hurry;
}

/* ---- the job table ---- */

/* 1 claimed, 0 nothing to do, -1. */
static int claim_from(struct jobs *j, const char *const *languages, struct claim *ret_claim,
                      struct err *e)
{
    struct jobs_op op = { .kind = JOBS_CLAIM, .u.claim.languages = languages };

    if (jobs_do(j, &op, e) < 0)
        return err_wrap(e, "claim");
    if (op.u.claim.seq == 0)
        return 0;
    int64_t waited = clock_wall_ms() - op.u.claim.submitted_ms;
    *ret_claim = (struct claim){ .jobs = j,
                                 .seq = op.u.claim.seq,
                                 .claim = op.u.claim.claim,
                                 .queue_ms = waited > 0 ? waited : 0,
                                 .attempts = op.u.claim.attempts };
    (void)snprintf(ret_claim->id, sizeof ret_claim->id, "%s", op.u.claim.id);
    return 1;
}

/* What fails there is not a reason to leave the own work lying. */
static int claim_adopted(struct worker *w, const char *const *languages, struct claim *ret_claim)
{
    struct tables *t = w->config.tables;
    struct jobs *j = tables_hold(t);
    struct err e;

    if (!j)
        return 0;
    int n = claim_from(j, languages, ret_claim, &e);
    if (n < 0 && tables_complain(t))
        log_warning("adopted_table_fails", log_s("error", e.msg),
                    log_s("next", "tried again when there is other work"));
    if (n <= 0) {
        tables_drop(t);
        return 0;
    }
    ret_claim->adopted = true;
    return 1;
}

static int claim_next(struct worker *w, const char *const *languages, struct claim *ret_claim,
                      struct err *e)
{
    if (!languages[0])
        return 0;
    int n = claim_from(tables_own(w->config.tables), languages, ret_claim, e);
    return n != 0 ? n : claim_adopted(w, languages, ret_claim);
}

/* How the table took an operation. */
enum stored {
    STORED,
    DROPPED, /* the row is not ours any more, or is left for the next start */
    REFUSED  /* never, because of what the operation is */
};

/* Does op until the table takes it or refuses it for good: one that is full or read-only mends, and
 * until it does this worker takes no more work. What is left at the deadline, the next start finds
 * and judges again. */
static enum stored store(struct worker *w, const struct claim *c, const struct jobs_op *op)
{
    struct err e = { .kind = ERR_NONE };
    bool said = false;

    for (;;) {
        struct jobs_op attempt = *op;
        if (jobs_do(c->jobs, &attempt, &e) == 0)
            return STORED;
        /* Cancelled meanwhile, or given back by somebody: the table has counted it. */
        if (e.kind == ERR_FINAL || e.kind == ERR_NOT_FOUND)
            return DROPPED;
        bool mends = e.kind == ERR_DISK || e.kind == ERR_NOMEM;
        if (!said)
            log_error("not_stored", log_s("job", c->id), log_s("error", e.msg),
                      log_s("next", mends ? "kept and tried again until it works"
                                          : "it ends with a report that says so"));
        said = true;
        if (!mends)
            return REFUSED;
        if (hurried(w, RETRY_NS)) {
            log_error("not_stored", log_s("job", c->id), log_s("error", e.msg),
                      log_s("next", "judged again after the next start"));
            return DROPPED;
        }
    }
}

static void requeue(struct worker *w, const struct claim *c, bool count)
{
    struct jobs_op op = { .kind = JOBS_GIVE_BACK,
                          .u.give_back = { .seq = c->seq, .claim = c->claim, .spend = count } };
    (void)store(w, c, &op);
}

static void tell_end(const struct claim *c, const struct report *r)
{
    log_info("finished", log_s("job", c->id), log_s("language", r->language),
             log_s("verdict", verdict_name(r->verdict)), log_i("attempts", r->attempts),
             log_i("queue_ms", r->queue_ms), log_i("build_ms", r->build_ms),
             log_i("run_ms", r->run_ms), log_s("error", r->error));
}

/* The end of a submission of which we have no report, not even half of one. */
static void finish_unreported(struct worker *w, const struct claim *c, const char *error)
{
    struct jobs_op op = { .kind = JOBS_FINISH,
                          .u.finish = { .seq = c->seq, .claim = c->claim, .error = error } };

    metrics_count(METRICS_GIVEN_UP);
    switch (store(w, c, &op)) {
    case STORED:
        log_info("finished", log_s("job", c->id), log_s("verdict", verdict_name(VERDICT_NONE)),
                 log_i("attempts", c->attempts), log_s("error", error));
        break;
    case REFUSED:
        log_error("not_stored", log_s("job", c->id),
                  log_s("next", "judged again after the next start"));
        break;
    case DROPPED:
        break;
    }
}

/* Fills in what only the table knows. Takes r. */
static void finish(struct worker *w, const struct claim *c, struct report *r)
{
    char *id = strdup(c->id);

    if (id) {
        free(r->id);
        r->id = id;
        r->queue_ms = c->queue_ms;
        r->attempts = c->attempts;
        struct jobs_op op = { .kind = JOBS_FINISH,
                              .u.finish = { .seq = c->seq, .claim = c->claim, .report = r } };
        enum stored stored = store(w, c, &op);
        if (stored == STORED)
            tell_end(c, r);
        else if (stored == REFUSED)
            finish_unreported(w, c, "its report could not be stored");
    } else {
        requeue(w, c, false);
    }
    report_free(r);
}

/* ---- faults of ours ---- */

/* A submission that a fault has met. */
struct casualty {
    const struct claim *claim;
    const struct submission *submission; /* NULL: it cannot be read, and then there is no plan */
    const struct plan *plan;
    size_t index; /* of the plan's language */
    enum worker_stage stage;
    const struct err *fault;
};

static enum worker_stage stage_of(enum bench_stage s)
{
    switch (s) {
    case BENCH_ACQUIRES:
        return WORKER_ACQUIRES;
    case BENCH_LIMITS:
        return WORKER_LIMITS;
    case BENCH_USES:
        return WORKER_JUDGES;
    case BENCH_IDLE:
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
                              .aborted =
                                  bench_is_aborted(&w->bench) || ready_stopping(w->config.ready) };

    if (hurried(w, 0)) /* beyond the deadline every call fails, whatever is well */
        return WORKER_REQUEUE;
    if (worker_fault_asks(f.stage, f.kind))
        f.docker_answers = docker_ping(w->bench.docker, &ping) == 0;
    enum worker_action action = worker_fault(&f);
    if (action == WORKER_HOST_FAULT)
        action = worker_fault_host(w->config.host_faults, x->claim->jobs, x->claim->seq);
    /* What could not be read this time, and others could be, will not be the next time either. */
    return action == WORKER_COUNT && !x->submission ? WORKER_END : action;
}

static void give_up(struct worker *w, const struct casualty *x, const char *text)
{
    struct report *r = NULL;
    struct err e;

    if (!x->submission) {
        finish_unreported(w, x->claim, text);
    } else if (trial_give_up(&w->bench, x->plan, x->submission, text, &r, &e) == 0) {
        metrics_count(METRICS_GIVEN_UP);
        finish(w, x->claim, r);
    } else {
        requeue(w, x->claim, false);
    }
}

static void count_attempt(struct worker *w, const struct casualty *x)
{
    const struct claim *c = x->claim;
    char text[sizeof x->fault->msg + 64];

    if (c->attempts < JOB_ATTEMPTS_MAX) {
        metrics_count(METRICS_RETRIES);
        requeue(w, c, true);
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
    if (ready_pause(w->config.ready, x->fault->msg))
        log_error("judging_paused", log_s("error", x->fault->msg), log_s("job", x->claim->id),
                  log_s("stage", worker_fault_stage(x->stage)),
                  log_s("next", "it waits until the host is well again"));
    requeue(w, x->claim, false);
}

static void doubt_language(struct worker *w, const struct casualty *x)
{
    bool images = x->fault->kind != ERR_IMAGE;

    metrics_count(METRICS_RETRIES);
    if (ready_doubt(w->config.ready, x->index, x->plan, images, x->fault->msg))
        log_error("language_paused", log_s("language", x->plan->row->name),
                  log_s("error", x->fault->msg), log_s("job", x->claim->id),
                  log_s("stage", worker_fault_stage(x->stage)),
                  log_s("next", "its work waits until the self-test has passed again"));
    requeue(w, x->claim, false);
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
        requeue(w, x->claim, false); /* the table refuses one that its client has cancelled */
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

    x->plan = ready_plan(w->config.ready, x->submission->language, &x->index);
    if (!x->plan) { /* unavailable since it was claimed */
        requeue(w, x->claim, false);
        return;
    }
    if (trial_run(&w->bench, x->plan, x->submission, &r, &e) == 0) {
        worker_fault_judged(w->config.host_faults);
        finish(w, x->claim, r);
        return;
    }
    x->fault = &e;
    x->stage = stage_of(w->bench.stage);
    settle_fault(w, x);
}

static void judge(struct worker *w, const struct claim *c)
{
    struct err e = { .kind = ERR_NONE };
    CLEANUP(submission_freep) struct submission *s = NULL;
    struct casualty x = { .claim = c, .stage = WORKER_READS, .fault = &e };

    bench_begin(&w->bench, w->config.pool, c->adopted ? -c->seq : c->seq); /* who cancels */
    if (hurried(w, 0))
        (void)bench_abort(&w->bench, 0);
    if (jobs_submission(c->jobs, c->seq, &s, &e) < 0) {
        settle_fault(w, &x);
    } else {
        x.submission = s;
        judge_read(w, &x);
    }
    bench_end(&w->bench);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    const char *languages[LANGUAGES_MAX + 1];
    struct claim c = { .seq = 0 };
    struct err e;
    bool go = true;

    while (go) {
        uint64_t ticket = ready_claimable(w->config.ready, languages);
        int n = claim_next(w, languages, &c, &e);
        if (n > 0) {
            atomic_fetch_add(w->config.running, 1);
            judge(w, &c);
            if (c.adopted)
                tables_drop(w->config.tables);
            atomic_fetch_sub(w->config.running, 1);
        } else if (n < 0) {
            if (ready_pause(w->config.ready, e.msg))
                log_error("judging_paused", log_s("error", e.msg),
                          log_s("next", "it waits until the table takes claims again"));
        }
        go = n > 0 ? !ready_stopping(w->config.ready) : ready_wait(w->config.ready, ticket);
    }
    (void)pthread_mutex_lock(&w->lock);
    w->ended = true;
    (void)pthread_cond_broadcast(&w->moved);
    (void)pthread_mutex_unlock(&w->lock);
    return NULL;
}

static struct worker *worker_free(struct worker *w)
{
    bench_clear(&w->bench);
    (void)pthread_cond_destroy(&w->moved);
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
    return NULL;
}

int worker_start(const struct worker_config *c, struct worker **ret_worker, struct err *e)
{
    struct worker *w = calloc(1, sizeof *w);
    if (!w)
        return err_set(e, ERR_NOMEM, "a worker");

    clock_cond_init(&w->moved);
    (void)pthread_mutex_init(&w->lock, NULL);
    w->config = *c;
    if (bench_init(&w->bench, c->engine, c->host, e) < 0) {
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

bool worker_cancel(struct worker *w, int64_t seq) { return bench_abort(&w->bench, seq); }

struct worker *worker_stop(struct worker *w, int64_t deadline_ns)
{
    if (!w)
        return NULL;
    (void)pthread_mutex_lock(&w->lock);
    while (!w->ended && clock_cond_wait(&w->moved, &w->lock, deadline_ns))
        ;
    bool late = !w->ended;
    w->hurry = true;
    (void)pthread_cond_broadcast(&w->moved);
    (void)pthread_mutex_unlock(&w->lock);
    if (late) {
        (void)bench_abort(&w->bench, 0);
        bench_until(&w->bench, deadline_ns);
        pool_close(w->config.pool); /* who waits for a cell */
    }
    (void)pthread_join(w->thread, NULL);
    return worker_free(w);
}
