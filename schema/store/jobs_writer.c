#include "schema/store/jobs_writer.h"

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/metrics.h"
#include "schema/base/thread.h"
#include "schema/model/report.h"
#include "schema/store/jobs_apply.h"
#include "schema/store/jobs_inbox.h"
#include "schema/store/jobs_retention.h"
#include "schema/store/jobs_table.h"
#include "schema/store/outbox.h"

#define GROUP_BYTES    (8 * MIB)
#define MAINTENANCE_NS (60 * NS_PER_S)
#define STEP_NS        (10 * NS_PER_S) /* for one step of it, in a database */
#define AGAIN_MAX      20              /* tries of a group that meets other servers' */
#define PROBE_NS       (1 * NS_PER_S)  /* interval of test writes while writing fails */

/* ---- the queue of operations ---- */

static size_t operation_bytes(const struct jobs_op *op)
{
    size_t size = 0;

    if (op->kind == JOBS_FINISH)
        return op->u.finish.json_len;
    for (size_t i = 0; op->kind == JOBS_REFUSE && i < op->u.refuse.rows_len; i++)
        size += op->u.refuse.rows[i].payload_len;
    if (op->kind != JOBS_ACCEPT)
        return size;

    size = op->u.accept.packed->json_len;
    for (size_t i = 0; i < op->u.accept.packed->blobs_len; i++)
        size += op->u.accept.packed->blobs[i].len;
    return size;
}

static struct jobs_op *cut_group_locked(struct jobs *j)
{
    struct jobs_op *first = j->head, *last = first;
    size_t len = 1, bytes;

    if (!first)
        return NULL;
    bytes = operation_bytes(first);
    while (last->next && len < JOBS_GROUP_OPS && bytes < (size_t)GROUP_BYTES) {
        last = last->next;
        bytes += operation_bytes(last);
        len++;
    }
    j->head = last->next;
    if (!j->head)
        j->tail = &j->head;
    last->next = NULL;
    return first;
}

/* Waits for operations, or until maintenance is due. False: the queue is empty and the table is
 * being closed. */
static bool wait_for_work(struct jobs *j, struct jobs_op **ret_ops)
{
    bool early = true;

    (void)pthread_mutex_lock(&j->lock);
    atomic_store(&j->writer_seen_ns, clock_mono_ns());
    while (!j->head && !j->stop && !j->asked && early)
        early = clock_cond_wait(&j->wake, &j->lock, j->maintenance_ns);
    if (j->asked)
        atomic_store(&j->writer_seen_ns, clock_mono_ns());
    j->asked = false;
    early = true;
    while (j->head && !j->stop && early && clock_mono_ns() < j->group_from_ns)
        early = clock_cond_wait(&j->wake, &j->lock, j->group_from_ns);
    *ret_ops = cut_group_locked(j);
    bool go = *ret_ops || !j->stop;
    (void)pthread_mutex_unlock(&j->lock);
    return go;
}

/* ---- after the commit ---- */

void jobs_writer_set_writable(struct jobs *j, const char *why)
{
    if (!why && j->counts.writable)
        return;
    (void)pthread_mutex_lock(&j->memory_lock);
    j->counts.writable = !why;
    (void)snprintf(j->counts.unwritable_why, sizeof j->counts.unwritable_why, "%s", why ? why : "");
    (void)pthread_mutex_unlock(&j->memory_lock);
    if (why)
        j->maintenance_ns = clock_mono_ns() + PROBE_NS;
}

/* done() may free the operation. */
static void complete_op(struct jobs *j, struct jobs_op *op)
{
    if (op->kind == JOBS_ACCEPT && op->result == 0 && op->u.accept.state == JOB_QUEUED &&
        op->u.accept.seq > 0 && op->u.accept.position == 0)
        op->u.accept.position = jobs_position(j, j->db, op->u.accept.rank, op->u.accept.seq);
    /* A row is finished in a later transaction than it is claimed in, but another server may have
     * done both by now. */
    if (op->kind == JOBS_ACCEPT)
        op->u.accept.fresh = !j->backend->shared && op->result == 0 && !op->u.accept.existing &&
                             !op->u.accept.replay && j->group.moved[JOB_CANCELLED] == 0;
    if (op->kind == JOBS_FINISH) {
        free(op->u.finish.json);
        op->u.finish.json = NULL;
    }
    op->next = NULL;
    if (op->done)
        op->done(op);
}

static void complete_ops(struct jobs *j, struct jobs_op *ops)
{
    while (ops) {
        struct jobs_op *next = ops->next;
        complete_op(j, ops);
        ops = next;
    }
}

/* ---- claims that may be stored ---- */

/* The disk or the database, not what was to be stored. A setting: a database that refuses us now
 * has taken us before. */
static bool is_place_at_fault(enum err_kind kind)
{
    return kind == ERR_DISK || kind == ERR_UNAVAILABLE || kind == ERR_TIMEOUT ||
           kind == ERR_SETTING;
}

/* A commit that failed may be in a shared table all the same: then we have claims that no worker
 * knows of, and nobody else would ever get these rows. They are requeued when writing succeeds
 * again; a claim that was not stored is another one's or none, and its row stays as it is. */
static void requeue_ended(struct jobs_op *op)
{
    struct jobs *j = op->ctx;

    if (op->result < 0 && is_place_at_fault(op->err.kind)) {
        op->next = j->doubtful;
        j->doubtful = op;
        return;
    }
    free(op);
}

static void remember_claims(struct jobs *j, const struct jobs_op *ops)
{
    for (const struct jobs_op *op = ops; op && j->backend->shared; op = op->next) {
        if (op->kind != JOBS_CLAIM || op->u.claim.seq == 0)
            continue;
        struct jobs_op *requeue = malloc(sizeof *requeue);
        if (!requeue) {
            log_error("claim_lost", log_i("row", op->u.claim.seq),
                      log_s("next", "judged after the next start"));
            continue;
        }
        *requeue = (struct jobs_op){ .kind = JOBS_REQUEUE,
                                     .done = requeue_ended,
                                     .ctx = j,
                                     .next = j->doubtful,
                                     .u.requeue = { .seq = op->u.claim.seq,
                                                    .claim = op->u.claim.claim,
                                                    .why = JOBS_GIVEN_BACK } };
        j->doubtful = requeue;
    }
}

static void requeue_doubtful(struct jobs *j)
{
    struct jobs_op *op = j->counts.writable ? j->doubtful : NULL;

    if (op)
        j->doubtful = NULL;
    while (op) {
        struct jobs_op *next = op->next;
        jobs_put(j, op);
        op = next;
    }
}

/* The next start, or another server, requeues these rows. */
static void forget_doubtful(struct jobs *j)
{
    while (j->doubtful) {
        struct jobs_op *op = j->doubtful;
        j->doubtful = op->next;
        free(op);
    }
}

/* ---- one transaction ---- */

/* What is to claim the rows that this transaction has queued so far. NULL: nothing. */
static struct jobs_op *request_claims(struct jobs *j)
{
    int64_t room = JOBS_GROUP_OPS - (int64_t)j->group.len, rows = j->group.moved[JOB_QUEUED];

    if (rows > room)
        rows = room;
    if (rows <= 0)
        return NULL;
    (void)pthread_mutex_lock(&j->lock);
    jobs_claimer_fn *fn = j->claimer.fn;
    (void)pthread_mutex_unlock(&j->lock);
    return fn ? fn(j->claimer.ctx, rows) : NULL;
}

/* more: claims may be added to the end of ops. */
static int apply_ops(struct jobs *j, struct jobs_op *ops, bool more, struct err *e)
{
    for (struct jobs_op *op = ops; op; op = op->next, j->group.operations++) {
        if (jobs_apply(j, op, e) < 0)
            return -1;
        if (!op->next && more) {
            op->next = request_claims(j);
            more = false;
        }
    }
    return 0;
}

/* The JSON of a row that ops have accepted, if that is all of it. NULL: they have not. */
static const struct submission_packed *find_accepted(const struct jobs_op *ops, int64_t seq)
{
    for (; ops; ops = ops->next)
        if (ops->kind == JOBS_ACCEPT && ops->result == 0 && ops->u.accept.seq == seq &&
            !ops->u.accept.existing)
            return ops->u.accept.packed->blobs_len == 0 ? ops->u.accept.packed : NULL;
    return NULL;
}

static void call_before_commit(struct jobs_op *ops)
{
    for (struct jobs_op *op = ops; op; op = op->next) {
        if (op->kind != JOBS_CLAIM || !op->u.claim.before_commit || op->u.claim.seq == 0)
            continue;
        const struct submission_packed *p = find_accepted(ops, op->u.claim.seq);
        if (p)
            op->u.claim.before_commit(op, p->json, p->json_len);
    }
}

static int commit_group(struct jobs *j, struct jobs_op *ops, bool more, struct err *e)
{
    jobs_group_clear(&j->group);
    j->backend->check_space(j, j->group.low_disk, sizeof j->group.low_disk);
    if (j->backend->begin(j, e) < 0)
        return -1;
    if (apply_ops(j, ops, more, e) < 0) {
        db_rollback(j->db);
        return -1;
    }
    if (!j->backend->shared)
        call_before_commit(ops);
    return j->backend->commit(j, e);
}

static void fail_ops(struct jobs *j, struct jobs_op *ops, const struct err *e)
{
    for (struct jobs_op *op = ops; op; op = op->next) {
        op->result = -1;
        op->err = *e;
    }
    complete_ops(j, ops);
}

/* more: as of apply_ops(). */
static void run_group(struct jobs *j, struct jobs_op *ops, bool more)
{
    struct err e = { 0 };
    int64_t began = clock_mono_ns();

    int rc = commit_group(j, ops, more, &e);
    /* `more` claims are linked to the operations by now, so they are tried with them. */
    for (int tries = 0; rc < 0 && e.kind == ERR_AGAIN && tries < AGAIN_MAX; tries++)
        rc = commit_group(j, ops, false, &e);
    if (rc == 0) {
        metrics_time(METRICS_COMMIT, clock_mono_ns() - began);
        jobs_writer_set_writable(j, j->group.low_disk[0] ? j->group.low_disk : NULL);
        j->backend->committed(j);
        complete_ops(j, ops);
        return;
    }
    jobs_inbox_drop_cache(j);
    if (is_place_at_fault(e.kind))
        remember_claims(j, ops);
    if (e.kind != ERR_BUG || !ops->next) {
        if (is_place_at_fault(e.kind))
            jobs_writer_set_writable(j, e.msg);
        fail_ops(j, ops, &e);
        return;
    }
    /* One operation broke a constraint of the table: run each alone, so that only that one fails.
     */
    while (ops) {
        struct jobs_op *next = ops->next;
        ops->next = NULL;
        run_group(j, ops, false);
        ops = next;
    }
}

/* ---- between transactions ---- */

/* Tries to write. A server that is not writable gets no submissions, so it must test this itself.
 */
static void probe_disk(struct jobs *j)
{
    JOBS_SQL(update) = "UPDATE meta SET value = value WHERE name = 'table'";
    char why[200];
    struct err e = { 0 };
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, update, &e);

    if (!q || db_run(q, &e) < 0) {
        jobs_writer_set_writable(j, e.msg);
        return;
    }
    j->backend->check_space(j, why, sizeof why);
    jobs_writer_set_writable(j, why[0] ? why : NULL);
}

static void run_maintenance(struct jobs *j)
{
    struct err e = { 0 };
    bool more = false;

    if (clock_mono_ns() < j->maintenance_ns)
        return;
    j->maintenance_ns = clock_mono_ns() + MAINTENANCE_NS;
    db_deadline(j->db, clock_mono_ns() + STEP_NS); /* that of the last group may have passed */
    if (!j->counts.writable)
        probe_disk(j);
    if (!j->counts.writable || j->retention_ms <= 0)
        return;
    int rc = jobs_expire(j, &more, &e);
    if (rc < 0 && e.kind != ERR_AGAIN)
        jobs_writer_set_writable(j, e.msg);
    else if (rc < 0 || more)
        j->maintenance_ns = clock_mono_ns();
}

static void *write_until_stopped(void *arg)
{
    struct jobs *j = arg;
    struct jobs_op *ops;

    thread_name("table-writer");
    while (wait_for_work(j, &ops)) {
        if (ops)
            run_group(j, ops, true);
        run_maintenance(j);
        requeue_doubtful(j);
    }
    return NULL;
}

int jobs_writer_start(struct jobs *j, struct err *e)
{
    j->maintenance_ns = clock_mono_ns();
    int rc = thread_start(&j->writer, write_until_stopped, j);
    if (rc != 0)
        return err_errno(e, ERR_NOMEM, rc, "writer thread");
    j->writer_runs = true;
    return 0;
}

void jobs_writer_stop(struct jobs *j)
{
    if (!j->writer_runs)
        return;
    (void)pthread_mutex_lock(&j->lock);
    j->stop = true;
    (void)pthread_cond_signal(&j->wake);
    (void)pthread_mutex_unlock(&j->lock);
    (void)pthread_join(j->writer, NULL);
    j->writer_runs = false;
    forget_doubtful(j);
}

/* ---- the callers' side ---- */

void jobs_writer_ask(struct jobs *j)
{
    (void)pthread_mutex_lock(&j->lock);
    j->asked = true;
    (void)pthread_cond_signal(&j->wake);
    (void)pthread_mutex_unlock(&j->lock);
}

int64_t jobs_writer_seen_ns(struct jobs *j) { return atomic_load(&j->writer_seen_ns); }

void jobs_put(struct jobs *j, struct jobs_op *op)
{
    op->next = NULL;
    op->result = 0;
    op->err = (struct err){ 0 };
    if (op->kind == JOBS_FINISH &&
        op->u.finish.report && /* not on the writer thread, because it may be megabytes */
        report_encode_within(op->u.finish.report, (size_t)j->report_max, &op->u.finish.json,
                             &op->u.finish.json_len, &op->err) < 0)
        op->u.finish.json = NULL;

    (void)pthread_mutex_lock(&j->lock);
    bool idle = !j->head;
    *j->tail = op;
    j->tail = &op->next;
    if (idle)
        (void)pthread_cond_signal(&j->wake);
    (void)pthread_mutex_unlock(&j->lock);
}

static void post_committed(struct jobs_op *op) { (void)sem_post(op->ctx); }

int jobs_do(struct jobs *j, struct jobs_op *op, struct err *e)
{
    sem_t committed;
    void *ctx = op->ctx;

    (void)sem_init(&committed, 0, 0);
    op->ctx = &committed;
    op->done = post_committed;
    jobs_put(j, op);
    while (sem_wait(&committed) < 0)
        ; /* EINTR */
    (void)sem_destroy(&committed);
    op->ctx = ctx;
    op->done = NULL;
    if (op->result < 0)
        return err_set(e, op->err.kind, "%s", op->err.msg);
    return 0;
}
