#include "schema/store/sqlite/sqlite_store.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "schema/store/jobs_inbox.h"
#include "schema/store/jobs_item.h"
#include "schema/store/jobs_lock.h"
#include "schema/store/jobs_notify.h"
#include "schema/store/jobs_order.h"
#include "schema/store/jobs_outbox.h"
#include "schema/store/jobs_table.h"
#include "schema/store/move/move_mark.h"
#include "schema/store/sqlite/sqlite_migrate.h"
#include "schema/store/sqlite/sqlite_recover.h"

#define FREE_PAGES_KEPT 1024 /* 8 MiB of free pages stay in the file for new rows */

/* ---- after the commit ---- */

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
    int64_t seq = orderset_oldest(&j->queued);

    if (seq == j->oldest_seq)
        return;
    int64_t ms = seq < 0 ? 0 : read_submitted_ms(j, seq);
    j->oldest_seq = seq;
    (void)pthread_mutex_lock(&j->memory_lock);
    j->counts.oldest_queued_ms = ms;
    j->counts.oldest_queued = seq < 0 ? 0 : seq;
    (void)pthread_mutex_unlock(&j->memory_lock);
}

static void publish_group(struct jobs *j)
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
        const struct jobs_change *c = &g->changes[i];
        if (c->state == JOB_QUEUED)
            orderset_add(&j->queued, c->rank, c->seq);
        else if (c->was == JOB_QUEUED)
            orderset_remove(&j->queued, c->rank, c->seq);
    }
    (void)pthread_mutex_unlock(&j->memory_lock);
    update_oldest(j);
    jobs_outbox_update_counts(j);
    jobs_notify(j, &j->group);
}

/* ---- open ---- */

/* Fills the set of queued rows and the counts. No row is running: sqlite_recover() came first. */
static int load_queue(struct jobs *j, struct err *e)
{
    JOBS_SQL(select) = "SELECT seq, rank, owner IS NOT NULL FROM job WHERE state = 0";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, select, e);
    int64_t rows;
    int n;

    if (!q || db_number(j->db, "SELECT count(*) FROM job", &rows, e) < 0 ||
        db_number(j->db, "SELECT max(seq) FROM job", &j->last_seq, e) < 0)
        return -1;
    while ((n = db_step(q, e)) > 0) {
        if (orderset_reserve(&j->queued, 1) < 0)
            return err_set(e, ERR_NOMEM, "the queue");
        orderset_add(&j->queued, db_int(q, 1), db_int(q, 0));
        if (db_int(q, 2) != 0)
            atomic_store(&j->has_owners, true);
        else
            jobs_order_unowned(j, db_int(q, 1));
        j->counts.queued++;
    }
    j->counts.final = rows - j->counts.queued;
    return n;
}

/* The files hold all users' programs and tests. Permissions of the group are left as they are: the
 * operator may have set them. */
static void remove_world_access(const char *path)
{
    static const char *const endings[] = { "", "-wal", "-shm" };
    char name[4110];
    struct stat st;

    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, endings[i]);
        if (stat(name, &st) == 0 && (st.st_mode & S_IRWXO))
            (void)chmod(name, st.st_mode & 07777 & ~(mode_t)S_IRWXO);
    }
}

/* A restored table has given its latest revisions before, for other changes: it is an epoch of its
 * own. */
static int load_epoch(struct jobs *j, struct err *e)
{
    char restored[MOVE_MARK_SIZE];

    if (move_mark_read(j->db, MOVE_MARK_RESTORED, restored, e) < 0)
        return -1;
    jobs_set_epoch(j, restored);
    return 0;
}

static int open_database(struct jobs *j, const struct jobs_config *c, struct err *e)
{
    char path[4096];

    (void)c;
    int n = snprintf(path, sizeof path, "%s/scrc.db", j->dir);
    if (n < 0 || (size_t)n >= sizeof path)
        return err_set(e, ERR_SETTING, "the directory's name is too long");
    remove_world_access(path); /* earlier versions created the files readable by everybody */
    if (db_open(path, DB_WRITER, &j->db, e) < 0 || sqlite_migrate(j->db, e) < 0 ||
        move_mark_check(j->db, e) < 0 || jobs_load_table_id(j, e) < 0 || load_epoch(j, e) < 0 ||
        sqlite_recover(j, e) < 0 || load_queue(j, e) < 0 || jobs_outbox_load_counts(j, e) < 0)
        return -1;
    update_oldest(j);
    /* Earlier versions labelled their containers with the id of the table. */
    jobs_lock_read_id(j, j->table_id);
    return jobs_readers_open(&j->readers, path, e);
}

static void close_database(struct jobs *j) { orderset_clear(&j->queued); }

/* ---- one transaction ---- */

static void check_space(struct jobs *j, char *why, size_t size)
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

static int begin_group(struct jobs *j, struct err *e) { return db_begin(j->db, e); }

static int commit_group(struct jobs *j, struct err *e) { return db_commit(j->db, e); }

/* Of the rows that were queued before this transaction. */
static int find_first_rank(struct jobs *j, int64_t from, int64_t *ret_rank, struct err *e)
{
    (void)e;
    *ret_rank = orderset_next(&j->queued, from);
    return 0;
}

static int vacuum_pages(struct jobs *j, bool *ret_more, struct err *e)
{
    int64_t pages;

    if (db_number(j->db, "PRAGMA freelist_count", &pages, e) < 0)
        return -1;
    *ret_more = pages > FREE_PAGES_KEPT;
    return *ret_more ? db_exec(j->db, "PRAGMA incremental_vacuum(128)", e) : 0;
}

/* ---- reads ---- */

static int64_t find_place(struct jobs *j, struct db *d, int64_t rank, int64_t seq)
{
    (void)d;
    (void)pthread_mutex_lock(&j->memory_lock);
    int64_t place = orderset_place(&j->queued, rank, seq);
    (void)pthread_mutex_unlock(&j->memory_lock);
    return place;
}

const struct jobs_backend sqlite_store_backend = {
    .shared = false,
    .open = open_database,
    .close = close_database,
    .check_space = check_space,
    .begin = begin_group,
    .commit = commit_group,
    .committed = publish_group,
    .first_rank = find_first_rank,
    .vacuum = vacuum_pages,
    .position = find_place,
    .changed_sql = "SELECT " JOBS_COLUMNS " FROM job INDEXED BY job_change"
                   " WHERE change > 0 AND change > ?1 ORDER BY change LIMIT ?2",
    .count_changed_sql = "SELECT count(*) FROM (SELECT 1 FROM job INDEXED BY job_change"
                         " WHERE change > 0 AND change > ?1 LIMIT ?2)",
};
