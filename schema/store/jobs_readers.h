/* schema/store/jobs_readers.h - a few connections that only read: a reader never waits for the
 * writer.
 *
 * Room     schema/store, the job table's own.
 * Owns     its connections, from jobs_readers_open() to jobs_readers_close().
 * Threads  jobs_readers_take() and jobs_readers_give() any; a connection belongs to one at a time.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <pthread.h>
#include <stddef.h>

#include "schema/base/base.h"

struct db;
struct err;

#define JOBS_READERS 4

struct jobs_readers {
    pthread_mutex_t lock;
    pthread_cond_t back; /* one was given back */

    /* guarded by lock: the idle ones */
    struct db *idle[JOBS_READERS]; /* owned */
    size_t len;
};

/* Before anything else, and after everything else. */
void jobs_readers_init(struct jobs_readers *r);
void jobs_readers_destroy(struct jobs_readers *r);

/* path: of a table that exists. Failed or not, jobs_readers_close() closes what was opened; all
 * must have been given back. */
NODISCARD int jobs_readers_open(struct jobs_readers *r, const char *path, struct err *e);
void jobs_readers_close(struct jobs_readers *r);

/* Waits while all are in use. What is read with it has 10 s, then ERR_TIMEOUT. Give it back with
 * jobs_readers_give(). */
struct db *jobs_readers_take(struct jobs_readers *r);
void jobs_readers_give(struct jobs_readers *r, struct db *d);

/* db_steps() of all idle ones together. */
int64_t jobs_readers_steps(struct jobs_readers *r);
