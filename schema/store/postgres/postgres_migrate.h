/* schema/store/postgres/postgres_migrate.h - brings a database to this version's schema, while
 * servers of older versions may work on it.
 *
 * Room     schema/store/postgres. Which schema that is: postgres_migrations.h.
 * Threads  that of the connection; several servers may do this at once.
 * Errors   0, or -1 with *e filled; ERR_SETTING: a newer version made the schema, or
 *          the database has another encoding; ERR_TIMEOUT: a table was in use, and ERR_UNAVAILABLE:
 * another server is making an index: later.
 */
#pragma once

#include "schema/base/base.h"

struct db;
struct err;

#define POSTGRES_MIGRATE_ENCODING "UTF8"

/* An SQL expression: whether the schema has our tables, also when we may not read them. */
#define POSTGRES_MIGRATE_HAS_TABLES                                                                \
    "to_regclass(quote_ident(current_schema()) || '.schema_version') IS NOT NULL"

/* In one transaction, in which no other server migrates; then the indexes. Waits for a table that
 * others use only for as long as these may wait behind us. */
NODISCARD int postgres_migrate(struct db *d, struct err *e);

/* 1: servers of this version cannot work on the schema any more, *e says why; 0; -1. */
NODISCARD int postgres_migrate_outdated(struct db *d, struct err *e);
