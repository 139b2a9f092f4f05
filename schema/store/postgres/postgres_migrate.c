#include "schema/store/postgres/postgres_migrate.h"

#include <stdio.h>
#include <string.h>

#include "schema/base/err.h"
#include "schema/store/db.h"
#include "schema/store/postgres/postgres_locks.h"

extern const char postgres_sql_001[];

/* migrations[n] makes version n + 1. Never change what a released one does; add the next. */
static const char *const migrations[] = { postgres_sql_001 };

_Static_assert(ARRAY_LEN(migrations) == POSTGRES_MIGRATE_NEWEST, "one for each version");

/* The versions that can work on the schema that these migrations make begin with this one, so that
 * servers of two versions may run at once while a fleet is upgraded. */
#define OLDEST_VERSION 1

static int read_schema_version(struct db *d, int64_t *ret_version, int64_t *ret_oldest,
                               struct err *e)
{
    static const char setup[] = "CREATE TABLE IF NOT EXISTS schema_version("
                                "one BIGINT PRIMARY KEY DEFAULT 1 CHECK (one = 1),"
                                "version BIGINT NOT NULL, oldest BIGINT NOT NULL)";
    /* Also when we may not read it: that is said by the SELECT below. */
    static const char exists[] =
        "SELECT to_regclass(quote_ident(current_schema()) || '.schema_version') IS NOT NULL";
    int64_t tables;

    *ret_version = *ret_oldest = 0;
    if (db_number(d, exists, &tables, e) < 0)
        return -1;
    if (tables == 0)
        return db_exec(d, setup, e);
    if (db_number(d, "SELECT version FROM schema_version", ret_version, e) < 0)
        return -1;
    return db_number(d, "SELECT oldest FROM schema_version", ret_oldest, e);
}

static int write_schema_version(struct db *d, struct err *e)
{
    char sql[300];

    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO schema_version(version, oldest) VALUES(%zu, %d)"
                   " ON CONFLICT(one) DO UPDATE SET version = excluded.version,"
                   " oldest = excluded.oldest",
                   ARRAY_LEN(migrations), OLDEST_VERSION);
    return db_exec(d, sql, e);
}

/* Texts are UTF-8: another encoding refuses some of them, each at its own moment. */
static int check_encoding(struct db *d, struct err *e)
{
    CLEANUP(db_donep)
    struct db_stmt *q = db_prepare_once(d, "SELECT current_setting('server_encoding')", e);
    int n = q ? db_step(q, e) : -1;

    if (n < 0)
        return -1;
    if (n > 0 && strcmp(db_text(q, 0, NULL), POSTGRES_MIGRATE_ENCODING) != 0)
        return err_set(e, ERR_SETTING,
                       "the encoding of the database is %.20s, not UTF8: CREATE DATABASE ... "
                       "ENCODING 'UTF8' TEMPLATE template0",
                       db_text(q, 0, NULL));
    return 0;
}

static int migrate_locked(struct db *d, struct err *e)
{
    int64_t version, oldest;

    if (read_schema_version(d, &version, &oldest, e) < 0)
        return -1;
    if (oldest > (int64_t)ARRAY_LEN(migrations))
        return err_set(e, ERR_SETTING,
                       "a newer scrc has made its tables (schema %lld, for versions from schema "
                       "%lld on; this one knows up to %zu): start that version",
                       (long long)version, (long long)oldest, ARRAY_LEN(migrations));
    if (version >= (int64_t)ARRAY_LEN(migrations))
        return 0;
    for (size_t i = (size_t)version; i < ARRAY_LEN(migrations); i++)
        if (db_exec(d, migrations[i], e) < 0)
            return err_wrap(e, "migration to schema %zu", i + 1);
    return write_schema_version(d, e);
}

int postgres_migrate(struct db *d, struct err *e)
{
    static const char lock[] = "SET LOCAL lock_timeout = '60s';"
                               "SELECT pg_advisory_xact_lock(" POSTGRES_LOCK_MIGRATE ")";

    if (check_encoding(d, e) < 0 || db_begin(d, e) < 0)
        return -1;
    if (db_exec(d, lock, e) < 0 || migrate_locked(d, e) < 0) {
        db_rollback(d);
        return -1;
    }
    return db_commit(d, e);
}
