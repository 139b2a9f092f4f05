#include "schema/store/jobs_table.h"

#include <stdio.h>
#include <string.h>

#include "schema/store/jobs_change.h"
#include "schema/store/text_cache.h"

/* ---- changes ---- */

/* Rows are added to the set of queued rows after the commit, when an error cannot be returned any
 * more: so the memory is allocated before. */
static int reserve_place(struct jobs *j)
{
    (void)pthread_mutex_lock(&j->memory_lock);
    int rc = orderset_reserve(&j->queued, j->group.len + 1);
    (void)pthread_mutex_unlock(&j->memory_lock);
    return rc;
}

void jobs_group_clear(struct jobs_group *g)
{
    g->len = 0;
    g->ids.len = 0;
    memset(g->moved, 0, sizeof g->moved);
    g->late_reports = g->outbox_added = g->outbox_removed = g->operations = 0;
    g->added_kinds = 0;
    g->wrote = false;
}

int jobs_group_add(struct jobs_group *g, const struct jobs_change *c, int from, struct err *e)
{
    size_t at = g->ids.len;

    if (buf_add(&g->ids, c->id, strlen(c->id) + 1) < 0 ||
        (c->language && buf_add(&g->ids, c->language, strlen(c->language) + 1) < 0))
        return err_set(e, ERR_NOMEM, "job %s", c->id);
    g->changes[g->len] = *c;
    g->changes[g->len].was = from;
    g->id_at[g->len++] = at;
    if (from >= 0)
        g->moved[from]--;
    g->moved[c->state]++;
    return 0;
}

int jobs_record_change(struct jobs *j, const struct jobs_change *c, int from, struct err *e)
{
    struct jobs_change numbered = *c;

    numbered.revision = j->revision + 1;
    if (c->state == JOB_QUEUED && !j->backend->shared && reserve_place(j) < 0)
        return err_set(e, ERR_NOMEM, "job %s", c->id);
    if (jobs_group_add(&j->group, &numbered, from, e) < 0)
        return -1;
    j->revision++;
    return 0;
}

/* ---- rows ---- */

int jobs_step_found(struct db_stmt *q, struct jobs_found *ret_row, struct err *e)
{
    int n = db_step(q, e);
    if (n <= 0)
        return n;
    ret_row->seq = db_int(q, 0);
    ret_row->state = (enum job_state)db_int(q, 1);
    (void)snprintf(ret_row->id, sizeof ret_row->id, "%s", db_text(q, 2, NULL));
    ret_row->submitted_ms = db_int(q, 3);
    (void)snprintf(ret_row->language, sizeof ret_row->language, "%s", db_text(q, 4, NULL));
    ret_row->claim = db_int(q, 5);
    ret_row->rank = db_int(q, 6);
    return 1;
}

int jobs_find(struct jobs *j, const char *id, int64_t seq, struct jobs_found *ret_row,
              struct err *e)
{
    JOBS_SQL(by_id) = "SELECT " JOBS_FOUND_COLUMNS " FROM job"
                      " WHERE id = ?1 /*pg FOR UPDATE */";
    JOBS_SQL(by_seq) = "SELECT " JOBS_FOUND_COLUMNS " FROM job"
                       " WHERE seq = ?1 /*pg FOR UPDATE */";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, id ? by_id : by_seq, e);
    if (!q)
        return -1;
    if (id)
        db_bind_text(q, 1, id);
    else
        db_bind_int(q, 1, seq);
    return jobs_step_found(q, ret_row, e);
}

struct jobs_change jobs_change_of(const struct jobs_found *row, enum job_state to)
{
    return (struct jobs_change){
        .seq = row->seq, .rank = row->rank, .id = row->id, .state = to, .language = row->language
    };
}

struct db_stmt *jobs_select_row(struct db *d, const char *query, int64_t seq, struct err *e)
{
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, query, e);
    if (!q)
        return NULL;
    db_bind_int(q, 1, seq);
    int n = db_step(q, e);
    if (n == 0)
        (void)err_set(e, ERR_NOT_FOUND, "no row %lld", (long long)seq);
    return n > 0 ? TAKE(q) : NULL;
}

int64_t jobs_position(struct jobs *j, struct db *d, int64_t rank, int64_t seq)
{
    int64_t position = j->backend->position(j, d, rank, seq);

    return position > 0 ? position : 1;
}

/* ---- submissions ---- */

struct blob_source {
    struct db *db;            /* borrowed */
    struct text_cache *texts; /* borrowed; NULL: none */
};

static int read_blob(void *ctx, const uint8_t hash[32], struct bytes *ret_text, struct err *e)
{
    JOBS_SQL(select) = "SELECT body FROM text WHERE hash = ?1";
    const struct blob_source *from = ctx;
    size_t len;

    if (text_cache_get(from->texts, hash, ret_text))
        return 0;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(from->db, select, e);
    if (!q)
        return -1;
    db_bind_blob(q, 1, hash, TEXT_HASH_SIZE);
    int n = db_step(q, e);
    if (n <= 0)
        return n < 0 ? -1 : err_set(e, ERR_BUG, "a text of the submission is missing");
    const void *body = db_blob(q, 0, &len);
    text_cache_put(from->texts, hash, body, len);
    return bytes_copy(body, len, ret_text) < 0 ? err_set(e, ERR_NOMEM, "text") : 0;
}

static int skip_blob(void *ctx, const uint8_t hash[32], struct bytes *ret_text, struct err *e)
{
    (void)ctx;
    (void)hash;
    return bytes_copy(NULL, 0, ret_text) < 0 ? err_set(e, ERR_NOMEM, "text") : 0;
}

/* from NULL: without large texts. */
static int load_submission(struct db *d, int64_t seq, struct blob_source *from,
                           struct submission **ret_submission, struct err *e)
{
    JOBS_SQL(select) = "SELECT json FROM body WHERE seq = ?1";
    size_t len;
    CLEANUP(db_donep) struct db_stmt *q = jobs_select_row(d, select, seq, e);
    if (!q)
        return -1;
    const char *json = db_text(q, 0, &len);
    return submission_unpack(json, len, from ? read_blob : skip_blob, from, ret_submission, e);
}

int jobs_load_submission(struct db *d, int64_t seq, bool with_blobs,
                         struct submission **ret_submission, struct err *e)
{
    struct blob_source from = { .db = d };

    return load_submission(d, seq, with_blobs ? &from : NULL, ret_submission, e);
}

int jobs_load_kept_submission(struct jobs *j, struct db *d, int64_t seq,
                              struct submission **ret_submission, struct err *e)
{
    struct blob_source from = { .db = d, .texts = j->texts };

    return load_submission(d, seq, &from, ret_submission, e);
}

/* ---- for other rooms ---- */

void jobs_claim_with(struct jobs *j, jobs_claimer_fn *fn, void *ctx)
{
    (void)pthread_mutex_lock(&j->lock);
    j->claimer.fn = fn;
    j->claimer.ctx = ctx;
    (void)pthread_mutex_unlock(&j->lock);
}

void jobs_instance(struct jobs *j, char out[TEXT_ID_SIZE])
{
    (void)pthread_mutex_lock(&j->memory_lock);
    memcpy(out, j->instance, sizeof j->instance);
    (void)pthread_mutex_unlock(&j->memory_lock);
}

void jobs_set_instance(struct jobs *j, const char *instance)
{
    (void)pthread_mutex_lock(&j->memory_lock);
    (void)snprintf(j->instance, sizeof j->instance, "%s", instance);
    (void)pthread_mutex_unlock(&j->memory_lock);
}

void jobs_epoch(struct jobs *j, char out[JOBS_EPOCH_SIZE])
{
    (void)pthread_mutex_lock(&j->memory_lock);
    memcpy(out, j->epoch, sizeof j->epoch);
    (void)pthread_mutex_unlock(&j->memory_lock);
}

void jobs_set_epoch(struct jobs *j, const char *timeline)
{
    (void)pthread_mutex_lock(&j->memory_lock);
    (void)snprintf(j->epoch, sizeof j->epoch, "%.8s%s", j->table_id, timeline);
    (void)pthread_mutex_unlock(&j->memory_lock);
}

int jobs_load_table_id(struct jobs *j, struct err *e)
{
    JOBS_SQL(insert) = "INSERT INTO meta(name, value) VALUES('table', ?1) ON CONFLICT DO NOTHING";
    JOBS_SQL(select) = "SELECT value FROM meta WHERE name = 'table'";
    char fresh[TEXT_ID_SIZE];

    text_random_id(fresh);
    CLEANUP(db_donep) struct db_stmt *put = db_prepare(j->db, insert, e);
    CLEANUP(db_donep) struct db_stmt *get = db_prepare(j->db, select, e);
    if (!put || !get)
        return -1;
    db_bind_text(put, 1, fresh);
    if (db_run(put, e) < 0)
        return -1;
    int n = db_step(get, e);
    if (n <= 0)
        return n < 0 ? -1 : err_set(e, ERR_BUG, "no table id");
    (void)snprintf(j->table_id, sizeof j->table_id, "%s", db_text(get, 0, NULL));
    jobs_set_epoch(j, "");
    return 0;
}

const char *jobs_table_id(const struct jobs *j) { return j->table_id; }

bool jobs_is_shared(const struct jobs *j) { return j->backend->shared; }

const char *jobs_dir_id(const struct jobs *j) { return j->dir_id; }

const char *jobs_dir(const struct jobs *j) { return j->dir; }

void jobs_counts(struct jobs *j, struct jobs_counts *ret_counts)
{
    (void)pthread_mutex_lock(&j->memory_lock);
    *ret_counts = j->counts;
    (void)pthread_mutex_unlock(&j->memory_lock);
}
