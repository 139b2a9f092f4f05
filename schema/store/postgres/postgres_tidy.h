/* schema/store/postgres/postgres_tidy.h - old rows that only servers read: of the change feed, of
 * servers that are over, and of writers whose servers are gone.
 *
 * Room     schema/store/postgres.
 * Owns     nothing.
 * Threads  as the connection. Outside a transaction.
 * Errors   as db.h. After -1 there is no transaction.
 */
#pragma once

#include "schema/base/base.h"

struct db;
struct err;

/* Deletes some of those rows, in one transaction, unless another server is doing it. 1: call it
 * again; 0: there are no more; -1. */
NODISCARD int postgres_tidy(struct db *d, struct err *e);
