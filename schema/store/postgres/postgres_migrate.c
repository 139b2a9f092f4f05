#include "schema/store/postgres/postgres_migrate.h"

#include <stdio.h>
#include <string.h>

#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/store/db.h"
#include "schema/store/postgres/postgres_locks.h"
#include "schema/store/postgres/postgres_migrations.h"

/* ---- the version ---- */

static int make_version_table(struct db *d, struct err *e)
{
    static const char setup[] = "CREATE TABLE IF NOT EXISTS schema_version("
                                "one BIGINT PRIMARY KEY DEFAULT 1 CHECK (one = 1),"
                                "version BIGINT NOT NULL, oldest BIGINT NOT NULL)";
    int64_t tables;

    /* One that we may not read is not made again: the next SELECT says so. */
    if (db_number(d, "SELECT " POSTGRES_MIGRATE_HAS_TABLES, &tables, e) < 0)
        return -1;
    return tables ? 0 : db_exec(d, setup, e);
}

static int write_schema_version(struct db *d, struct err *e)
{
    char sql[300];

    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO schema_version(version, oldest) VALUES(%zu, %zu)"
                   " ON CONFLICT(one) DO UPDATE SET version = excluded.version,"
                   " oldest = excluded.oldest",
                   postgres_migrations.newest, postgres_migrations.oldest);
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

int postgres_migrate_outdated(struct db *d, struct err *e)
{
    int64_t version, oldest;

    if (db_number(d, "SELECT oldest FROM schema_version", &oldest, e) < 0)
        return -1;
    if (oldest <= (int64_t)postgres_migrations.newest)
        return 0;
    if (db_number(d, "SELECT version FROM schema_version", &version, e) < 0)
        return -1;
    (void)err_set(
        e, ERR_SETTING,
        "a newer scrc has made its tables (schema %lld, for versions from schema %lld on; "
        "this one knows up to %zu): start that version",
        (long long)version, (long long)oldest, postgres_migrations.newest);
    return 1;
}

/* ---- the tables ---- */

static int migrate_locked(struct db *d, struct err *e)
{
    int64_t version;

    if (make_version_table(d, e) < 0 || postgres_migrate_outdated(d, e) != 0 ||
        db_number(d, "SELECT version FROM schema_version", &version, e) < 0)
        return -1;
    if (version >= (int64_t)postgres_migrations.newest)
        return 0;
    for (size_t i = (size_t)version; i < postgres_migrations.newest; i++)
        if (db_exec(d, postgres_migrations.sql[i], e) < 0)
            return err_wrap(e, "migration to schema %zu", i + 1);
    return write_schema_version(d, e);
}

/* Statements of all servers queue behind one that waits for a whole table, so that waits for a
 * moment only. */
static int migrate_tables(struct db *d, struct err *e)
{
    static const char lock[] = "SET LOCAL lock_timeout = '60s';"
                               "SELECT pg_advisory_xact_lock(" POSTGRES_LOCK_MIGRATE ");"
                               "SET LOCAL lock_timeout = '500ms'";

    if (check_encoding(d, e) < 0 || db_begin(d, e) < 0)
        return -1;
    if (db_exec(d, lock, e) < 0 || migrate_locked(d, e) < 0) {
        db_rollback(d);
        return -1;
    }
    return db_commit(d, e);
}

/* ---- indexes ---- */

static int is_valid(struct db *d, const struct postgres_index *index, int64_t *ret_valid,
                    struct err *e)
{
    char sql[300];

    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*) FROM pg_index WHERE indisvalid AND indexrelid ="
                   " to_regclass(quote_ident(current_schema()) || '.%s')",
                   index->name);
    return db_number(d, sql, ret_valid, e);
}

static int make_index(struct db *d, const struct postgres_index *index, struct err *e)
{
    char drop[200], create[500];
    int64_t valid;

    if (is_valid(d, index, &valid, e) < 0)
        return -1;
    if (valid)
        return 0;
    log_info("index_made", log_s("index", index->name),
             log_s("means", "this server starts when it is there; others work on"));
    (void)snprintf(drop, sizeof drop, "DROP INDEX CONCURRENTLY IF EXISTS %s", index->name);
    (void)snprintf(create, sizeof create, "CREATE INDEX CONCURRENTLY %s ON %s", index->name,
                   index->on);
    if (db_exec(d, drop, e) < 0 || db_exec(d, create, e) < 0)
        return err_wrap(e, "index %s", index->name);
    return 0;
}

static int make_indexes(struct db *d, struct err *e)
{
    for (size_t i = 0; i < postgres_migrations.indexes_len; i++)
        if (make_index(d, &postgres_migrations.indexes[i], e) < 0)
            return -1;
    return 0;
}

static int count_missing(struct db *d, size_t *ret_missing, struct err *e)
{
    int64_t valid;

    *ret_missing = 0;
    for (size_t i = 0; i < postgres_migrations.indexes_len; i++) {
        if (is_valid(d, &postgres_migrations.indexes[i], &valid, e) < 0)
            return -1;
        *ret_missing += !valid;
    }
    return 0;
}

/* Each runs in transactions of its own, which wait until all others that are older have ended. So
 * nobody waits in a transaction for the one who makes it: who does not get the lock tries later. It
 * belongs to the session, and is free when the server ends. */
static int migrate_indexes(struct db *d, struct err *e)
{
    static const char lock[] = "SELECT pg_try_advisory_lock(" POSTGRES_LOCK_INDEXES ")",
                      unlock[] = "SELECT pg_advisory_unlock(" POSTGRES_LOCK_INDEXES ")";
    size_t missing;
    int64_t got;

    if (count_missing(d, &missing, e) < 0)
        return -1;
    if (missing == 0)
        return 0;
    if (db_number(d, lock, &got, e) < 0)
        return -1;
    if (!got)
        return err_set(e, ERR_UNAVAILABLE, "another server is making an index");
    int rc = make_indexes(d, e);
    (void)!db_exec(d, unlock, NULL);
    return rc;
}

int postgres_migrate(struct db *d, struct err *e)
{
    return migrate_tables(d, e) < 0 || migrate_indexes(d, e) < 0 ? -1 : 0;
}
