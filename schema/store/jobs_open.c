/* Opens and closes a table. After a kill at any point the next start does the same again. */
#include <stdio.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_inbox.h"
#include "schema/store/jobs_lock.h"
#include "schema/store/jobs_table.h"
#include "schema/store/jobs_writer.h"
#include "schema/store/postgres/postgres_store.h"
#include "schema/store/sqlite/sqlite_store.h"

#define RESERVE_BYTES (64 * MIB)
#define REPORT_MAX    (900 * MIB) /* SQLite and PostgreSQL take 10^9 bytes */

static void init_locks(struct jobs *j)
{
    clock_cond_init(&j->wake);
    (void)pthread_cond_init(&j->quiet, NULL);
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
    j->backend = c->url ? &postgres_store_backend : &sqlite_store_backend;
    j->tail = &j->head;
    j->slots = c->slots;
    j->max_queued = c->max_queued;
    j->retention_ms = c->retention_ms;
    j->publish_all = c->publish_all;
    j->reserve_bytes = c->reserve_bytes == 0 ? RESERVE_BYTES : c->reserve_bytes;
    j->report_max = c->report_max == 0 ? REPORT_MAX : c->report_max;
    j->counts.writable = true;
    j->counts.servers = 1;
    j->oldest_seq = -1;
    j->dir = strdup(c->dir);
    init_locks(j);
    jobs_set_instance(j, c->instance ? c->instance : "");
    if (j->dir)
        return j;
    (void)err_set(e, ERR_NOMEM, "job table");
    return jobs_close(j);
}

int jobs_open(const struct jobs_config *c, struct jobs **ret_jobs, struct err *e)
{
    CLEANUP(jobs_closep) struct jobs *j = create_jobs(c, e);

    if (!j || jobs_lock_dir(c, &j->lock_fd, &j->last_stamp_ms, e) < 0)
        return err_wrap(e, "job table in %s", c->dir);
    if (j->backend->open(j, c, e) < 0 || jobs_writer_start(j, e) < 0)
        return err_wrap(e, "job table in %s", c->url ? "STORE" : c->dir);
    *ret_jobs = TAKE(j);
    return 0;
}

struct jobs *jobs_close(struct jobs *j)
{
    if (!j)
        return NULL;
    jobs_writer_stop(j);
    j->backend->close(j);
    jobs_readers_close(&j->readers); /* first: the last connection to close removes the WAL */
    j->db = db_close(j->db);
    closep(&j->lock_fd);
    buf_clear(&j->group.ids);
    jobs_inbox_drop_cache(j);
    (void)pthread_cond_destroy(&j->wake);
    (void)pthread_cond_destroy(&j->quiet);
    (void)pthread_mutex_destroy(&j->lock);
    (void)pthread_mutex_destroy(&j->memory_lock);
    jobs_readers_destroy(&j->readers);
    free(j->dir);
    free(j);
    return NULL;
}
