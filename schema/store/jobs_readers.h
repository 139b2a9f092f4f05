/* schema/store/jobs_readers.h - a pool of connections for reading: a reader never waits for the
 * writer.
 *
 * Room     schema/store, private to the job table.
 * Owns     its connections, from jobs_readers_open() to jobs_readers_close().
 * Threads  jobs_readers_acquire() and jobs_readers_release() any; a connection belongs to one at a
 * time. Errors   0, or -1 with *e filled.
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
    pthread_cond_t released;

    /* guarded by lock: the idle connections */
    struct db *idle[JOBS_READERS]; /* owned */
    size_t len;
};

/* init before all other calls, destroy after them. */
void jobs_readers_init(struct jobs_readers *r);
void jobs_readers_destroy(struct jobs_readers *r);

/* path: of a table that exists. After a failure too, jobs_readers_close() must be called, when all
 * connections are released. */
NODISCARD int jobs_readers_open(struct jobs_readers *r, const char *path, struct err *e);
/* The same, for the database of this URL. */
NODISCARD int jobs_readers_connect(struct jobs_readers *r, const char *url, struct err *e);
void jobs_readers_close(struct jobs_readers *r);

/* Waits while all are in use. Reads with it fail with ERR_TIMEOUT 10 s from now. Release it with
 * jobs_readers_release(). */
struct db *jobs_readers_acquire(struct jobs_readers *r);
void jobs_readers_release(struct jobs_readers *r, struct db *d);

/* db_steps() of all idle ones together. */
int64_t jobs_readers_steps(struct jobs_readers *r);
