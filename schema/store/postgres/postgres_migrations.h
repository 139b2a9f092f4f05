/* schema/store/postgres/postgres_migrations.h - the versions of the schema, as this version of scrc
 * knows them. A file of its own, so that a test can link another one: the next version's.
 *
 * Room     schema/store/postgres.
 * Owns     nothing; all is static.
 */
#pragma once

#include <stddef.h>

/* An index that may be missing for a while: it is made beside the work of servers that run, and
 * again when it is invalid, since whoever made it was killed. */
struct postgres_index {
    const char *name;
    const char *on; /* behind CREATE INDEX CONCURRENTLY name ON */
};

struct postgres_migrations {
    /* sql[n] makes version n + 1, in a transaction. Servers of an older version, down to `oldest`,
     * work on while it is made and on what it has made: so it adds columns with a constant DEFAULT
     * and tables, and holds no lock of a hot table for longer than a moment. */
    const char *const *sql;
    size_t newest; /* how many */
    /* The first version of the schema whose servers can work on the newest one. It rises with a
     * release that is not compatible: older servers that run stop, see postgres_lease.h. */
    size_t oldest;
    const struct postgres_index *indexes;
    size_t indexes_len;
};
extern const struct postgres_migrations postgres_migrations;
