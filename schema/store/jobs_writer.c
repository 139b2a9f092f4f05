#include "schema/store/jobs_writer.h"

#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "schema/base/clock.h"
#include "schema/base/metrics.h"
#include "schema/base/thread.h"
#include "schema/model/report.h"
#include "schema/store/jobs_apply.h"
#include "schema/store/jobs_inbox.h"
#include "schema/store/jobs_outbox.h"
#include "schema/store/jobs_retention.h"
#include "schema/store/jobs_table.h"
#include "schema/store/outbox.h"

#define GROUP_BYTES    (8 * MIB)
#define MAINTENANCE_NS (60 * NS_PER_S)
#define PROBE_NS       (1 * NS_PER_S) /* interval of test writes while writing fails */

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
    while (!j->head && !j->stop && early)
        early = clock_cond_wait(&j->wake, &j->lock, j->maintenance_ns);
    *ret_ops = cut_group_locked(j);
    bool go = *ret_ops || !j->stop;
    (void)pthread_mutex_unlock(&j->lock);
    return go;
}

/* ---- after the commit ---- */

static void set_writable(struct jobs *j, const char *why)
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

static int64_t read_submitted_ms(struct jobs *j, int64_t seq)
{
    JOBS_SQL(select) = "SELECT submitted_ms FROM job WHERE seq = ?1";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, select, NULL);
    if (!q)
        return 0;
    db_bind_int(q, 1, seq);
    return db_step(q, NULL) > 0 ? db_int(q, 0) : 0;
}

static void update_oldest(struct jobs *j)
{
    int64_t seq = rankset_first(&j->queued);

    if (seq == j->oldest_seq)
        return;
    int64_t ms = seq < 0 ? 0 : read_submitted_ms(j, seq);
    j->oldest_seq = seq;
    (void)pthread_mutex_lock(&j->memory_lock);
    j->counts.oldest_queued_ms = ms;
    j->counts.oldest_queued = seq < 0 ? 0 : seq;
    (void)pthread_mutex_unlock(&j->memory_lock);
}

static void update_counts(struct jobs *j)
{
    const struct jobs_group *g = &j->group;

    (void)pthread_mutex_lock(&j->memory_lock);
    j->counts.queued += g->moved[JOB_QUEUED];
    j->counts.running += g->moved[JOB_RUNNING];
    j->counts.final += g->moved[JOB_DONE] + g->moved[JOB_CANCELLED];
    j->counts.late_reports += g->late_reports;
    j->counts.revision = j->revision;
    j->counts.commits++;
    j->counts.operations += g->operations;
    for (size_t i = 0; i < g->len; i++) {
        if (g->changes[i].state == JOB_QUEUED)
            rankset_add(&j->queued, g->changes[i].seq);
        else
            rankset_remove(&j->queued, g->changes[i].seq);
    }
    rankset_trim(&j->queued);
    (void)pthread_mutex_unlock(&j->memory_lock);
    update_oldest(j);
    jobs_outbox_update_counts(j);
}

static void notify_listeners(struct jobs *j)
{
    struct jobs_group *g = &j->group;

    for (size_t i = 0; i < g->len; i++) {
        struct jobs_change *c = &g->changes[i];
        c->id = g->ids.data + g->id_at[i];
        c->language = c->language ? c->id + strlen(c->id) + 1 : NULL;
    }
    (void)pthread_mutex_lock(&j->lock);
    size_t n = g->len > 0 ? j->listeners_len : 0;
    outbox_listener_fn *outbox_listener = g->outbox_added > 0 ? j->outbox_listener.fn : NULL;
    (void)pthread_mutex_unlock(&j->lock);
    for (size_t i = 0; i < n; i++) /* without the lock: entries do not change once added */
        j->listeners[i].fn(j->listeners[i].ctx, g->changes, g->len);
    if (outbox_listener)
        outbox_listener(j->outbox_listener.ctx, OUTBOX_KIND_BIT(OUTBOX_REPORT) | g->added_kinds);
}

/* done() may free the operation. */
static void complete_op(struct jobs *j, struct jobs_op *op)
{
    if (op->kind == JOBS_ACCEPT && op->result == 0 && op->u.accept.existing)
        op->u.accept.position =
            op->u.accept.state == JOB_QUEUED ? rankset_rank(&j->queued, op->u.accept.seq) : 0;
    /* A row is finished in a later transaction than it is claimed in. */
    if (op->kind == JOBS_ACCEPT)
        op->u.accept.fresh = op->result == 0 && !op->u.accept.existing && !op->u.accept.replay &&
                             j->group.moved[JOB_CANCELLED] == 0;
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

/* ---- one transaction ---- */

/* Sets why if nothing new should be accepted: the rest of the disk is for finishing jobs. */
static void check_disk(struct jobs *j, char *why, size_t size)
{
    struct statvfs fs;

    why[0] = '\0';
    if (j->reserve_bytes < 0 || statvfs(j->dir, &fs) < 0)
        return; /* an error of the disk will show when we write */
    uint64_t room = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (room < (uint64_t)j->reserve_bytes)
        (void)snprintf(why, size, "only %llu MiB are free under DATA_DIR, less than the reserve",
                       (unsigned long long)(room / (uint64_t)MIB));
}

static void clear_group(struct jobs_group *g)
{
    g->len = 0;
    g->ids.len = 0;
    memset(g->moved, 0, sizeof g->moved);
    g->late_reports = g->outbox_added = g->outbox_removed = g->operations = 0;
    g->added_kinds = 0;
}

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

static int commit_group(struct jobs *j, struct jobs_op *ops, bool more, struct err *e)
{
    clear_group(&j->group);
    check_disk(j, j->group.low_disk, sizeof j->group.low_disk);
    if (db_begin(j->db, e) < 0)
        return -1;
    if (apply_ops(j, ops, more, e) < 0) {
        db_rollback(j->db);
        return -1;
    }
    return db_commit(j->db, e);
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

    if (commit_group(j, ops, more, &e) == 0) {
        metrics_time(METRICS_COMMIT, clock_mono_ns() - began);
        update_counts(j);
        set_writable(j, j->group.low_disk[0] ? j->group.low_disk : NULL);
        notify_listeners(j);
        complete_ops(j, ops);
        return;
    }
    jobs_inbox_drop_cache(j);
    if (e.kind != ERR_BUG || !ops->next) {
        if (e.kind == ERR_DISK)
            set_writable(j, e.msg);
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
        set_writable(j, e.msg);
        return;
    }
    check_disk(j, why, sizeof why);
    set_writable(j, why[0] ? why : NULL);
}

static void run_maintenance(struct jobs *j)
{
    struct err e = { 0 };
    bool more = false;

    if (clock_mono_ns() < j->maintenance_ns)
        return;
    j->maintenance_ns = clock_mono_ns() + MAINTENANCE_NS;
    if (!j->counts.writable)
        probe_disk(j);
    if (!j->counts.writable || j->retention_ms <= 0)
        return;
    if (jobs_expire(j, &more, &e) < 0)
        set_writable(j, e.msg);
    else if (more)
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
    }
    return NULL;
}

int jobs_writer_start(struct jobs *j, struct err *e)
{
    update_oldest(j);
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
}

/* ---- the callers' side ---- */

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
