/* What one operation does inside the transaction of its group. Reads first, writes last: an
 * operation that is refused has written nothing, so that its neighbours may commit. */
#include <stdio.h>
#include <string.h>

#include "schema/clock.h"
#include "schema/jobs_internal.h"
#include "schema/report.h"

#define ERROR_LISTED    200 /* bytes of a report's error kept beside the row */
#define REFUSE(op, ...) ((op)->result = err_set(&(op)->err, __VA_ARGS__), 0)

/* Whatever enters the queue is put into the set after the commit, which must not fail then. */
static int reserve_place(struct jobs *j, int64_t seq)
{
    (void)pthread_mutex_lock(&j->memory_lock);
    int rc = seqset_reserve(&j->queued, seq);
    (void)pthread_mutex_unlock(&j->memory_lock);
    return rc;
}

/* from is -1 for a new row. */
static int note(struct jobs *j, int64_t seq, const char *id, int from, enum job_state to,
                struct err *e)
{
    struct jobs_group *g = &j->group;
    size_t at = g->ids.len;

    if ((to == JOB_QUEUED && reserve_place(j, seq) < 0) || buf_add(&g->ids, id, strlen(id) + 1) < 0)
        return err_set(e, ERR_NOMEM, "job %s", id);
    g->changes[g->len] = (struct jobs_change){ .seq = seq, .state = to };
    g->id_at[g->len++] = at;
    if (from >= 0)
        g->moved[from]--;
    g->moved[to]++;
    return 0;
}

struct row {
    int64_t seq;
    enum job_state state;
    char id[SUBMISSION_ID_MAX + 1];
};

/* 1 found, 0 not, -1. By its id, or by its number where id is NULL. */
static int find_row(struct jobs *j, const char *id, int64_t seq, struct row *ret_row, struct err *e)
{
    JOBS_SQL(by_id) = "SELECT seq, state, id FROM job WHERE id = ?1";
    JOBS_SQL(by_seq) = "SELECT seq, state, id FROM job WHERE seq = ?1";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, id ? by_id : by_seq, e);
    if (!q)
        return -1;
    if (id)
        db_bind_text(q, 1, id);
    else
        db_bind_int(q, 1, seq);
    int n = db_step(q, e);
    if (n <= 0)
        return n;
    ret_row->seq = db_int(q, 0);
    ret_row->state = (enum job_state)db_int(q, 1);
    (void)snprintf(ret_row->id, sizeof ret_row->id, "%s", db_text(q, 2, NULL));
    return 1;
}

/* ---- accept ---- */

/* Old ids and new ones share no page of the index when they begin with the time, so that a table
 * of a million rows takes new ones as fast as an empty one. The rest is random: 80 bits. */
static void make_id(int64_t now_ms, char out[SUBMISSION_ID_MAX + 1])
{
    char random[TEXT_ID_SIZE];

    text_random_id(random);
    (void)snprintf(out, SUBMISSION_ID_MAX + 1, "%012llx%s", (unsigned long long)now_ms,
                   random + 12);
}

/* The row that has this id already: 1 and the operation is answered, 0 when there is none. */
static int answer_existing(struct jobs *j, struct jobs_op *op, struct err *e)
{
    JOBS_SQL(select) = "SELECT seq, hash, state, submitted_ms FROM job WHERE id = ?1";
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
    if (len != sizeof s->hash || memcmp(hash, s->hash, len) != 0) {
        (void)REFUSE(op, ERR_CONFLICT, "the id '%.60s' is taken by another submission", s->id);
        return 1;
    }
    op->u.accept.existing = true;
    op->u.accept.seq = db_int(q, 0);
    op->u.accept.state = (enum job_state)db_int(q, 2);
    op->u.accept.submitted_ms = db_int(q, 3);
    return 1;
}

/* 1 inserted, 0 when the id is taken. */
static int insert_job(struct jobs *j, struct jobs_op *op, struct err *e)
{
    JOBS_SQL(insert) = "INSERT INTO job(id, hash, language, submitted_ms, tests_total)"
                       " VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(id) DO NOTHING";
    const struct submission *s = op->u.accept.submission;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, insert, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, op->u.accept.id);
    db_bind_blob(q, 2, s->hash, sizeof s->hash);
    db_bind_text(q, 3, s->language);
    db_bind_int(q, 4, op->u.accept.submitted_ms);
    db_bind_int(q, 5, (int64_t)s->tests_len);
    if (db_run(q, e) < 0)
        return -1;
    op->u.accept.seq = db_last_seq(j->db);
    return db_changes(j->db) > 0;
}

static int insert_body(struct jobs *j, int64_t seq, const struct submission_packed *p,
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

static int keep_text(struct jobs *j, const struct text_ref *text, int64_t *ret_number,
                     struct err *e)
{
    JOBS_SQL(select) = "SELECT number FROM text WHERE hash = ?1";
    JOBS_SQL(insert) = "INSERT INTO text(hash, body) VALUES(?1, ?2)";
    CLEANUP(db_donep) struct db_stmt *find = db_prepare(j->db, select, e);
    CLEANUP(db_donep) struct db_stmt *put = db_prepare(j->db, insert, e);
    if (!find || !put)
        return -1;
    db_bind_blob(find, 1, text->hash, sizeof text->hash);
    int n = db_step(find, e);
    if (n < 0)
        return -1;
    if (n > 0) {
        *ret_number = db_int(find, 0);
        return 0;
    }
    db_bind_blob(put, 1, text->hash, sizeof text->hash);
    db_bind_blob(put, 2, text->data, text->len);
    if (db_run(put, e) < 0)
        return -1;
    *ret_number = db_last_seq(j->db);
    return 0;
}

static int insert_texts(struct jobs *j, int64_t seq, const struct submission_packed *p,
                        struct err *e)
{
    JOBS_SQL(insert) = "INSERT INTO text_use(seq, text) VALUES(?1, ?2) ON CONFLICT DO NOTHING";

    for (size_t i = 0; i < p->texts_len; i++) {
        CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, insert, e);
        int64_t number;
        if (!q || keep_text(j, &p->texts[i], &number, e) < 0)
            return -1;
        db_bind_int(q, 1, seq);
        db_bind_int(q, 2, number);
        if (db_run(q, e) < 0)
            return -1;
    }
    return 0;
}

static int64_t queued_now(const struct jobs *j)
{
    return j->counts.queued + j->group.moved[JOB_QUEUED];
}

static int accept(struct jobs *j, struct jobs_op *op, struct err *e)
{
    const struct submission *s = op->u.accept.submission;
    bool full = queued_now(j) >= j->max_queued;
    int n;

    op->u.accept.existing = false;
    op->u.accept.submitted_ms = clock_wall_ms();
    if (s->id)
        (void)snprintf(op->u.accept.id, sizeof op->u.accept.id, "%s", s->id);
    else
        make_id(op->u.accept.submitted_ms, op->u.accept.id);

    /* What is here already is answered even when nothing new may come in. */
    if (full || j->group.low_disk[0]) {
        n = answer_existing(j, op, e);
        if (n != 0)
            return n < 0 ? -1 : 0;
        return full ? REFUSE(op, ERR_QUEUE_FULL, "%lld submissions are waiting already",
                             (long long)j->max_queued)
                    : REFUSE(op, ERR_DISK, "%s", j->group.low_disk);
    }

    n = insert_job(j, op, e);
    if (n == 0 && (n = answer_existing(j, op, e)) != 0)
        return n < 0 ? -1 : 0;
    if (n < 0 || insert_body(j, op->u.accept.seq, op->u.accept.packed, e) < 0 ||
        insert_texts(j, op->u.accept.seq, op->u.accept.packed, e) < 0 ||
        note(j, op->u.accept.seq, op->u.accept.id, -1, JOB_QUEUED, e) < 0)
        return -1;
    op->u.accept.state = JOB_QUEUED;
    op->u.accept.position = queued_now(j); /* it is the last */
    return 0;
}

/* ---- claim, give back ---- */

/* One index seek per language; *ret_seq 0 when nothing is queued in any. */
static int oldest(struct jobs *j, const char *const *languages, int64_t *ret_seq, struct err *e)
{
    JOBS_SQL(select) = "SELECT seq FROM job WHERE state = 0 AND language = ?1 ORDER BY seq LIMIT 1";
    int64_t seq = 0;

    for (; *languages; languages++) {
        CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, select, e);
        if (!q)
            return -1;
        db_bind_text(q, 1, *languages);
        int n = db_step(q, e);
        if (n < 0)
            return -1;
        if (n > 0 && (seq == 0 || db_int(q, 0) < seq))
            seq = db_int(q, 0);
    }
    *ret_seq = seq;
    return 0;
}

static int claim(struct jobs *j, struct jobs_op *op, struct err *e)
{
    JOBS_SQL(update) = "UPDATE job SET state = 1, attempts = attempts + 1, instance = ?2,"
                       " claimed_ms = ?3 WHERE seq = ?1 RETURNING id, submitted_ms, attempts";

    if (oldest(j, op->u.claim.languages, &op->u.claim.seq, e) < 0)
        return -1;
    if (op->u.claim.seq == 0)
        return 0;

    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, update, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, op->u.claim.seq);
    db_bind_text(q, 2, j->instance);
    db_bind_int(q, 3, clock_wall_ms());
    int n = db_step(q, e);
    if (n <= 0)
        return n < 0 ? -1 : err_set(e, ERR_BUG, "claim of row %lld", (long long)op->u.claim.seq);
    (void)snprintf(op->u.claim.id, sizeof op->u.claim.id, "%s", db_text(q, 0, NULL));
    op->u.claim.submitted_ms = db_int(q, 1);
    op->u.claim.attempts = db_int(q, 2);
    if (db_run(q, e) < 0) /* RETURNING tells before it is done */
        return -1;
    return note(j, op->u.claim.seq, op->u.claim.id, JOB_QUEUED, JOB_RUNNING, e);
}

static int give_back(struct jobs *j, struct jobs_op *op, struct err *e)
{
    JOBS_SQL(update) = "UPDATE job SET state = 0, attempts = attempts - ?2, instance = NULL,"
                       " claimed_ms = NULL WHERE seq = ?1";
    struct row row;

    int n = find_row(j, NULL, op->u.give_back.seq, &row, e);
    if (n < 0)
        return -1;
    if (n == 0)
        return REFUSE(op, ERR_NOT_FOUND, "no row %lld", (long long)op->u.give_back.seq);
    if (job_state_is_final(row.state))
        return REFUSE(op, ERR_FINAL, "'%.60s' is final", row.id);
    if (row.state == JOB_QUEUED)
        return 0; /* said twice: it is where it should be */

    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, update, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, row.seq);
    db_bind_int(q, 2, op->u.give_back.spend ? 0 : 1);
    if (db_run(q, e) < 0)
        return -1;
    return note(j, row.seq, row.id, JOB_RUNNING, JOB_QUEUED, e);
}

/* ---- the end of a row ---- */

static int64_t tests_passed(const struct report *r)
{
    int64_t n = 0;

    for (size_t i = 0; i < r->tests_len; i++)
        n += r->tests[i].verdict == VERDICT_OK;
    return n;
}

static void bind_measured(struct db_stmt *q, int n, const struct report *r, int64_t value)
{
    if (r->ran)
        db_bind_int(q, n, value);
    else
        db_bind_null(q, n);
}

static int update_job(struct db *d, const struct jobs_final *f, const char *error, size_t error_len,
                      struct err *e)
{
    JOBS_SQL(update) =
        "UPDATE job SET state = ?2, instance = NULL, finished_ms = ?3, verdict = ?4,"
        " tests_passed = ?5, duration_ms = ?6, cpu_time_ms = ?7, memory_bytes = ?8, error = ?9"
        " WHERE seq = ?1";
    const struct report *r = f->report;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, update, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, f->seq);
    db_bind_int(q, 2, f->state);
    db_bind_int(q, 3, r->timestamp_ms > 0 ? r->timestamp_ms : clock_wall_ms());
    db_bind_text(q, 4, verdict_name(r->verdict));
    db_bind_int(q, 5, tests_passed(r));
    bind_measured(q, 6, r, r->duration_ms);
    bind_measured(q, 7, r, r->cpu_time_ms);
    bind_measured(q, 8, r, r->memory_bytes);
    db_bind_text_n(q, 9, error, error_len);
    return db_run(q, e);
}

int jobs_finish_row(struct db *d, const struct jobs_final *f, struct err *e)
{
    JOBS_SQL(insert) = "INSERT INTO report(seq, json) VALUES(?1, ?2)";
    const char *error = f->report->error ? f->report->error : "";
    CLEANUP(freep) char *clean = NULL;
    size_t len;

    if (text_to_utf8(error, strlen(error), &clean, &len) < 0)
        return err_set(e, ERR_NOMEM, "error of row %lld", (long long)f->seq);
    if (update_job(d, f, clean, text_cut(clean, len, ERROR_LISTED), e) < 0)
        return -1;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, insert, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, f->seq);
    db_bind_text_n(q, 2, f->json, f->json_len);
    return db_run(q, e);
}

static int finish(struct jobs *j, struct jobs_op *op, struct err *e)
{
    struct row row;

    if (!op->u.finish.json) { /* could not be encoded: op->err says why */
        op->result = -1;
        return 0;
    }
    int n = find_row(j, NULL, op->u.finish.seq, &row, e);
    if (n < 0)
        return -1;
    if (n == 0)
        return REFUSE(op, ERR_NOT_FOUND, "no row %lld", (long long)op->u.finish.seq);
    if (row.state != JOB_RUNNING) {
        j->group.late_reports++;
        return REFUSE(op, ERR_FINAL, "late report: '%.60s' is %s", row.id,
                      job_state_name(row.state));
    }

    struct jobs_final f = { .seq = row.seq,
                            .state = JOB_DONE,
                            .report = op->u.finish.report,
                            .json = op->u.finish.json,
                            .json_len = op->u.finish.json_len };
    if (jobs_finish_row(j->db, &f, e) < 0)
        return -1;
    return note(j, row.seq, row.id, JOB_RUNNING, JOB_DONE, e);
}

static int cancel(struct jobs *j, struct jobs_op *op, struct err *e)
{
    struct row row;

    int n = find_row(j, op->u.cancel.id, 0, &row, e);
    if (n < 0)
        return -1;
    if (n == 0)
        return REFUSE(op, ERR_NOT_FOUND, "no submission '%.60s'", op->u.cancel.id);
    op->u.cancel.seq = row.seq;
    op->u.cancel.was_running = row.state == JOB_RUNNING;
    if (job_state_is_final(row.state))
        return REFUSE(op, ERR_FINAL, "'%.60s' is final", row.id);
    if (jobs_finish_blank(j->db, row.seq, JOB_CANCELLED, "cancelled", e) < 0)
        return -1;
    return note(j, row.seq, row.id, (int)row.state, JOB_CANCELLED, e);
}

int jobs_apply(struct jobs *j, struct jobs_op *op, struct err *e)
{
    op->result = 0;
    switch (op->kind) {
    case JOBS_ACCEPT:
        return accept(j, op, e);
    case JOBS_CLAIM:
        return claim(j, op, e);
    case JOBS_FINISH:
        return finish(j, op, e);
    case JOBS_GIVE_BACK:
        return give_back(j, op, e);
    case JOBS_CANCEL:
        return cancel(j, op, e);
    }
    return REFUSE(op, ERR_BUG, "unknown operation %d", (int)op->kind);
}
