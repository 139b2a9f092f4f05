/* schema/store/postgres/postgres_feed.h - the change feed: numbers the changes of a transaction in
 * the order of commits, and reads them.
 *
 * The numbers come from one sequence, under a lock that a transaction takes with its last
 * statements, which are sent together with COMMIT: a server that stops cannot hold it. So whoever
 * has read up to a number has missed none below it.
 *
 * Room     schema/store/postgres.
 * Owns     nothing.
 * Threads  as the connection.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <stdint.h>

#include "schema/base/base.h"

struct db;
struct err;
struct jobs_group;

/* Numbers the group's changes and outbox rows, and commits the transaction. ERR_UNAVAILABLE and
 * ERR_TIMEOUT: it is not known whether it is committed. */
NODISCARD int postgres_feed_commit(struct db *d, const struct jobs_group *g, struct err *e);

/* created_ms of a change: by the clock of the database, because those of the servers may differ by
 * more than the feed is kept. */
#define POSTGRES_FEED_NOW_MS "(extract(epoch FROM now()) * 1000)::bigint"

#define POSTGRES_FEED_ROWS 512 /* at most, of one postgres_feed_read() */

/* Fills g with the changes behind the number `after`, oldest first: what a commit would have
 * notified. Sets *ret_last to the last number; `after`: there is none. */
NODISCARD int postgres_feed_read(struct db *d, int64_t after, struct jobs_group *g,
                                 int64_t *ret_last, struct err *e);
