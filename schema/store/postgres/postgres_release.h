/* schema/store/postgres/postgres_release.h - the claims of a server that is over: its rows go back
 * to the queue, or end with an error when too many servers died on them.
 *
 * Any number of servers may release the same one at the same time, and may die in the middle: each
 * claim ends in the transaction that changes its row.
 *
 * Room     schema/store/postgres.
 * Owns     nothing.
 * Threads  as the connection. Outside a transaction.
 * Errors   as db.h. After -1 there is no transaction; what is known of earlier calls stays true.
 */
#pragma once

#include <stdint.h>

#include "schema/base/base.h"

struct db;
struct err;
struct jobs_group;

/* How many rows. */
struct postgres_release_counts {
    int64_t queued, ended;
};

/* Releases some claims of a server, in one transaction, and adds them to *counts. changes is used
 * for what the change feed is told; the caller owns it and clears its ids. 1: call it again; 0:
 * there are no more, or somebody else holds them at the moment; -1. */
NODISCARD int postgres_release(struct db *d, const char *instance, struct jobs_group *changes,
                               struct postgres_release_counts *counts, struct err *e);
