#include "engine/worker.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "engine/bench.h"
#include "engine/docker.h"
#include "engine/plan.h"
#include "engine/ready.h"
#include "engine/tables.h"
#include "engine/trial.h"
#include "schema/clock.h"
#include "schema/err.h"
#include "schema/jobs.h"
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
    int64_t seq, queue_ms, attempts;
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

/* Does op until the table takes it: one that is full or read-only mends, and until it does this
 * worker takes no more work. What is left at the deadline, the next start finds and judges again.
 */
static void store(struct worker *w, const struct claim *c, const struct jobs_op *op)
{
    struct err e = { .kind = ERR_NONE };
    bool said = false;

    for (;;) {
        struct jobs_op attempt = *op;
        if (jobs_do(c->jobs, &attempt, &e) == 0)
            return;
        if (e.kind != ERR_DISK && e.kind != ERR_NOMEM)
            break;
        if (!said)
            log_error("not_stored", log_s("job", c->id), log_s("error", e.msg),
                      log_s("next", "kept and tried again until it works"));
        said = true;
        if (hurried(w, RETRY_NS))
            break;
    }
    /* Cancelled meanwhile, or given back by somebody: the table has counted it. */
    if (e.kind != ERR_FINAL && e.kind != ERR_NOT_FOUND)
        log_error("not_stored", log_s("job", c->id), log_s("error", e.msg),
                  log_s("next", "judged again after the next start"));
}

static void give_back(struct worker *w, const struct claim *c, bool spend)
{
    struct jobs_op op = { .kind = JOBS_GIVE_BACK,
                          .u.give_back = { .seq = c->seq, .spend = spend } };
    store(w, c, &op);
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
        struct jobs_op op = { .kind = JOBS_FINISH, .u.finish = { .seq = c->seq, .report = r } };
        store(w, c, &op);
    } else {
        give_back(w, c, false);
    }
    report_free(r);
}

/* ---- faults of ours ---- */

enum fault {
    FAULT_STOPPED,  /* by its client, or because we stop */
    FAULT_HOST,     /* nothing can be judged for now */
    FAULT_LANGUAGE, /* this language cannot */
    FAULT_OWN       /* only this attempt */
};

/* A cell may have broken because Docker went away under it: then the attempt is not spent. */
static enum fault fault_of(struct worker *w, const struct err *e)
{
    struct err ping;

    switch (e->kind) {
    case ERR_CANCELLED:
        return FAULT_STOPPED;
    case ERR_UNAVAILABLE:
    case ERR_HOST:
    case ERR_DISK:
    case ERR_NOMEM:
        return FAULT_HOST;
    case ERR_IMAGE:
        return FAULT_LANGUAGE;
    default:
        return docker_ping(w->bench.docker, &ping) == 0 ? FAULT_OWN : FAULT_HOST;
    }
}

static void spend_attempt(struct worker *w, const struct claim *c, const struct plan *p,
                          const struct submission *s, const struct err *fault)
{
    struct report *r = NULL;
    struct err e;
    char text[sizeof fault->msg + 64];
    bool last = c->attempts >= JOB_ATTEMPTS_MAX;

    log_warning("attempt_failed", log_s("job", c->id), log_i("attempt", c->attempts),
                log_s("error", fault->msg), log_s("next", last ? "given up" : "tried again"));
    (void)snprintf(text, sizeof text, "could not be judged in %d attempts: %s", JOB_ATTEMPTS_MAX,
                   fault->msg);
    if (last && trial_give_up(&w->bench, p, s, text, &r, &e) == 0) {
        metrics_count(METRICS_GIVEN_UP);
        finish(w, c, r);
    } else {
        metrics_count(METRICS_RETRIES);
        give_back(w, c, !last);
    }
}

static void settle_fault(struct worker *w, const struct claim *c, const struct plan *p,
                         size_t index, const struct submission *s, const struct err *fault)
{
    struct ready *r = w->config.ready;

    switch (fault_of(w, fault)) {
    case FAULT_STOPPED:
        if (ready_stopping(r))
            give_back(w, c, false);
        break;
    case FAULT_HOST:
        metrics_count(METRICS_FAULT_HOST);
        metrics_count(METRICS_RETRIES);
        if (ready_pause(r, fault->msg))
            log_error("judging_paused", log_s("error", fault->msg), log_s("job", c->id),
                      log_s("next", "it waits until the host is well again"));
        give_back(w, c, false);
        break;
    case FAULT_LANGUAGE:
        metrics_count(METRICS_FAULT_LANGUAGE);
        metrics_count(METRICS_RETRIES);
        ready_withdraw(r, index, READY_PENDING, false, fault->msg);
        ready_poke(r);
        log_error("language_paused", log_s("language", p->row->name), log_s("error", fault->msg),
                  log_s("job", c->id));
        give_back(w, c, false);
        break;
    case FAULT_OWN:
        metrics_count(METRICS_FAULT_CELL);
        spend_attempt(w, c, p, s, fault);
        break;
    }
}

/* ---- its life ---- */

static void judge(struct worker *w, const struct claim *c)
{
    struct err e = { .kind = ERR_NONE };
    CLEANUP(submission_freep) struct submission *s = NULL;
    struct report *r = NULL;
    size_t index = 0;

    if (jobs_submission(c->jobs, c->seq, &s, &e) < 0) {
        log_error("submission_unreadable", log_s("job", c->id), log_s("error", e.msg));
        give_back(w, c, e.kind != ERR_DISK && e.kind != ERR_NOMEM);
        return;
    }
    const struct plan *p = ready_plan(w->config.ready, s->language, &index);
    if (!p) { /* withdrawn since it was claimed */
        give_back(w, c, false);
        return;
    }
    bench_begin(&w->bench, w->config.pool, c->adopted ? -c->seq : c->seq); /* who cancels */
    if (hurried(w, 0))
        (void)bench_abort(&w->bench, 0);
    if (trial_run(&w->bench, p, s, &r, &e) == 0)
        finish(w, c, r);
    else
        settle_fault(w, c, p, index, s, &e);
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
    w->hurry = true;
    (void)pthread_cond_broadcast(&w->moved);
    (void)pthread_mutex_unlock(&w->lock);
    (void)bench_abort(&w->bench, 0);
    (void)pthread_join(w->thread, NULL);
    return worker_free(w);
}
