/* schema/store/postgres/postgres_twin.h - a server that works with the id of our DATA_DIR, because
 * one of the two directories is a copy of the other.
 *
 * We have the lock of our directory, so a predecessor on it is dead, and we may take over what it
 * had at once. With a copy two servers would end each other's leases, and each other's cells where
 * they share a Docker.
 *
 * Room     schema/store/postgres.
 * Owns     nothing.
 * Threads  as the connection. Outside a transaction.
 * Errors   as db.h; ERR_SETTING: there is one.
 */
#pragma once

#include <stdint.h>

#include "schema/base/base.h"

struct db;
struct err;

/* Before we have a row. timeout_ns: LEASE_TIMEOUT. Takes two beats where a predecessor gave a sign
 * of life within that time, because it was killed just now; else it does not wait. */
NODISCARD int postgres_twin_refuse(struct db *d, const char *directory, int64_t timeout_ns,
                                   struct err *e);
