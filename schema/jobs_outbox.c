/* What was read from Kafka, and what it must still be told, within the transaction of a group. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "schema/clock.h"
#include "schema/jobs_internal.h"

/* ---- streams: a topic's partition has a number ---- */

static int64_t known_stream(const struct jobs *j, const struct outbox_origin *o)
{
    for (size_t i = 0; i < j->streams_len; i++)
        if (j->streams[i].partition == o->partition && strcmp(j->streams[i].topic, o->topic) == 0)
            return j->streams[i].number;
    return 0;
}

/* One more that cannot be remembered is looked up again each time. */
static void remember_stream(struct jobs *j, const struct outbox_origin *o, int64_t number)
{
    char *topic = j->streams_len < JOBS_STREAMS ? strdup(o->topic) : NULL;

    if (topic)
        j->streams[j->streams_len++] =
            (struct jobs_stream){ .topic = topic, .partition = o->partition, .number = number };
}

void jobs_intake_forget(struct jobs *j)
{
    while (j->streams_len > 0)
        free(j->streams[--j->streams_len].topic);
}

/* *ret_number is 0 when it is not in the table. */
static int find_stream(struct jobs *j, const struct outbox_origin *o, int64_t *ret_number,
                       struct err *e)
{
    JOBS_SQL(select) = "SELECT number FROM stream WHERE topic = ?1 AND partition = ?2";

    *ret_number = known_stream(j, o);
    if (*ret_number > 0)
        return 0;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, select, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, o->topic);
    db_bind_int(q, 2, o->partition);
    int n = db_step(q, e);
    if (n > 0) {
        *ret_number = db_int(q, 0);
        remember_stream(j, o, *ret_number);
    }
    return n < 0 ? -1 : 0;
}

static int need_stream(struct jobs *j, const struct outbox_origin *o, int64_t *ret_number,
                       struct err *e)
{
    JOBS_SQL(insert) = "INSERT INTO stream(topic, partition) VALUES(?1, ?2)";

    if (find_stream(j, o, ret_number, e) < 0)
        return -1;
    if (*ret_number > 0)
        return 0;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, insert, e);
    if (!q)
        return -1;
    db_bind_text(q, 1, o->topic);
    db_bind_int(q, 2, o->partition);
    if (db_run(q, e) < 0)
        return -1;
    *ret_number = db_last_seq(j->db);
    remember_stream(j, o, *ret_number);
    return 0;
}

/* ---- intake: which messages were read ---- */

int jobs_intake_find(struct jobs *j, const struct outbox_origin *o, int64_t *ret_seq, struct err *e)
{
    JOBS_SQL(select) = "SELECT seq FROM intake WHERE stream = ?1 AND offset = ?2";
    int64_t stream;

    if (find_stream(j, o, &stream, e) < 0)
        return -1;
    if (stream == 0)
        return 0;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, select, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, stream);
    db_bind_int(q, 2, o->offset);
    int n = db_step(q, e);
    if (n > 0)
        *ret_seq = db_int(q, 0);
    return n;
}

int jobs_intake_put(struct jobs *j, const struct outbox_origin *o, int64_t seq, struct err *e)
{
    JOBS_SQL(insert) = "INSERT INTO intake(stream, offset, seq) VALUES(?1, ?2, ?3)";
    int64_t stream;

    if (need_stream(j, o, &stream, e) < 0)
        return -1;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, insert, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, stream);
    db_bind_int(q, 2, o->offset);
    if (seq > 0)
        db_bind_int(q, 3, seq);
    else
        db_bind_null(q, 3);
    return db_run(q, e);
}

/* ---- the outbox ---- */

static int put_report(struct db *d, int64_t seq, struct err *e)
{
    JOBS_SQL(insert) = "INSERT INTO outbox(kind, seq, created_ms) VALUES(0, ?1, ?2)";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, insert, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, seq);
    db_bind_int(q, 2, clock_wall_ms());
    return db_run(q, e);
}

int jobs_outbox_final(struct db *d, int64_t seq, struct err *e)
{
    JOBS_SQL(select) = "SELECT publish FROM job WHERE seq = ?1";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, seq);
    int n = db_step(q, e);
    if (n <= 0 || db_int(q, 0) == 0)
        return n < 0 ? -1 : 0;
    return put_report(d, seq, e) < 0 ? -1 : 1;
}

static bool has_expired(struct db *d, int64_t seq)
{
    JOBS_SQL(select) = "SELECT 1 FROM report WHERE seq = ?1";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, NULL);
    if (!q)
        return true;
    db_bind_int(q, 1, seq);
    return db_step(q, NULL) <= 0;
}

int jobs_outbox_again(struct jobs *j, int64_t seq, enum job_state state, struct err *e)
{
    JOBS_SQL(update) = "UPDATE job SET publish = 1 WHERE seq = ?1 AND publish = 0";

    if (job_state_is_final(state)) {
        if (has_expired(j->db, seq))
            return 0; /* there is nothing left to tell */
        j->group.told++;
        return put_report(j->db, seq, e);
    }
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, update, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, seq);
    return db_run(q, e);
}

static void bind_bytes(struct db_stmt *q, int n, const void *data, size_t len)
{
    if (data)
        db_bind_blob(q, n, data, len);
    else
        db_bind_null(q, n);
}

static int put_letter(struct jobs *j, const struct outbox_origin *o, const struct outbox_letter *l,
                      struct err *e)
{
    JOBS_SQL(insert) =
        "INSERT INTO outbox(kind, key, payload, reason, topic, partition, offset, created_ms)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, insert, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, l->kind);
    bind_bytes(q, 2, l->key, l->key_len);
    bind_bytes(q, 3, l->payload, l->payload_len);
    db_bind_text(q, 4, l->reason);
    db_bind_text(q, 5, o->topic);
    db_bind_int(q, 6, o->partition);
    db_bind_int(q, 7, o->offset);
    db_bind_int(q, 8, clock_wall_ms());
    j->group.told++;
    return db_run(q, e);
}

int jobs_refuse(struct jobs *j, struct jobs_op *op, struct err *e)
{
    const struct outbox_origin *o = op->u.refuse.origin;
    int64_t seq;

    int n = jobs_intake_find(j, o, &seq, e);
    if (n < 0)
        return -1;
    op->u.refuse.replay = n > 0;
    if (n > 0)
        return 0;
    if (j->group.low_disk[0])
        return JOBS_REFUSED(op, ERR_DISK, "%s", j->group.low_disk);
    if (jobs_intake_put(j, o, 0, e) < 0)
        return -1;
    for (size_t i = 0; i < op->u.refuse.letters_len; i++)
        if (put_letter(j, o, &op->u.refuse.letters[i], e) < 0)
            return -1;
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
    j->group.told++;
    return put_report(j->db, db_int(q, 0), e);
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
        j->group.sent += db_changes(j->db);
    }
    return 0;
}

int jobs_keep_watermarks(struct jobs *j, struct jobs_op *op, struct err *e)
{
    JOBS_SQL(insert) =
        "INSERT OR REPLACE INTO watermark(topic, partition, offset) VALUES(?1, ?2, ?3)";

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

/* ---- how many, how old ---- */

static int oldest(struct db *d, int64_t *ret_ms, struct err *e)
{
    JOBS_SQL(select) = "SELECT created_ms FROM outbox ORDER BY number LIMIT 1";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    if (!q)
        return -1;
    int n = db_step(q, e);
    *ret_ms = n > 0 ? db_int(q, 0) : 0;
    return n < 0 ? -1 : 0;
}

int jobs_outbox_load(struct jobs *j, struct err *e)
{
    if (db_number(j->db, "SELECT count(*) FROM outbox", &j->outbox_rows, e) < 0)
        return -1;
    return oldest(j->db, &j->outbox_oldest_ms, e);
}

void jobs_outbox_remember(struct jobs *j)
{
    const struct jobs_group *g = &j->group;
    int64_t ms = 0;

    if ((g->told == 0 && g->sent == 0) || oldest(j->db, &ms, NULL) < 0)
        return;
    (void)pthread_mutex_lock(&j->memory_lock);
    j->outbox_rows += g->told - g->sent;
    j->outbox_oldest_ms = ms;
    (void)pthread_mutex_unlock(&j->memory_lock);
}
