#include "schema/store/jobs_return.h"

#include <stdio.h>

#include "schema/store/jobs_inbox.h"
#include "schema/store/jobs_labels.h"
#include "schema/store/jobs_retention.h"
#include "schema/store/jobs_table.h"
#include "schema/store/outbox.h"

struct returned_row {
    int64_t seq, rank, offset;
    bool labelled;
    char id[SUBMISSION_ID_MAX + 1];
    char language[64];
};

/* At most JOBS_RETURN_ROWS queued rows of the partition, from an offset on; those that are claimed
 * ahead are judged here, as running ones are. INDEXED BY: only the
 * queued rows are read, not the whole table; an index for this query alone would slow every insert.
 */
static int find_returnable_rows(struct jobs *j, int64_t partition, int64_t from,
                                struct returned_row *rows, size_t *ret_len, struct err *e)
{
    JOBS_SQL(select) = "SELECT seq, origin_offset, id, language, rank, labels IS NOT NULL"
                       " FROM job INDEXED BY job_queued"
                       " WHERE state = 0 AND origin_stream = ?1 AND origin_offset >= ?2"
                       " AND claim IS NULL LIMIT ?3 /*pg FOR UPDATE SKIP LOCKED */";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, select, e);
    int n;

    *ret_len = 0;
    if (!q)
        return -1;
    db_bind_int(q, 1, partition);
    db_bind_int(q, 2, from);
    db_bind_int(q, 3, JOBS_RETURN_ROWS);
    while ((n = db_step(q, e)) > 0) {
        struct returned_row *r = &rows[(*ret_len)++];
        r->seq = db_int(q, 0);
        r->offset = db_int(q, 1);
        (void)snprintf(r->id, sizeof r->id, "%s", db_text(q, 2, NULL));
        (void)snprintf(r->language, sizeof r->language, "%s", db_text(q, 3, NULL));
        r->rank = db_int(q, 4);
        r->labelled = db_int(q, 5) != 0;
    }
    return n;
}

/* Messages that repeat this row stay in the inbox: if one is read again, its row is not found and
 * it counts as new. */
static int delete_inbox_row(struct jobs *j, int64_t partition, const struct returned_row *r,
                            struct err *e)
{
    JOBS_SQL(delete) = "DELETE FROM intake WHERE stream = ?1 AND offset = ?2";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, delete, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, partition);
    db_bind_int(q, 2, r->offset);
    return db_run(q, e);
}

static int delete_row(struct jobs *j, int64_t partition, const struct returned_row *r,
                      struct err *e)
{
    JOBS_SQL(delete) = "DELETE FROM job WHERE seq = ?1";

    if (delete_inbox_row(j, partition, r, e) < 0 || jobs_delete_contents(j->db, r->seq, e) < 0 ||
        (r->labelled && jobs_labels_delete(j, r->seq, e) < 0))
        return -1;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, delete, e);
    if (!q)
        return -1;
    db_bind_int(q, 1, r->seq);
    if (db_run(q, e) < 0)
        return -1;
    struct jobs_change c = { .seq = r->seq,
                             .rank = r->rank,
                             .id = r->id,
                             .state = JOB_CANCELLED,
                             .language = r->language,
                             .returned = true };
    return jobs_record_change(j, &c, JOB_QUEUED, e);
}

int jobs_return(struct jobs *j, struct jobs_op *op, struct err *e)
{
    const struct outbox_origin o = { .topic = op->u.return_rows.topic,
                                     .partition = op->u.return_rows.partition };
    CLEANUP(freep) struct returned_row *rows = calloc(JOBS_RETURN_ROWS, sizeof *rows);
    int64_t partition;
    size_t len;

    op->u.return_rows.rows = 0;
    if (!rows)
        return err_set(e, ERR_NOMEM, "rows that go back");
    int n = jobs_inbox_find_partition(j, &o, &partition, e);
    if (n <= 0)
        return n;
    if (find_returnable_rows(j, partition, op->u.return_rows.from, rows, &len, e) < 0)
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (delete_row(j, partition, &rows[i], e) < 0)
            return -1;
    }
    op->u.return_rows.rows = (int64_t)len;
    return 0;
}
