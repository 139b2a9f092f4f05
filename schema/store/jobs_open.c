/* Opens and closes a table. After a kill at any point the next start does the same again. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "schema/base/clock.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_inbox.h"
#include "schema/store/jobs_lock.h"
#include "schema/store/jobs_migrate.h"
#include "schema/store/jobs_outbox.h"
#include "schema/store/jobs_recover.h"
#include "schema/store/jobs_table.h"
#include "schema/store/jobs_writer.h"

#define RESERVE_BYTES (64 * MIB)
#define REPORT_MAX    (900 * MIB) /* SQLite takes 10^9 bytes */

static void init_locks(struct jobs *j)
{
    clock_cond_init(&j->wake);
    (void)pthread_mutex_init(&j->lock, NULL);
    (void)pthread_mutex_init(&j->memory_lock, NULL);
    jobs_readers_init(&j->readers);
}

static struct jobs *create_jobs(const struct jobs_config *c, struct err *e)
{
    struct jobs *j = calloc(1, sizeof *j);

    if (!j) {
        (void)err_set(e, ERR_NOMEM, "job table");
        return NULL;
    }
    j->lock_fd = -1;
    j->tail = &j->head;
    j->max_queued = c->max_queued;
    j->retention_ms = c->retention_ms;
    j->publish_all = c->publish_all;
    j->reserve_bytes = c->reserve_bytes == 0 ? RESERVE_BYTES : c->reserve_bytes;
    j->report_max = c->report_max == 0 ? REPORT_MAX : c->report_max;
    j->counts.writable = true;
    j->oldest_seq = -1;
    j->dir = strdup(c->dir);
    j->instance = strdup(c->instance ? c->instance : "");
    init_locks(j);
    if (j->dir && j->instance)
        return j;
    (void)err_set(e, ERR_NOMEM, "job table");
    return jobs_close(j);
}

static int load_table_id(struct jobs *j, struct err *e)
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
    return 0;
}

/* Fills the set of queued rows and the counts. No row is running: jobs_recover() came first. */
static int load_queue(struct jobs *j, struct err *e)
{
    JOBS_SQL(select) = "SELECT seq FROM job WHERE state = 0";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(j->db, select, e);
    int64_t rows;
    int n;

    if (!q || db_number(j->db, "SELECT count(*) FROM job", &rows, e) < 0)
        return -1;
    while ((n = db_step(q, e)) > 0) {
        if (rankset_reserve(&j->queued, db_int(q, 0)) < 0)
            return err_set(e, ERR_NOMEM, "the queue");
        rankset_add(&j->queued, db_int(q, 0));
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

static int open_database(struct jobs *j, struct err *e)
{
    char path[4096];

    int n = snprintf(path, sizeof path, "%s/scrc.db", j->dir);
    if (n < 0 || (size_t)n >= sizeof path)
        return err_set(e, ERR_SETTING, "the directory's name is too long");
    remove_world_access(path); /* earlier versions created the files readable by everybody */
    if (db_open(path, DB_WRITER, &j->db, e) < 0 || jobs_migrate(j->db, e) < 0 ||
        load_table_id(j, e) < 0 || jobs_recover(j, e) < 0 || load_queue(j, e) < 0 ||
        jobs_outbox_load_counts(j, e) < 0)
        return -1;
    /* Earlier versions labelled their containers with the id of the table. */
    jobs_lock_read_id(j, j->table_id);
    return jobs_readers_open(&j->readers, path, e);
}

int jobs_open(const struct jobs_config *c, struct jobs **ret_jobs, struct err *e)
{
    CLEANUP(jobs_closep) struct jobs *j = create_jobs(c, e);

    if (!j || jobs_lock_dir(j, c, e) < 0 || open_database(j, e) < 0 || jobs_writer_start(j, e) < 0)
        return err_wrap(e, "job table in %s", c->dir);
    *ret_jobs = TAKE(j);
    return 0;
}

struct jobs *jobs_close(struct jobs *j)
{
    if (!j)
        return NULL;
    jobs_writer_stop(j);
    jobs_readers_close(&j->readers); /* first: the last connection to close removes the WAL */
    j->db = db_close(j->db);
    closep(&j->lock_fd);
    rankset_clear(&j->queued);
    buf_clear(&j->group.ids);
    jobs_inbox_drop_cache(j);
    (void)pthread_cond_destroy(&j->wake);
    (void)pthread_mutex_destroy(&j->lock);
    (void)pthread_mutex_destroy(&j->memory_lock);
    jobs_readers_destroy(&j->readers);
    free(j->dir);
    free(j->instance);
    free(j);
    return NULL;
}
