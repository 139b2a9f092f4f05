/* schema/store/jobs_lock.h - creates a server's directory and locks it, so that only one server
 * uses it. The lock's file names its holder; its time is when rows were last sent to Kafka. The
 * file `id` beside it is the directory's name for ever.
 *
 * Room     schema/store, private to the job table.
 * Owns     nothing.
 * Threads  the thread that opens the table.
 * Errors   0, or -1 with *e filled; ERR_CONFLICT: another server has the lock.
 */
#pragma once

#include <stdint.h>

#include "schema/base/base.h"

struct err;
struct jobs;
struct jobs_config;

/* Waits for the lock up to c->lock_wait_ms, and calls c->waits() before. On success the caller owns
 * *ret_fd, which holds the lock until it is closed; *ret_stamp_ms is the time of the lock's file,
 * in ms since 1970, 0: not known. */
NODISCARD int jobs_lock_dir(const struct jobs_config *c, int *ret_fd, int64_t *ret_stamp_ms,
                            struct err *e);

/* Reads the directory's id into j->dir_id, with the lock held. A directory without one gets
 * `first`, also when it cannot be written: then it is the id of this start only. */
void jobs_lock_read_id(struct jobs *j, const char *first);

/* Gives a directory without an id a random one, with the lock held: the table that comes into it
 * may be a copy of one that is in use. */
void jobs_lock_fresh_id(const char *dir);
