/* schema/store/postgres/postgres_feed.h - the change feed: numbers the changes of a transaction in
 * the order of commits.
 *
 * Room     schema/store/postgres.
 * Owns     nothing.
 * Threads  as the connection.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include "schema/base/base.h"

struct db;
struct err;
struct jobs_group;

/* Numbers the group's changes and outbox rows, and commits the transaction. ERR_UNAVAILABLE and
 * ERR_TIMEOUT: it is not known whether it is committed. */
NODISCARD int postgres_feed_commit(struct db *d, const struct jobs_group *g, struct err *e);
