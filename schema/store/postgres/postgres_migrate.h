/* schema/store/postgres/postgres_migrate.h - brings a database to this version's schema.
 *
 * Room     schema/store/postgres.
 * Threads  the thread that opens the table; several servers may do this at once.
 * Errors   0, or -1 with *e filled; ERR_SETTING: a newer version made the schema, or
 *          the database has another encoding.
 */
#pragma once

#include "schema/base/base.h"

struct db;
struct err;

#define POSTGRES_MIGRATE_NEWEST   1 /* the schema of this version */
#define POSTGRES_MIGRATE_ENCODING "UTF8"

/* One transaction, in which no other server migrates. */
NODISCARD int postgres_migrate(struct db *d, struct err *e);
