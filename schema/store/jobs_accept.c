#include "schema/store/jobs_accept.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/store/jobs_inbox.h"
#include "schema/store/jobs_labels.h"
#include "schema/store/jobs_order.h"
#include "schema/store/jobs_outbox.h"
#include "schema/store/jobs_table.h"
#include "schema/store/outbox.h"

/* The id begins with the time, so that new ids go to the end of the index and inserting does not
 * become slower as the table grows. The rest is random: 80 bits. */
static void make_id(int64_t now_ms, char out[SUBMISSION_ID_MAX + 1])
{
    char random[TEXT_ID_SIZE];

    text_random_id(random);
    (void)snprintf(out, SUBMISSION_ID_MAX + 1, "%012llx%s", (unsigned long long)now_ms,
                   random + 12);
}

/* A known submission was sent again over Kafka: its report is published again. */
static int store_repetition(struct jobs *j, const struct jobs_op *op, struct err *e)
{
    if (!op->u.accept.origin)
        return 0;
    if (jobs_inbox_add(j, op->u.accept.origin, op->u.accept.seq, e) < 0)
        return -1;
    return jobs_outbox_add_repeated(j, op->u.accept.seq, op->u.accept.state, op->u.accept.origin,
                                    e);
}

/* 1: a row has this id, and the operation has its result; 0: none has. */
static int answer_existing(struct jobs *j, struct jobs_op *op, struct err *e)
{
    JOBS_SQL(select) = "SELECT seq, hash, state, submitted_ms, rank FROM job WHERE id = ?1";
    const struct submission *s = op->u.accept.submission;
    size_t len;

    if (!s->id)
        return 0;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, select, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, s->id);
    int n = db_step(q, e);
    if (n <= 0)
        return n;

    const void *hash = db_blob(q, 1, &len);
    if (!submission_hash_is(s, hash, len)) {
        (void)JOBS_REFUSED(op, ERR_CONFLICT, "the id '%.60s' is taken by another submission",
                           s->id);
        return 1;
    }
    op->u.accept.existing = true;
    op->u.accept.seq = db_int(q, 0);
    op->u.accept.state = (enum job_state)db_int(q, 2);
    op->u.accept.submitted_ms = db_int(q, 3);
    op->u.accept.rank = db_int(q, 4);
    return store_repetition(j, op, e) < 0 ? -1 : 1;
}

#define INSERT_JOB(seq, rank)                                                                      \
    "INSERT INTO job(seq, rank, id, hash, language, submitted_ms, tests_total, publish, told_id,"  \
    " change, origin_stream, origin_offset, owner, labels) VALUES(" seq ", " rank                  \
    ", ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?15) ON CONFLICT(id) DO NOTHING"              \
    " /*pg RETURNING seq */"

static void bind_source(struct db_stmt *q, const struct outbox_origin *o, int64_t partition)
{
    if (o) {
        db_bind_int(q, 9, partition);
        db_bind_int(q, 10, o->offset);
    } else {
        db_bind_null(q, 9);
        db_bind_null(q, 10);
    }
}

/* SQLite would give the number of a deleted row again, so a table of our own counts itself. Of a
 * shared one the sequence does, and the ticket of a row is known only in the statement. */
static void bind_number(struct jobs *j, struct db_stmt *q, const struct jobs_op *op, int64_t rank)
{
    int64_t lowest = jobs_order_lowest(op->u.accept.submission->priority);
    int64_t seq = j->last_seq + 1;

    if (j->backend->shared) {
        db_bind_int(q, 12, rank);
        db_bind_int(q, 13, lowest);
        db_bind_int(q, 14, JOBS_ORDER_STEP);
    } else {
        db_bind_int(q, 12, rank > 0 ? rank : lowest + seq * JOBS_ORDER_STEP);
        db_bind_int(q, 13, seq);
    }
}

/* 1 inserted, 0: the id is in use. */
static int insert_job(struct jobs *j, struct jobs_op *op, int64_t rank, struct err *e)
{
    JOBS_SQL(shared) =
        INSERT_JOB("nextval('job_seq_seq')",
                   "CASE WHEN ?12 > 0 THEN ?12 ELSE ?13 + ?14 * currval('job_seq_seq') END");
    JOBS_SQL(alone) = INSERT_JOB("?13", "?12");
    const struct submission *s = op->u.accept.submission;
    const struct outbox_origin *o = op->u.accept.origin;
    const char *published_id = op->u.accept.derived;
    int64_t partition = 0;
    if (o && jobs_inbox_ensure_partition(j, o, &partition, e) < 0)
        return -1;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, j->backend->shared ? shared : alone, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, op->u.accept.id);
    db_bind_blob(q, 2, s->hash, s->id ? sizeof s->hash : 0);
    db_bind_text(q, 3, s->language);
    db_bind_int(q, 4, op->u.accept.submitted_ms);
    db_bind_int(q, 5, (int64_t)s->tests_len);
    db_bind_int(q, 6, o || j->publish_all);
    db_bind_text(q, 7,
                 published_id && strcmp(published_id, op->u.accept.id) != 0 ? published_id : NULL);
    db_bind_int(q, 8, j->revision + 1);
    bind_source(q, o, partition);
    db_bind_text(q, 11, op->u.accept.owner);
    db_bind_text(q, 15, s->labels);
    bind_number(j, q, op, rank);
    int n = db_insert(q, &op->u.accept.seq, e);
    if (n > 0 && !j->backend->shared)
        j->last_seq = op->u.accept.seq;
    return n;
}

static int insert_submission(struct jobs *j, int64_t seq, const struct submission_packed *p,
                             struct err *e)
{
    JOBS_SQL(insert) = "INSERT INTO body(seq, json) VALUES(?1, ?2)";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, insert, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, seq);
    db_bind_text_n(q, 2, p->json, p->json_len);
    return db_run(q, e);
}

static int store_blob(struct jobs *j, const struct blob_ref *blob, int64_t *ret_number,
                      struct err *e)
{
    JOBS_SQL(select) = "SELECT number FROM text WHERE hash = ?1";
    JOBS_SQL(insert) =
        "INSERT INTO text(hash, body) VALUES(?1, ?2)"
        " /*pg ON CONFLICT(hash) DO UPDATE SET hash = excluded.hash RETURNING number */";
    CLEANUP(db_donep) struct db_stmt *find = db_prepare(j->db, select, e);
    CLEANUP(db_donep) struct db_stmt *put = db_prepare(j->db, insert, e);
    if (!find || !put)
        return -1;
    db_bind_blob(find, 1, blob->hash, sizeof blob->hash);
    int n = db_step(find, e);
    if (n < 0)
        return -1;
    if (n > 0) {
        *ret_number = db_int(find, 0);
        return 0;
    }
    db_bind_blob(put, 1, blob->hash, sizeof blob->hash);
    db_bind_blob(put, 2, blob->data, blob->len);
    return db_insert(put, ret_number, e) < 0 ? -1 : 0;
}

static int insert_blob_refs(struct jobs *j, int64_t seq, const struct submission_packed *p,
                            struct err *e)
{
    JOBS_SQL(insert) = "INSERT INTO text_use(seq, text) VALUES(?1, ?2) ON CONFLICT DO NOTHING";

    for (size_t i = 0; i < p->blobs_len; i++) {
        CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, insert, e);
        int64_t number;
        if (!q || store_blob(j, &p->blobs[i], &number, e) < 0)
            return -1;
        db_bind_int(q, 1, seq);
        db_bind_int(q, 2, number);
        if (db_run(q, e) < 0)
            return -1;
    }
    return 0;
}

static int64_t count_queued(struct jobs *j)
{
    (void)pthread_mutex_lock(&j->memory_lock); /* of a shared table another thread counts */
    int64_t queued = j->counts.queued;
    (void)pthread_mutex_unlock(&j->memory_lock);
    return queued + j->group.moved[JOB_QUEUED];
}

/* ---- its id ---- */

/* Writes the id to try at this attempt, from 0. False: there is none left. */
static bool write_candidate_id(struct jobs_op *op, int attempt)
{
    const char *own = op->u.accept.submission->id, *derived = op->u.accept.derived;
    const struct outbox_origin *o = op->u.accept.origin;
    const size_t size = sizeof op->u.accept.id;
    int n;

    if (own) {
        (void)snprintf(op->u.accept.id, size, "%s", own);
        return attempt == 0;
    }
    if (derived && attempt <= (o ? 1 : 0)) {
        n = attempt == 0 ? snprintf(op->u.accept.id, size, "%s", derived)
                         : snprintf(op->u.accept.id, size, "%s@%" PRId32 ":%" PRId64, derived,
                                    o->partition, o->offset);
        if (n > 0 && (size_t)n < size)
            return true;
    }
    make_id(op->u.accept.submitted_ms, op->u.accept.id); /* also if those are too long */
    return attempt <= 2;
}

/* 1 inserted, 0: all its ids are in use. */
static int insert_with_free_id(struct jobs *j, struct jobs_op *op, int64_t rank, struct err *e)
{
    int64_t lowest = jobs_order_lowest(op->u.accept.submission->priority);
    int n = 0;

    for (int attempt = 0; n == 0 && write_candidate_id(op, attempt); attempt++)
        n = insert_job(j, op, rank, e);
    op->u.accept.rank = rank > 0 ? rank : lowest + op->u.accept.seq * JOBS_ORDER_STEP;
    if (n > 0 && !op->u.accept.owner)
        jobs_order_unowned(j, op->u.accept.rank);
    return n;
}

/* ---- accept ---- */

/* Whether it is behind all rows that are queued, or may be said to be: in a shared table asking for
 * its place is a query for each row, so it is asked only for one that may be far in front. */
static bool is_last(const struct jobs *j, int64_t rank, int64_t priority)
{
    return j->backend->shared && rank == 0 && priority <= 0;
}

/* 1: the message was read before, and the operation has its result; 0: it is new. */
static int answer_replay(struct jobs *j, struct jobs_op *op, struct err *e)
{
    JOBS_SQL(select) = "SELECT id, state, submitted_ms, rank FROM job WHERE seq = ?1";
    int64_t seq;

    int n = op->u.accept.origin ? jobs_inbox_find(j, op->u.accept.origin, &seq, e) : 0;
    if (n <= 0)
        return n;
    op->u.accept.replay = true;
    if (seq == 0)
        return 1;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, select, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, seq);
    n = db_step(q, e);
    if (n <= 0) { /* it repeated a row that was returned to Kafka since */
        op->u.accept.replay = false;
        return n;
    }
    op->u.accept.existing = true;
    op->u.accept.seq = seq;
    (void)snprintf(op->u.accept.id, sizeof op->u.accept.id, "%s", db_text(q, 0, NULL));
    op->u.accept.state = (enum job_state)db_int(q, 1);
    op->u.accept.submitted_ms = db_int(q, 2);
    op->u.accept.rank = db_int(q, 3);
    return 1;
}

/* A known submission is answered even while new ones are refused. */
static int refuse_new(struct jobs *j, struct jobs_op *op, bool full, struct err *e)
{
    int n = answer_existing(j, op, e);

    if (n != 0)
        return n < 0 ? -1 : 0;
    return full ? JOBS_REFUSED(op, ERR_QUEUE_FULL, "%lld submissions are waiting already",
                               (long long)j->max_queued)
                : JOBS_REFUSED(op, ERR_DISK, "%s", j->group.low_disk);
}

static int insert_contents(struct jobs *j, struct jobs_op *op, struct err *e)
{
    const struct submission_packed *p = op->u.accept.packed;
    const struct outbox_origin *o = op->u.accept.origin;
    int64_t seq = op->u.accept.seq;

    const char *labels = op->u.accept.submission->labels;

    if (insert_submission(j, seq, p, e) < 0 || insert_blob_refs(j, seq, p, e) < 0 ||
        (labels && jobs_labels_add(j, seq, op->u.accept.submitted_ms, labels, e) < 0))
        return -1;
    if (!o)
        return 0;
    return jobs_outbox_store_headers(j->db, seq, o, e) < 0 ? -1 : jobs_inbox_add(j, o, seq, e);
}

int jobs_accept(struct jobs *j, struct jobs_op *op, struct err *e)
{
    int64_t queued = count_queued(j), rank = 0;
    bool full = queued >= j->max_queued;

    op->u.accept.existing = op->u.accept.replay = false;
    op->u.accept.seq = op->u.accept.position = 0;
    op->u.accept.id[0] = '\0';
    op->u.accept.submitted_ms = clock_shared_ms();
    int n = answer_replay(j, op, e);
    if (n != 0)
        return n < 0 ? -1 : 0;
    (void)write_candidate_id(op, 0); /* the id to return if nothing is inserted */
    if (full || j->group.low_disk[0])
        return refuse_new(j, op, full, e);

    if (jobs_order_rank(j, &op->u.accept, queued, &rank, e) < 0)
        return -1;
    n = insert_with_free_id(j, op, rank, e);
    if (n == 0 && (n = answer_existing(j, op, e)) != 0)
        return n < 0 ? -1 : 0;
    if (n == 0)
        return err_set(e, ERR_BUG, "no id is free for a submission");
    struct jobs_change c = { .seq = op->u.accept.seq,
                             .rank = op->u.accept.rank,
                             .id = op->u.accept.id,
                             .state = JOB_QUEUED,
                             .language = op->u.accept.submission->language };
    if (n < 0 || insert_contents(j, op, e) < 0 || jobs_record_change(j, &c, -1, e) < 0)
        return -1;
    op->u.accept.state = JOB_QUEUED;
    if (is_last(j, rank, op->u.accept.submission->priority))
        op->u.accept.position = queued + 1;
    return 0;
}
