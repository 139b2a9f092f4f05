#include "schema/store/outbox.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "schema/base/clock.h"
#include "schema/store/jobs_table.h"

#define STAMP_INTERVAL_MS 60000

static void clear_outbox_item(struct outbox_item *i)
{
    free(i->key);
    free(i->payload);
    free(i->reason);
    free(i->topic);
    free(i->headers);
    (void)submission_free(i->submission);
}

void outbox_batch_clear(struct outbox_batch *b)
{
    for (size_t i = 0; i < b->len; i++)
        clear_outbox_item(&b->items[i]);
    free(b->items);
    *b = (struct outbox_batch){ 0 };
}

/* Copies a column's bytes and adds a NUL; for NULL *ret_data stays NULL. */
static int copy_bytes(struct db_stmt *q, int column, char **ret_data, size_t *ret_len)
{
    size_t len;

    if (db_is_null(q, column))
        return 0;
    const void *data = db_blob(q, column, &len);
    char *copy = malloc(len + 1);
    if (!copy)
        return -1;
    memcpy(copy, data, len);
    copy[len] = '\0';
    *ret_data = copy;
    *ret_len = len;
    return 0;
}

static int copy_columns(struct db_stmt *q, struct outbox_item *i)
{
    size_t len;

    i->number = db_int(q, 0);
    i->kind = (enum outbox_kind)db_int(q, 1);
    i->seq = db_int(q, 2);
    i->partition = (int32_t)db_int(q, 7);
    i->offset = db_int(q, 8);
    i->sent_ms = db_is_null(q, 9) ? -1 : db_int(q, 9);
    i->digest = db_int(q, 11);
    if (copy_bytes(q, 3, &i->key, &i->key_len) < 0 ||
        copy_bytes(q, 4, &i->payload, &i->payload_len) < 0 ||
        copy_bytes(q, 5, &i->reason, &len) < 0 || copy_bytes(q, 6, &i->topic, &len) < 0 ||
        copy_bytes(q, 10, &i->headers, &i->headers_len) < 0)
        return -1;
    return 0;
}

/* Without its submission, which retention may have deleted, the report is published all the same.
 */
static int load_item_submission(struct db *d, struct outbox_item *i, struct err *e)
{
    struct err why;

    if (i->kind != OUTBOX_REPORT ||
        jobs_load_submission(d, i->seq, true, &i->submission, &why) == 0)
        return 0;
    return why.kind == ERR_DISK || why.kind == ERR_NOMEM ? err_set(e, why.kind, "%s", why.msg) : 0;
}

static size_t item_bytes(const struct outbox_item *i)
{
    const struct submission *s = i->submission;
    size_t size = i->payload_len + (s ? source_tree_size(&s->source) : 0);

    for (size_t n = 0; s && n < s->tests_len; n++)
        size += s->tests[n].input.len + s->tests[n].expected.len;
    return size;
}

static int append_item(struct outbox_batch *b, struct db_stmt *q, struct err *e)
{
    struct outbox_item *grown = realloc(b->items, (b->len + 1) * sizeof *grown);

    if (!grown)
        return err_set(e, ERR_NOMEM, "the outbox");
    b->items = grown;
    b->items[b->len] = (struct outbox_item){ 0 };
    if (copy_columns(q, &b->items[b->len++]) < 0)
        return err_set(e, ERR_NOMEM, "the outbox");
    return 0;
}

/* Appends the row and, for a report, its submission. */
static int read_outbox_item(struct db *d, int64_t number, struct outbox_batch *b, struct err *e)
{
    JOBS_SQL(select) =
        "SELECT o.number, o.kind, o.seq,"
        " CASE o.kind WHEN 0 THEN /*pg convert_to( */ coalesce(j.told_id, j.id)"
        " /*pg , 'UTF8') */ ELSE o.key END,"
        " CASE o.kind WHEN 0 THEN r.json ELSE o.payload END, o.reason, o.topic, o.partition,"
        " o.offset, o.sent_ms, o.headers, o.digest FROM outbox o LEFT JOIN job j ON j.seq = o.seq"
        " LEFT JOIN report r ON r.seq = o.seq WHERE o.number = ?1";
    CLEANUP(db_donep) struct db_stmt *q = jobs_select_row(d, select, number, e);
    if (!q || append_item(b, q, e) < 0)
        return -1;
    return load_item_submission(d, &b->items[b->len - 1], e);
}

/* While the outer statement is open, all is read from one snapshot. */
static int read_outbox_items(struct db *d, const struct outbox_question *question,
                             struct outbox_batch *b, struct err *e)
{
    JOBS_SQL(select) = "SELECT number, kind FROM outbox WHERE number > ?1 ORDER BY number LIMIT ?2";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    size_t bytes = 0;
    int n = 0;

    if (!q)
        return -1;
    db_bind_int(q, 1, question->after);
    db_bind_int(q, 2, (int64_t)question->max_rows);
    while (bytes <= question->max_bytes && (n = db_step(q, e)) > 0) {
        int64_t number = db_int(q, 0);
        enum outbox_choice choice = OUTBOX_TAKE;
        b->more = true;
        if (question->choose)
            choice = question->choose(question->ctx, number, (enum outbox_kind)db_int(q, 1));
        if (choice == OUTBOX_END)
            break;
        if (choice == OUTBOX_TAKE) {
            if (read_outbox_item(d, number, b, e) < 0)
                return -1;
            bytes += item_bytes(&b->items[b->len - 1]);
        }
        b->last = number;
    }
    return n < 0 ? -1 : 0;
}

int outbox_read(struct jobs *j, const struct outbox_question *question,
                struct outbox_batch *ret_batch, struct err *e)
{
    struct outbox_batch b = { .last = question->after };
    struct db *d = jobs_readers_acquire(&j->readers);
    int rc = read_outbox_items(d, question, &b, e);

    jobs_readers_release(&j->readers, d);
    if (rc < 0)
        outbox_batch_clear(&b);
    else
        *ret_batch = b;
    return rc;
}

static int read_message_state(struct db *d, const struct outbox_origin *o, int64_t seq,
                              enum outbox_state *ret_state, struct err *e)
{
    JOBS_SQL(of_row) = "SELECT (SELECT state FROM job WHERE seq = ?1),"
                       " EXISTS (SELECT 1 FROM outbox WHERE seq = ?1)";
    JOBS_SQL(of_message) = "SELECT 2, EXISTS (SELECT 1 FROM outbox WHERE kind > 0"
                           " AND partition = ?1 AND offset = ?2 AND topic = ?3)";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, seq > 0 ? of_row : of_message, e);

    if (!q)
        return -1;
    if (seq > 0) {
        db_bind_int(q, 1, seq);
    } else {
        db_bind_int(q, 1, o->partition);
        db_bind_int(q, 2, o->offset);
        db_bind_text(q, 3, o->topic);
    }
    if (db_step(q, e) <= 0)
        return -1;
    bool open = db_int(q, 1) != 0 || !job_state_is_final((enum job_state)db_int(q, 0));
    *ret_state = db_is_null(q, 0) ? OUTBOX_RETURNED : open ? OUTBOX_PENDING : OUTBOX_PUBLISHED;
    return 0;
}

int outbox_state(struct jobs *j, const struct outbox_origin *o, int64_t seq,
                 enum outbox_state *ret_state, struct err *e)
{
    struct db *d = jobs_readers_acquire(&j->readers);
    int rc = read_message_state(d, o, seq, ret_state, e);

    jobs_readers_release(&j->readers, d);
    return rc;
}

bool outbox_is_ours(struct jobs *j) { return !j->backend->shared || atomic_load(&j->publishes); }

void outbox_counts(struct jobs *j, int64_t *ret_rows, int64_t *ret_oldest_ms)
{
    (void)pthread_mutex_lock(&j->memory_lock);
    *ret_rows = j->outbox_rows;
    *ret_oldest_ms = j->outbox_oldest_ms;
    (void)pthread_mutex_unlock(&j->memory_lock);
}

static int count_unreported_rows(struct db *d, int64_t *ret_submissions, struct err *e)
{
    /* One count for each state, so that each uses its index. */
    JOBS_SQL(count) =
        "SELECT (SELECT count(*) FROM job WHERE state = 0 AND origin_stream IS NOT NULL)"
        " + (SELECT count(*) FROM job WHERE state = 1 AND origin_stream IS NOT NULL)"
        " + (SELECT count(DISTINCT seq) FROM outbox WHERE kind = 0 AND topic IS NOT NULL)";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, count, e);

    if (!q || db_step(q, e) <= 0)
        return -1;
    *ret_submissions = db_int(q, 0);
    return 0;
}

int outbox_unreported(struct jobs *j, int64_t *ret_submissions, struct err *e)
{
    struct db *d = jobs_readers_acquire(&j->readers);
    int rc = count_unreported_rows(d, ret_submissions, e);

    jobs_readers_release(&j->readers, d);
    return rc;
}

void outbox_listen(struct jobs *j, outbox_listener_fn *fn, void *ctx)
{
    (void)pthread_mutex_lock(&j->lock);
    j->listeners.outbox.fn = fn;
    j->listeners.outbox.ctx = ctx;
    (void)pthread_mutex_unlock(&j->lock);
}

/* ---- when rows were sent ---- */

/* Two threads may do this at once: both write the same time. */
void outbox_stamp(struct jobs *j)
{
    int64_t now = clock_wall_ms(), age = now - j->stamp_ms;

    if (age >= 0 && age < STAMP_INTERVAL_MS)
        return;
    j->stamp_ms = now;
    (void)futimens(j->lock_fd, NULL);
}

int64_t outbox_stamped_ms(struct jobs *j)
{
    /* Of a shared table another server may have sent them, until now. */
    return j->last_stamp_ms > 0 && !j->backend->shared ? j->last_stamp_ms + STAMP_INTERVAL_MS : 0;
}

/* ---- watermarks ---- */

static int read_watermarks(struct db *d, struct outbox_watermark **marks, size_t *len,
                           struct err *e)
{
    JOBS_SQL(select) = "SELECT topic, partition, offset FROM watermark";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, select, e);
    int n;

    if (!q)
        return -1;
    while ((n = db_step(q, e)) > 0) {
        struct outbox_watermark *grown = realloc(*marks, (*len + 1) * sizeof *grown);
        char *topic = strdup(db_text(q, 0, NULL));
        *marks = grown ? grown : *marks;
        if (!grown || !topic) {
            free(topic);
            return err_set(e, ERR_NOMEM, "watermarks");
        }
        grown[(*len)++] = (struct outbox_watermark){ .topic = topic,
                                                     .partition = (int32_t)db_int(q, 1),
                                                     .offset = db_int(q, 2) };
    }
    return n;
}

int outbox_watermarks(struct jobs *j, struct outbox_watermark **ret_marks, size_t *ret_len,
                      struct err *e)
{
    struct outbox_watermark *marks = NULL;
    size_t len = 0;
    struct db *d = jobs_readers_acquire(&j->readers);
    int rc = read_watermarks(d, &marks, &len, e);

    jobs_readers_release(&j->readers, d);
    if (rc < 0) {
        while (len > 0)
            free(marks[--len].topic);
        free(marks);
        return -1;
    }
    *ret_marks = marks;
    *ret_len = len;
    return 0;
}
