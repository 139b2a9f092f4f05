#include "schema/store/jobs_outbox.h"

#include "schema/base/clock.h"
#include "schema/store/jobs_inbox.h"
#include "schema/store/jobs_table.h"
#include "schema/store/outbox.h"

/* ---- reports ---- */

/* The outbox row of a job's report, with origin and headers of the message the job was made from.
 */
#define INSERT_REPORT                                                                              \
    "INSERT INTO outbox(kind, seq, topic, partition, offset, sent_ms, headers, digest, "           \
    "created_ms)"                                                                                  \
    " SELECT 0, j.seq, s.topic, s.partition, j.origin_offset, i.sent_ms, h.headers, i.digest, ?2"  \
    " FROM job j LEFT JOIN stream s ON s.number = j.origin_stream"                                 \
    " LEFT JOIN intake i ON i.stream = j.origin_stream AND i.offset = j.origin_offset"             \
    " LEFT JOIN message_headers h ON h.seq = j.seq WHERE j.seq = ?1"

static int insert_report(struct db *d, const char *sql, int64_t seq, struct err *e)
{
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, sql, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, seq);
    db_bind_int(q, 2, clock_shared_ms());
    return db_run(q, e) < 0 ? -1 : (int)db_changes(d);
}

static int add_report(struct db *d, int64_t seq, struct err *e)
{
    JOBS_SQL(insert) = INSERT_REPORT;

    return insert_report(d, insert, seq, e) < 0 ? -1 : 0;
}

int jobs_outbox_add_final(struct db *d, int64_t seq, struct err *e)
{
    JOBS_SQL(insert) = INSERT_REPORT " AND j.publish = 1";

    return insert_report(d, insert, seq, e);
}

static void bind_optional_bytes(struct db_stmt *q, int n, const void *data, size_t len)
{
    if (data)
        db_bind_blob(q, n, data, len);
    else
        db_bind_null(q, n);
}

int jobs_outbox_store_headers(struct db *d, int64_t seq, const struct outbox_origin *o,
                              struct err *e)
{
    JOBS_SQL(insert) = "INSERT INTO message_headers(seq, headers) VALUES(?1, ?2)";

    if (o->headers_len == 0)
        return 0;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, insert, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, seq);
    db_bind_blob(q, 2, o->headers, o->headers_len);
    return db_run(q, e);
}

/* Binds ?5 to ?11: topic, partition, offset, sent_ms, headers, created_ms, digest. */
static void bind_origin(struct db_stmt *q, const struct outbox_origin *o)
{
    db_bind_text(q, 5, o->topic);
    db_bind_int(q, 6, o->partition);
    db_bind_int(q, 7, o->offset);
    if (o->sent_ms >= 0)
        db_bind_int(q, 8, o->sent_ms);
    else
        db_bind_null(q, 8);
    bind_optional_bytes(q, 9, o->headers_len > 0 ? o->headers : NULL, o->headers_len);
    db_bind_int(q, 10, clock_shared_ms());
    if (o->digest != 0)
        db_bind_int(q, 11, o->digest);
    else
        db_bind_null(q, 11);
}

/* The report of a known submission, with the origin of the message that repeats it. */
static int add_repeated_report(struct db *d, int64_t seq, const struct outbox_origin *o,
                               struct err *e)
{
    JOBS_SQL(insert) = "INSERT INTO outbox(kind, seq, key, payload, reason, topic, partition,"
                       " offset, sent_ms, headers, created_ms, digest)"
                       " VALUES(0, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, insert, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, seq);
    for (int n = 2; n <= 4; n++) /* key, payload and reason are the report's own */
        db_bind_null(q, n);
    bind_origin(q, o);
    return db_run(q, e);
}

/* 1, 0: retention has deleted it, -1. */
static int has_report(struct db *d, int64_t seq, struct err *e)
{
    JOBS_SQL(select) = "SELECT 1 FROM report WHERE seq = ?1";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, seq);
    return db_step(q, e);
}

int jobs_outbox_add_repeated(struct jobs *j, int64_t seq, enum job_state state,
                             const struct outbox_origin *o, struct err *e)
{
    JOBS_SQL(update) = "UPDATE job SET publish = 1 WHERE seq = ?1 AND publish = 0";

    if (job_state_is_final(state)) {
        int n = has_report(j->db, seq, e);
        if (n <= 0)
            return n; /* there is no report to publish */
        j->group.outbox_added++;
        return add_repeated_report(j->db, seq, o, e);
    }
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, update, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, seq);
    return db_run(q, e);
}

static int add_refused_row(struct jobs *j, const struct outbox_origin *o,
                           const struct outbox_dead_letter *row, struct err *e)
{
    JOBS_SQL(insert) =
        "INSERT INTO outbox(kind, key, payload, reason, topic, partition, offset, sent_ms, headers,"
        " created_ms, digest) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, insert, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, row->kind);
    bind_optional_bytes(q, 2, row->key, row->key_len);
    bind_optional_bytes(q, 3, row->payload, row->payload_len);
    db_bind_text(q, 4, row->reason);
    bind_origin(q, o);
    j->group.outbox_added++;
    j->group.added_kinds |= OUTBOX_KIND_BIT(row->kind);
    return db_run(q, e);
}

/* Whether an accepted submission has the id of this refusal: then the refusal is not published,
 * because two different reports would have the same id. 1, 0, -1. */
static int has_accepted_row(struct db *d, const struct outbox_dead_letter *row, struct err *e)
{
    JOBS_SQL(select) = "SELECT 1 FROM job WHERE id = ?1";

    if (row->kind != OUTBOX_REFUSAL || !row->key || !submission_id_is_legal(row->key, row->key_len))
        return 0;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    if (!q)
        return -1;
    db_bind_text_n(q, 1, row->key, row->key_len);
    return db_step(q, e);
}

int jobs_refuse(struct jobs *j, struct jobs_op *op, struct err *e)
{
    const struct outbox_origin *o = op->u.refuse.origin;
    int64_t seq;

    int n = jobs_inbox_find(j, o, &seq, e);
    if (n < 0)
        return -1;
    op->u.refuse.replay = n > 0;
    if (n > 0)
        return 0;
    if (j->group.low_disk[0])
        return JOBS_REFUSED(op, ERR_DISK, "%s", j->group.low_disk);
    if (jobs_inbox_add(j, o, 0, e) < 0)
        return -1;
    for (size_t i = 0; i < op->u.refuse.rows_len; i++) {
        const struct outbox_dead_letter *row = &op->u.refuse.rows[i];
        n = has_accepted_row(j->db, row, e);
        if (n < 0 || (n == 0 && add_refused_row(j, o, row, e) < 0))
            return -1;
    }
    return 0;
}

int jobs_publish(struct jobs *j, struct jobs_op *op, struct err *e)
{
    JOBS_SQL(select) = "SELECT seq, state, expired FROM job WHERE id = ?1";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, select, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, op->u.publish.id);
    int n = db_step(q, e);
    if (n < 0)
        return -1;
    if (n == 0)
        return JOBS_REFUSED(op, ERR_NOT_FOUND, "no submission '%.60s'", op->u.publish.id);
    if (!job_state_is_final((enum job_state)db_int(q, 1)))
        return JOBS_REFUSED(op, ERR_INPUT, "'%.60s' is not final yet", op->u.publish.id);
    if (db_int(q, 2) != 0)
        return JOBS_REFUSED(op, ERR_NOT_FOUND, "the report of '%.60s' was removed after RETENTION",
                            op->u.publish.id);
    if (j->group.low_disk[0])
        return JOBS_REFUSED(op, ERR_DISK, "%s", j->group.low_disk);
    j->group.outbox_added++;
    return add_report(j->db, db_int(q, 0), e);
}

int jobs_sent(struct jobs *j, struct jobs_op *op, struct err *e)
{
    JOBS_SQL(delete) = "DELETE FROM outbox WHERE number = ?1";

    for (size_t i = 0; i < op->u.sent.len; i++) {
        CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, delete, e);
        if (!q)
            return -1;
        db_bind_int(q, 1, op->u.sent.numbers[i]);
        if (db_run(q, e) < 0)
            return -1;
        j->group.outbox_removed += db_changes(j->db);
    }
    return 0;
}

int jobs_store_watermarks(struct jobs *j, struct jobs_op *op, struct err *e)
{
    JOBS_SQL(insert) = "INSERT INTO watermark(topic, partition, offset) VALUES(?1, ?2, ?3)"
                       " ON CONFLICT(topic, partition) DO UPDATE SET offset = excluded.offset";

    for (size_t i = 0; i < op->u.watermarks.len; i++) {
        const struct outbox_watermark *w = &op->u.watermarks.marks[i];
        CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, insert, e);
        if (!q)
            return -1;
        db_bind_text(q, 1, w->topic);
        db_bind_int(q, 2, w->partition);
        db_bind_int(q, 3, w->offset);
        if (db_run(q, e) < 0)
            return -1;
    }
    return 0;
}

/* ---- counts ---- */

static int read_oldest_ms(struct db *d, int64_t *ret_ms, struct err *e)
{
    JOBS_SQL(select) = "SELECT created_ms FROM outbox ORDER BY number LIMIT 1";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    if (!q)
        return -1;
    int n = db_step(q, e);
    *ret_ms = n > 0 ? db_int(q, 0) : 0;
    return n < 0 ? -1 : 0;
}

int jobs_outbox_load_counts(struct jobs *j, struct err *e)
{
    if (db_number(j->db, "SELECT count(*) FROM outbox", &j->outbox_rows, e) < 0)
        return -1;
    return read_oldest_ms(j->db, &j->outbox_oldest_ms, e);
}

void jobs_outbox_update_counts(struct jobs *j)
{
    const struct jobs_group *g = &j->group;
    int64_t ms = 0;

    if (g->outbox_added == 0 && g->outbox_removed == 0)
        return;
    int rc = read_oldest_ms(j->db, &ms, NULL);
    (void)pthread_mutex_lock(&j->memory_lock);
    j->outbox_rows += g->outbox_added - g->outbox_removed;
    if (rc == 0)
        j->outbox_oldest_ms = ms;
    (void)pthread_mutex_unlock(&j->memory_lock);
}
