/* schema/store/postgres/postgres_tail.h - the thread that follows the change feed: what any server
 * commits reaches the listeners and counts of this one, in one order everywhere.
 *
 *     a commit here    --> postgres_tail_committed() --> numbers it, reads the feed, rings the bell
 *     a commit there   --> NOTIFY, the bell          --> reads the feed
 *     neither          --> looks once a second
 *
 * One server numbers what all have committed; another one that comes meanwhile does not wait, but
 * tries again when it hears the bell, or after 5 ms. The bell is sent after the numbers are stored,
 * in a transaction of its own, at most every 5 ms: inside, it would be a lock of the whole cluster.
 * What is heard is only a reason to look.
 *
 * Room     schema/store/postgres.
 * Owns     its thread and connection.
 * Threads  postgres_tail_committed() and postgres_tail_signal() any; the rest one.
 * Errors   0, or -1 with *e filled; while the database is away the thread tries again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct db;
struct err;
struct jobs;
struct postgres_tail;

/* Fills the counts of j, and follows the feed from there. Borrows j until the end. */
NODISCARD int postgres_tail_open(struct jobs *j, const char *url, struct postgres_tail **ret_tail,
                                 struct err *e);
/* Takes NULL, returns NULL. No listener is called any more. */
struct postgres_tail *postgres_tail_close(struct postgres_tail *t);
DEFINE_CLEANUP(struct postgres_tail, postgres_tail_close)

/* This server has committed something (outbox: in the outbox too): look now, and let the others
 * look. Does not wait. */
void postgres_tail_committed(struct postgres_tail *t, bool outbox);

/* As jobs_signal(). */
void postgres_tail_signal(struct postgres_tail *t, const char *text);

/* The lowest rank of a queued row that is not below `from`; 0: there is none. Any connection. */
NODISCARD int postgres_tail_first_rank(struct db *d, int64_t from, int64_t *ret_rank,
                                       struct err *e);
