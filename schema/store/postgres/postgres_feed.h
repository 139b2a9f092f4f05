/* schema/store/postgres/postgres_feed.h - the change feed: what transactions have changed, numbered
 * in the order in which it became visible.
 *
 *     a group of operations   writes its changes and outbox rows without a number, and commits: of
 *                             many servers at once, in one flush of the database's log
 *     then, some tail         numbers all that is committed, in a transaction of its own, under a
 *                             lock: one statement, so that a server that stops cannot hold it
 *     any tail                reads what has a number, which is durable by then
 *
 * The numbers come from one sequence, so whoever has read up to a number has missed none below it.
 *
 * Room     schema/store/postgres.
 * Owns     nothing.
 * Threads  as the connection.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <stdint.h>

#include "schema/base/base.h"
#include "schema/store/job_state.h"

struct db;
struct err;
struct jobs_group;

/* Writes the group's changes, and commits the transaction. ERR_UNAVAILABLE and ERR_TIMEOUT: it is
 * not known whether it is committed. */
NODISCARD int postgres_feed_commit(struct db *d, const struct jobs_group *g, struct err *e);

/* created_ms of a change: by the clock of the database, because those of the servers may differ by
 * more than the feed is kept. */
#define POSTGRES_FEED_NOW_MS "(extract(epoch FROM now()) * 1000)::bigint"

/* Outside a transaction: numbers changes and outbox rows that are committed. *ret_numbered: so
 * many; 0: there were none, and nothing is written; -1: none, for another server is doing it.
 * *decided, 0 at first and on each new connection, is where the next call of this connection begins
 * to look. */
NODISCARD int postgres_feed_number(struct db *d, int64_t *decided, int64_t *ret_numbered,
                                   struct err *e);

/* By how much changes without a number have changed the rows of each state: in a snapshot the rows
 * as of the last number are fewer by this. */
NODISCARD int postgres_feed_unnumbered(struct db *d, int64_t moved[JOB_STATE_COUNT], struct err *e);

#define POSTGRES_FEED_ROWS 512 /* at most, of one postgres_feed_read() */

/* Fills g with the changes behind the number `after`, oldest first: what a commit would have
 * notified. Sets *ret_last to the last number; `after`: there is none. */
NODISCARD int postgres_feed_read(struct db *d, int64_t after, struct jobs_group *g,
                                 int64_t *ret_last, struct err *e);
