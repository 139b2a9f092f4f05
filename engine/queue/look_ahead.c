#include "engine/queue/look_ahead.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/language/language.h"
#include "engine/queue/readiness.h"
#include "engine/queue/worker_claim.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/store/jobs.h"

#define JSON_MAX ((size_t)64 * KIB) /* a longer submission is read from the table */

/* A claim that is free, pending or ready; one that is early is pending and ready, or pending and
 * already taken. */
struct ahead_claim {
    struct jobs_op op; /* JOBS_CLAIM; at the end JOBS_REQUEUE */
    struct look_ahead *ahead;
    const char *languages[LANGUAGES_MAX + 1];
    struct ahead_claim *next;
    struct jobs_claim_op row; /* of a ready one: a copy, for op of an early one is the writer's */
    char *json; /* owned: the packed submission, if the row was not committed yet; NULL: none */
    size_t json_len;
    bool early; /* it was given away before its commit, which is not over */
    bool taken; /* early, and a worker has it, or it was cancelled */
};

struct look_ahead {
    struct jobs *jobs; /* borrowed, as is readiness */
    struct readiness *readiness;
    int64_t workers;
    struct ahead_claim
        *claims; /* owned: two for each worker, one that it waits for and one ahead */
    pthread_mutex_t lock;
    pthread_cond_t settled; /* pending has fallen, after `stopped` */
    /* guarded by lock */
    struct ahead_claim *free, *ready, **ready_tail;
    int64_t pending;   /* put to the table; not committed yet */
    int64_t early;     /* of these, the early ones: all are of the commit in progress */
    int64_t ready_len; /* in `ready` */
    int64_t waiting;   /* workers in look_ahead_wait() */
    bool more;         /* rows were queued that a pending claim may have missed */
    bool failed;       /* the table has failed, with err; no worker was told yet */
    bool stopped;
    struct err err;
};

int look_ahead_open(struct jobs *j, struct readiness *r, int64_t workers,
                    struct look_ahead **ret_ahead, struct err *e)
{
    struct look_ahead *ahead = calloc(1, sizeof *ahead);
    struct ahead_claim *claims = calloc(2 * (size_t)workers + 1, sizeof *claims);

    if (!ahead || !claims) {
        free(ahead);
        free(claims);
        return err_set(e, ERR_NOMEM, "claims");
    }
    (void)pthread_mutex_init(&ahead->lock, NULL);
    (void)pthread_cond_init(&ahead->settled, NULL);
    ahead->jobs = j;
    ahead->readiness = r;
    ahead->workers = workers;
    ahead->claims = claims;
    ahead->ready_tail = &ahead->ready;
    for (int64_t i = 0; i < 2 * workers; i++) {
        claims[i].ahead = ahead;
        claims[i].next = ahead->free;
        ahead->free = &claims[i];
    }
    *ret_ahead = ahead;
    return 0;
}

struct look_ahead *look_ahead_free(struct look_ahead *ahead)
{
    if (!ahead)
        return NULL;
    (void)pthread_cond_destroy(&ahead->settled);
    (void)pthread_mutex_destroy(&ahead->lock);
    for (int64_t i = 0; i < 2 * ahead->workers; i++)
        free(ahead->claims[i].json);
    free(ahead->claims);
    free(ahead);
    return NULL;
}

/* ---- the lists ---- */

static void free_claim_locked(struct look_ahead *ahead, struct ahead_claim *c)
{
    free(TAKE(c->json));
    c->early = c->taken = false;
    c->next = ahead->free;
    ahead->free = c;
}

/* Of a claim that is ready no longer: an early one is still the writer's. */
static void end_claim_locked(struct look_ahead *ahead, struct ahead_claim *c)
{
    if (c->early)
        c->taken = true;
    else
        free_claim_locked(ahead, c);
}

/* On the writer thread. */
static void add_ready_locked(struct look_ahead *ahead, struct ahead_claim *c)
{
    c->row = c->op.u.claim;
    c->next = NULL;
    *ahead->ready_tail = c;
    ahead->ready_tail = &c->next;
    ahead->ready_len++;
}

/* Removes the claim that *at points to. */
static struct ahead_claim *remove_ready_locked(struct look_ahead *ahead, struct ahead_claim **at)
{
    struct ahead_claim *c = *at;

    *at = c->next;
    if (!*at)
        ahead->ready_tail = at;
    ahead->ready_len--;
    return c;
}

/* Rows that are claimed and that no worker has. */
static int64_t count_claimed_locked(const struct look_ahead *ahead)
{
    return ahead->pending - ahead->early + ahead->ready_len;
}

/* ---- a claim is about to be committed ---- */

/* On the writer thread. A worker may begin with the row at once: whatever it stores comes in a
 * later transaction, where a claim that was not committed is refused. */
static void give_early(struct jobs_op *op, const char *json, size_t len)
{
    struct ahead_claim *c = op->ctx;
    struct look_ahead *ahead = c->ahead;
    char *copy = len <= JSON_MAX ? malloc(len) : NULL;

    if (!copy)
        return;
    memcpy(copy, json, len);
    (void)pthread_mutex_lock(&ahead->lock);
    c->json = copy;
    c->json_len = len;
    c->early = true;
    ahead->early++;
    add_ready_locked(ahead, c);
    (void)pthread_mutex_unlock(&ahead->lock);
    readiness_signal(ahead->readiness, 1); /* look_ahead_stop() waits for claimed() */
}

/* ---- a claim is committed ---- */

/* What was given away is not true if the commit has failed, or if the claim was then tried again
 * and has found another row. True: it is as it was given away. */
static bool end_early_locked(struct look_ahead *ahead, struct ahead_claim *c, bool found)
{
    struct ahead_claim **at = &ahead->ready;
    bool same = found && c->op.u.claim.claim == c->row.claim;

    ahead->early--;
    c->early = false;
    if (same)
        return true;
    while (!c->taken && *at != c)
        at = &(*at)->next;
    if (!c->taken)
        (void)remove_ready_locked(ahead, at);
    c->taken = false;
    free(TAKE(c->json));
    return false;
}

/* On the writer thread. */
static void claimed(struct jobs_op *op)
{
    struct ahead_claim *c = op->ctx;
    struct look_ahead *ahead = c->ahead;
    bool found = op->result == 0 && op->u.claim.seq != 0;

    (void)pthread_mutex_lock(&ahead->lock);
    ahead->pending--;
    ahead->failed = op->result < 0;
    ahead->err = op->err;
    bool given = c->early && end_early_locked(ahead, c, found), taken = c->taken;
    if (!found || taken)
        free_claim_locked(ahead, c);
    else if (!given)
        add_ready_locked(ahead, c);
    if (ahead->stopped)
        (void)pthread_cond_broadcast(&ahead->settled);
    else if ((found && !taken) || ahead->more || ahead->failed)
        readiness_signal(ahead->readiness, 1);
    ahead->more = false;
    (void)pthread_mutex_unlock(&ahead->lock);
}

/* ---- claiming ---- */

/* At most so many claims, for as many workers as wait and as many rows ahead as there are workers.
 */
static struct jobs_op *prepare_locked(struct look_ahead *ahead, int64_t rows, int64_t waiting,
                                      const char *const *languages)
{
    struct jobs_op *first = NULL, **tail = &first;

    for (; rows > 0 && ahead->free && !ahead->stopped; rows--) {
        int64_t used = count_claimed_locked(ahead);
        if (used >= waiting + ahead->workers)
            break;
        struct ahead_claim *c = ahead->free;
        ahead->free = c->next;
        size_t n = 0;
        while ((c->languages[n] = languages[n]))
            n++;
        c->op = (struct jobs_op){ .kind = JOBS_CLAIM,
                                  .done = claimed,
                                  .ctx = c,
                                  .u.claim = { .languages = c->languages,
                                               .ahead = used >= waiting,
                                               .before_commit = give_early } };
        ahead->pending++;
        *tail = &c->op;
        tail = &c->op.next;
    }
    return first;
}

struct jobs_op *look_ahead_claim(void *ctx, int64_t rows)
{
    struct look_ahead *ahead = ctx;
    const char *languages[LANGUAGES_MAX + 1];

    (void)readiness_claimable(ahead->readiness, languages);
    if (!languages[0])
        return NULL;
    (void)pthread_mutex_lock(&ahead->lock);
    int64_t pending = ahead->pending;
    struct jobs_op *ops = prepare_locked(ahead, rows, ahead->waiting, languages);
    ahead->more = ahead->more || ahead->pending - pending < rows;
    (void)pthread_mutex_unlock(&ahead->lock);
    return ops;
}

/* ---- letting go ---- */

static void requeued(struct jobs_op *op)
{
    struct ahead_claim *c = op->ctx;
    struct look_ahead *ahead = c->ahead;

    if (op->result < 0 && op->err.kind != ERR_FINAL && op->err.kind != ERR_NOT_FOUND)
        log_warning("not_requeued", log_s("error", op->err.msg),
                    log_s("next", "judged after the next start"));
    (void)pthread_mutex_lock(&ahead->lock);
    ahead->pending--;
    free_claim_locked(ahead, c);
    (void)pthread_cond_broadcast(&ahead->settled);
    (void)pthread_mutex_unlock(&ahead->lock);
}

/* Takes all that wait, but early ones, whose commit comes here again; as pending, for each will be
 * told to requeued(). */
static struct ahead_claim *take_ready_locked(struct look_ahead *ahead)
{
    struct ahead_claim *all = NULL;

    for (struct ahead_claim **at = &ahead->ready; *at;) {
        if ((*at)->early) {
            at = &(*at)->next;
            continue;
        }
        struct ahead_claim *c = remove_ready_locked(ahead, at);
        c->next = all;
        all = c;
        ahead->pending++;
    }
    return all;
}

static void requeue_all(struct ahead_claim *c)
{
    while (c) {
        struct ahead_claim *next = c->next;
        c->op = (struct jobs_op){ .kind = JOBS_REQUEUE,
                                  .done = requeued,
                                  .ctx = c,
                                  .u.requeue = { .seq = c->row.seq, .claim = c->row.claim } };
        jobs_put(c->ahead->jobs, &c->op);
        c = next;
    }
}

/* Nothing can be judged here now: others may have these rows. */
static void let_go(struct look_ahead *ahead)
{
    (void)pthread_mutex_lock(&ahead->lock);
    struct ahead_claim *all = ahead->stopped ? NULL : take_ready_locked(ahead);
    (void)pthread_mutex_unlock(&ahead->lock);
    requeue_all(all);
}

/* ---- taking ---- */

static void fill_claim(struct ahead_claim *c, struct worker_claim *ret_claim)
{
    int64_t waited = clock_shared_ms() - c->row.submitted_ms;

    *ret_claim = (struct worker_claim){ .jobs = c->ahead->jobs,
                                        .ahead = c->row.ahead,
                                        .seq = c->row.seq,
                                        .claim = c->row.claim,
                                        .queue_ms = waited > 0 ? waited : 0,
                                        .attempts = c->row.attempts,
                                        .host_faults = c->row.host_faults,
                                        .json_len = c->json_len };
    ret_claim->json = TAKE(c->json);
    (void)snprintf(ret_claim->id, sizeof ret_claim->id, "%s", c->row.id);
}

static int take_locked(struct look_ahead *ahead, struct worker_claim *ret_claim, struct err *e)
{
    if (ahead->failed) {
        ahead->failed = false;
        *e = ahead->err;
        return err_wrap(e, "claim");
    }
    if (!ahead->ready || ahead->stopped)
        return 0;
    struct ahead_claim *c = remove_ready_locked(ahead, &ahead->ready);
    fill_claim(c, ret_claim);
    end_claim_locked(ahead, c);
    return 1;
}

int look_ahead_take(struct look_ahead *ahead, const char *const *languages,
                    struct worker_claim *ret_claim, struct err *e)
{
    struct jobs_op *next = NULL;
    struct jobs_counts counts;

    if (!languages[0]) {
        let_go(ahead);
        return 0;
    }
    jobs_counts(ahead->jobs, &counts); /* of queued rows also those that are claimed ahead */
    (void)pthread_mutex_lock(&ahead->lock);
    int n = take_locked(ahead, ret_claim, e);
    int64_t rows =
        counts.queued - count_claimed_locked(ahead) - (n > 0 && ret_claim->ahead ? 1 : 0);
    if (n == 0 && counts.queued > 0 && rows <= 0)
        rows = 1; /* a pending claim may have been put before this worker's languages were ready */
    if (n >= 0)
        next = prepare_locked(ahead, rows, ahead->waiting + (n == 0 ? 1 : 0), languages);
    (void)pthread_mutex_unlock(&ahead->lock);
    if (n > 0 && ret_claim->ahead)
        worker_claim_begin(ret_claim);
    while (next) {
        struct jobs_op *op = next;
        next = op->next;
        jobs_put(ahead->jobs, op);
    }
    return n;
}

bool look_ahead_wait(struct look_ahead *ahead, uint64_t version)
{
    (void)pthread_mutex_lock(&ahead->lock);
    ahead->waiting++;
    (void)pthread_mutex_unlock(&ahead->lock);
    bool go = readiness_wait(ahead->readiness, version);
    (void)pthread_mutex_lock(&ahead->lock);
    ahead->waiting--;
    (void)pthread_mutex_unlock(&ahead->lock);
    return go;
}

/* While claims are pending, the end of each wakes a worker: so a row that comes to idle workers
 * wakes one of them, once. Those that were given away early have woken one already. */
void look_ahead_queued(struct look_ahead *ahead, int64_t rows)
{
    (void)pthread_mutex_lock(&ahead->lock);
    int64_t pending = ahead->pending - ahead->early;
    rows -= ahead->early;
    ahead->more = ahead->more || (pending > 0 && rows > 0);
    if (rows > 0 &&
        (pending == 0 || (rows > pending && ahead->waiting > pending + ahead->ready_len)))
        readiness_signal(ahead->readiness, (size_t)(rows - pending));
    (void)pthread_mutex_unlock(&ahead->lock);
}

/* ---- rows that no worker will take ---- */

bool look_ahead_cancel(struct look_ahead *ahead, int64_t claim)
{
    bool found = false;

    (void)pthread_mutex_lock(&ahead->lock);
    for (struct ahead_claim **at = &ahead->ready; *at && !found;) {
        found = (*at)->row.claim == claim;
        if (found)
            end_claim_locked(ahead, remove_ready_locked(ahead, at));
        else
            at = &(*at)->next;
    }
    (void)pthread_mutex_unlock(&ahead->lock);
    return found;
}

static void await_pending_locked(struct look_ahead *ahead)
{
    while (ahead->pending > 0)
        (void)pthread_cond_wait(&ahead->settled, &ahead->lock);
}

void look_ahead_stop(struct look_ahead *ahead)
{
    (void)pthread_mutex_lock(&ahead->lock);
    ahead->stopped = true;
    await_pending_locked(ahead);
    struct ahead_claim *all = take_ready_locked(ahead);
    (void)pthread_mutex_unlock(&ahead->lock);
    requeue_all(all);
    (void)pthread_mutex_lock(&ahead->lock);
    await_pending_locked(ahead);
    (void)pthread_mutex_unlock(&ahead->lock);
}
