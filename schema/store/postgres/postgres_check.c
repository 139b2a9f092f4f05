#include "schema/store/postgres/postgres_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/store/db.h"
#include "schema/store/postgres/postgres_migrate.h"
#include "schema/store/postgres/postgres_migrations.h"

#define COMMITS 31

/* By a cursor, and not prepared: that works with every pooler. */
static int read_number(struct db *d, const char *sql, int64_t *ret_number, struct err *e)
{
    CLEANUP(db_donep) struct db_stmt *q = db_prepare_once(d, sql, e);
    int n = q ? db_step(q, e) : -1;

    if (n < 0)
        return -1;
    *ret_number = n > 0 ? db_int(q, 0) : 0;
    return 0;
}

static int connect_by(const char *url, int64_t until_ns, struct db **ret_db, struct err *e)
{
    if (db_connect(url, DB_WRITER, ret_db, e) < 0)
        return -1;
    db_deadline(*ret_db, until_ns);
    return 0;
}

/* db_connect() takes only who writes. */
static bool answers_readers(const char *url)
{
    CLEANUP(freep) char *any = NULL;
    CLEANUP(db_closep) struct db *d = NULL;
    int64_t recovers = 0;

    if (asprintf(&any, "%s%ctarget_session_attrs=any", url, strchr(url, '?') ? '&' : '?') < 0) {
        any = NULL;
        return false;
    }
    return connect_by(any, clock_mono_ns() + POSTGRES_CHECK_NS, &d, NULL) == 0 &&
           read_number(d, "SELECT 1 WHERE current_setting('transaction_read_only') = 'on'",
                       &recovers, NULL) == 0 &&
           recovers;
}

/* While another connection is in a transaction, ours still has the session that it had, which is
 * not the other's. A pooler gives the other one ours, since nobody needs it between transactions.
 */
static int find_pooler(struct db *d, const char *url, int64_t until_ns, bool *ret_pooled,
                       struct err *e)
{
    static const char pid[] = "SELECT pg_backend_pid()";
    CLEANUP(db_closep) struct db *other = NULL;
    int64_t before, between, after = 0;

    if (connect_by(url, until_ns, &other, e) < 0)
        return err_wrap(e, "a second connection");
    if (read_number(d, pid, &before, e) < 0 || db_begin(other, e) < 0 ||
        read_number(other, pid, &between, e) < 0)
        return -1;
    *ret_pooled = before == between || read_number(d, pid, &after, NULL) < 0 || before != after;
    return db_commit(other, e);
}

static int read_facts(struct db *d, struct postgres_check *c, struct err *e)
{
    static const char sql[] =
        "SELECT CAST(current_setting('server_version_num') AS BIGINT),"
        " COALESCE(has_schema_privilege(current_schema(), 'CREATE'), false),"
        " (SELECT COALESCE(bool_and(has_table_privilege(oid, 'SELECT')"
        "   AND has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'UPDATE')"
        "   AND has_table_privilege(oid, 'DELETE')), true) FROM pg_class"
        "  WHERE relname IN ('job', 'report', 'schema_version') AND relkind = 'r'"
        "   AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())),"
        " CAST(current_setting('max_connections') AS BIGINT)"
        "  - CAST(current_setting('superuser_reserved_connections') AS BIGINT),"
        " (SELECT CAST(sum(numbackends) AS BIGINT) FROM pg_stat_database),"
        " current_setting('fsync') = 'on', current_setting('full_page_writes') = 'on',"
        " (SELECT reset_val <> 'off' FROM pg_settings WHERE name = 'synchronous_commit'),"
        " current_setting('synchronous_standby_names') <> '',"
        " " POSTGRES_MIGRATE_HAS_TABLES ","
        " current_setting('server_encoding') = '" POSTGRES_MIGRATE_ENCODING "'";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare_once(d, sql, e);
    int n = q ? db_step(q, e) : -1;

    if (n <= 0)
        return n < 0 ? -1 : err_set(e, ERR_BUG, "no row");
    c->version = db_int(q, 0);
    c->may_create = db_int(q, 1) != 0;
    c->may_work = db_int(q, 2) != 0;
    c->max_connections = db_int(q, 3);
    c->connections = db_int(q, 4);
    c->fsync = db_int(q, 5) != 0;
    c->full_page_writes = db_int(q, 6) != 0;
    c->synchronous_commit = db_int(q, 7) != 0;
    c->has_standbys = db_int(q, 8) != 0;
    c->schema = db_int(q, 9);
    c->is_utf8 = db_int(q, 10) != 0;
    return 0;
}

/* c->schema: whether there is one. */
static int read_schema(struct db *d, struct postgres_check *c, struct err *e)
{
    int64_t oldest;

    if (!c->schema || !c->may_work)
        return 0;
    if (read_number(d, "SELECT oldest FROM schema_version", &oldest, e) < 0)
        return -1;
    c->too_new = oldest > (int64_t)postgres_migrations.newest;
    return read_number(d, "SELECT version FROM schema_version", &c->schema, e);
}

static int read_clock(struct db *d, int64_t *ret_ahead_ms, struct err *e)
{
    static const char sql[] = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";
    int64_t before = clock_wall_ms(), there;

    if (read_number(d, sql, &there, e) < 0)
        return -1;
    *ret_ahead_ms = there - (before + clock_wall_ms()) / 2;
    return 0;
}

static int compare_times(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* A message in the log needs a commit as durable as that of rows, and leaves none. */
static int measure_commits(struct db *d, int64_t *ret_us, struct err *e)
{
    int64_t us[COMMITS];

    for (size_t i = 0; i < ARRAY_LEN(us); i++) {
        int64_t from = clock_mono_ns();
        if (db_exec(d, "SELECT pg_logical_emit_message(true, 'scrc', CAST('' AS TEXT))", e) < 0)
            return -1;
        us[i] = (clock_mono_ns() - from) / 1000;
    }
    qsort(us, ARRAY_LEN(us), sizeof us[0], compare_times);
    *ret_us = us[COMMITS / 2];
    return 0;
}

void postgres_check(const char *url, bool measure, struct postgres_check *ret_check)
{
    struct postgres_check c = { .commit_us = -1 };
    CLEANUP(db_closep) struct db *d = NULL;
    int64_t until_ns = clock_mono_ns() + POSTGRES_CHECK_NS;

    if (connect_by(url, until_ns, &d, &c.failed) < 0) {
        c.read_only =
            c.failed.kind == ERR_UNAVAILABLE && clock_mono_ns() < until_ns && answers_readers(url);
        *ret_check = c;
        return;
    }
    if ((!measure || find_pooler(d, url, until_ns, &c.pooled, &c.failed) == 0) &&
        read_facts(d, &c, &c.failed) == 0 && read_schema(d, &c, &c.failed) == 0 &&
        read_clock(d, &c.ahead_ms, &c.failed) == 0 && measure)
        (void)measure_commits(d, &c.commit_us, &c.failed);
    *ret_check = c;
}

int postgres_check_sessions(const char *url, struct err *e)
{
    int64_t until_ns = clock_mono_ns() + POSTGRES_CHECK_NS;
    CLEANUP(db_closep) struct db *d = NULL;
    bool pooled;

    if (connect_by(url, until_ns, &d, e) < 0 || find_pooler(d, url, until_ns, &pooled, e) < 0)
        return -1;
    return pooled ? err_set(e, ERR_SETTING,
                            "a pooler in between gives each transaction another session: pool_mode "
                            "= session in pgbouncer, or the address of PostgreSQL itself")
                  : 0;
}
