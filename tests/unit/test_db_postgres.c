/* tests/unit/test_db_postgres.c - what is PostgreSQL's own in statements: types, cursors,
 * deadlines, other transactions. */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/store/db.h"
#include "schema/store/postgres/db_postgres.h"
#include "tests/support/assert_err.h"
#include "tests/support/database.h"
#include "tests/support/postgres.h"

static void numbers_have_many_types(void **state)
{
    static const struct {
        const char *sql;
        int64_t want;
    } cases[] = {
        { "SELECT 7::int2", 7 },
        { "SELECT (-7)::int2", -7 },
        { "SELECT (-2147483648)::int4", INT32_MIN },
        { "SELECT 9223372036854775807", INT64_MAX },
        { "SELECT true", 1 },
        { "SELECT false", 0 },
        { "SELECT NULL::numeric", 0 },
        { "SELECT sum(n) FROM (VALUES(4000000000000000000), (5000000000000000001)) AS v(n)",
          9000000000000000001 },
        { "SELECT sum(n) FROM (VALUES(-1::bigint), (-9999)) AS v(n)", -10000 },
        { "SELECT 0::numeric", 0 },
        { "SELECT 30000::numeric", 30000 },
        { "SELECT 10000000000000000::numeric", 10000000000000000 },
        { "SELECT 12345.99::numeric", 12345 },
        { "SELECT 0.5::numeric", 0 },
        { "SELECT count(*) FROM t", 0 },
    };
    const struct database *b = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("    case: %s\n", cases[i].sql);
        assert_true(database_number(b->d, cases[i].sql) == cases[i].want);
    }
}

static void a_large_blob_goes_and_comes(void **state)
{
    static const char insert[] = "INSERT INTO t VALUES(1, ?1)";
    const struct database *b = *state;
    size_t size = 8 * MIB, len;
    CLEANUP(freep) unsigned char *bytes = malloc(size);

    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(i * i >> 7);
    struct db_stmt *q = db_prepare(b->d, insert, NULL);
    db_bind_blob(q, 1, bytes, size);
    ASSERT_OK(db_run(q, e));
    (void)db_done(q);
    q = db_prepare_once(b->d, "SELECT b FROM t", NULL);
    assert_int_equal(db_step(q, NULL), 1);
    const void *stored = db_blob(q, 0, &len);
    assert_int_equal(len, size);
    assert_int_equal(memcmp(stored, bytes, size), 0);
    (void)db_done(q);
}

/* Of a million rows those are made that are read, and some more. */
static void a_list_that_is_left_costs_what_was_read(void **state)
{
    const struct database *b = *state;

    ASSERT_OK(db_exec(b->d,
                      "CREATE SEQUENCE made; CREATE TABLE many AS SELECT i FROM"
                      " generate_series(1, 100000) AS s(i)",
                      e));
    ASSERT_OK(db_begin(b->d, e));
    struct db_stmt *q = db_prepare_once(b->d, "SELECT nextval('made') FROM many", NULL);
    for (int i = 0; i < 50; i++)
        assert_int_equal(db_step(q, NULL), 1);
    (void)db_done(q);
    ASSERT_OK(db_commit(b->d, e));
    assert_true(database_number(b->d, "SELECT last_value FROM made") < 1000);
}

/* A cursor outside a transaction has one of its own, which ends with it. */
static void a_list_leaves_no_transaction_open(void **state)
{
    static const char open[] = "SELECT count(*) FROM pg_stat_activity WHERE datname ="
                               " current_database() AND state LIKE 'idle in%'";
    const struct database *b = *state;

    for (int rows = 1; rows <= 1000; rows += 999) {
        struct db_stmt *q = db_prepare_once(b->d, "SELECT generate_series(1, 1000)", NULL);
        for (int i = 0; i < rows; i++)
            assert_int_equal(db_step(q, NULL), 1);
        database_wait(b->other, open, 1);
        (void)db_done(q);
        database_wait(b->other, open, 0);
    }
    ASSERT_ERR(ERR_BUG, database_run(b->d, "SELECT nonsense", e));
    ASSERT_ERR(ERR_BUG,
               database_run(b->d, "SELECT 1 / (i - 500) FROM generate_series(1, 1000) AS s(i)", e));
    database_wait(b->other, open, 0);
    ASSERT_OK(db_exec(b->d, "INSERT INTO t VALUES(1)", e));
    assert_int_equal(database_number(b->other, "SELECT count(*) FROM t"), 1);
}

static void a_session_promises_what_we_do(void **state)
{
    static const struct {
        const char *name, *want;
    } cases[] = {
        { "synchronous_commit", "on" },
        { "application_name", "scrc" },
        { "client_encoding", "UTF8" },
        { "idle_in_transaction_session_timeout", "1s" },
        { "client_connection_check_interval", "1s" },
        { "transaction_isolation", "read committed" },
    };
    const struct database *b = *state;
    struct db *d = NULL;
    char sql[200];

    ASSERT_OK(db_exec(b->d,
                      "DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() ||"
                      " ' SET synchronous_commit = off'; EXECUTE 'ALTER DATABASE ' ||"
                      " current_database() || ' SET default_transaction_isolation = serializable';"
                      " END $$",
                      e));
    ASSERT_OK(db_connect(b->url, DB_WRITER, &d, e));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        (void)snprintf(sql, sizeof sql, "SELECT current_setting('%s')", cases[i].name);
        struct db_stmt *q = db_prepare_once(d, sql, NULL);
        assert_int_equal(db_step(q, NULL), 1);
        assert_string_equal(db_text(q, 0, NULL), cases[i].want);
        (void)db_done(q);
    }
    (void)db_close(d);
}

/* ---- deadlines ---- */

static const char sleeping[] =
    "SELECT count(*) FROM pg_stat_activity WHERE datname ="
    " current_database() AND state = 'active' AND wait_event = 'PgSleep'";

static void past_the_deadline_the_server_stops_too(void **state)
{
    const struct database *b = *state;

    ASSERT_OK(db_begin(b->d, e));
    db_deadline(b->d, clock_mono_ns() + 50 * NS_PER_MS);
    ASSERT_ERR(ERR_TIMEOUT, database_run(b->d, "SELECT pg_sleep(600)", e));
    database_wait(b->other, sleeping, 0);
    ASSERT_ERR(ERR_UNAVAILABLE, database_run(b->d, "SELECT 1", e));
    ASSERT_ERR(ERR_UNAVAILABLE, db_commit(b->d, e));
    db_deadline(b->d, 0);
    assert_int_equal(database_number(b->d, "SELECT 5"), 5);

    db_deadline(b->d, clock_mono_ns() - 1);
    ASSERT_ERR(ERR_TIMEOUT, database_run(b->d, "SELECT pg_sleep(600)", e));
    db_deadline(b->d, clock_mono_ns() + DATABASE_PATIENCE_NS);
    assert_int_equal(database_number(b->d, "SELECT 6"), 6);
}

/* A trigger that runs at COMMIT. */
static void at_commit(struct db *d, const char *body)
{
    char sql[400];

    (void)snprintf(sql, sizeof sql,
                   "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS"
                   " $$ BEGIN %s; RETURN NULL; END $$;"
                   "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED"
                   " FOR EACH ROW EXECUTE FUNCTION late()",
                   body);
    ASSERT_OK(db_exec(d, sql, e));
}

static void a_commit_past_its_deadline_is_not_known(void **state)
{
    const struct database *b = *state;

    at_commit(b->d, "PERFORM pg_sleep(0.3)");
    ASSERT_OK(db_begin(b->d, e));
    ASSERT_OK(database_run(b->d, "INSERT INTO t VALUES(1)", e));
    db_deadline(b->d, clock_mono_ns() + 20 * NS_PER_MS);
    ASSERT_ERR(ERR_TIMEOUT, db_commit(b->d, e));
    db_deadline(b->d, 0);
    database_wait(b->other, sleeping, 0);
    assert_true(database_number(b->d, "SELECT count(*) FROM t") <= 1);
}

static void a_commit_with_a_warning_is_not_known(void **state)
{
    const struct database *b = *state;

    at_commit(b->d, "RAISE WARNING 'canceling wait for synchronous replication'");
    ASSERT_OK(db_begin(b->d, e));
    ASSERT_OK(database_run(b->d, "INSERT INTO t VALUES(1)", e));
    ASSERT_ERR(ERR_UNAVAILABLE, db_commit(b->d, e));
    ASSERT_OK(db_begin(b->d, e));
    ASSERT_OK(db_commit(b->d, e));
}

static void a_commit_that_fails_has_stored_nothing(void **state)
{
    const struct database *b = *state;

    at_commit(b->d, "RAISE EXCEPTION 'late' USING ERRCODE = '40001'");
    ASSERT_OK(db_begin(b->d, e));
    ASSERT_OK(database_run(b->d, "INSERT INTO t VALUES(1)", e));
    ASSERT_ERR(ERR_AGAIN, db_commit(b->d, e));

    /* PostgreSQL answers COMMIT with success where it rolls back. */
    ASSERT_OK(db_begin(b->d, e));
    ASSERT_OK(database_run(b->d, "UPDATE t SET i = 1", e));
    ASSERT_ERR(ERR_BUG, database_run(b->d, "INSERT INTO t VALUES(NULL)", e));
    ASSERT_ERR(ERR_BUG, db_commit(b->d, e));
    ASSERT_OK(db_begin(b->d, e));
    ASSERT_OK(db_commit(b->d, e));
    assert_int_equal(database_number(b->d, "SELECT count(*) FROM t"), 0);
}

/* Who stands still in a transaction loses it, and with it the locks. */
static void a_transaction_left_idle_is_ended(void **state)
{
    static const char sessions[] =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()";
    const struct database *b = *state;

    for (int commits = 0; commits < 2; commits++) {
        ASSERT_OK(db_exec(b->d, "SET idle_in_transaction_session_timeout = 10", e));
        ASSERT_OK(db_begin(b->d, e));
        ASSERT_OK(database_run(b->d, "INSERT INTO t VALUES(1)", e));
        database_wait(b->other, sessions, 1);
        if (commits)
            ASSERT_ERR(ERR_AGAIN, db_commit(b->d, e));
        else
            ASSERT_ERR(ERR_AGAIN, database_run(b->d, "INSERT INTO t VALUES(2)", e));
        db_rollback(b->d);
        assert_int_equal(database_number(b->d, "SELECT count(*) FROM t"), 0);
    }
}

/* 64 MiB are not sent within the second that a transaction may be idle. */
static void a_large_value_has_time_to_be_sent(void **state)
{
    static const char idle[] = "SELECT extract(epoch FROM current_setting("
                               "'idle_in_transaction_session_timeout')::interval)::bigint";
    const struct database *b = *state;
    size_t len = (size_t)(64 * MIB);
    char *large = malloc(len);

    assert_non_null(large);
    memset(large, 'x', len);
    ASSERT_OK(db_begin(b->d, e));
    assert_int_equal(database_number(b->d, idle), 1);
    struct db_stmt *q = db_prepare_once(b->d, "INSERT INTO t VALUES(?1, ?2)", NULL);
    db_bind_int(q, 1, 1);
    db_bind_blob(q, 2, large, 10);
    ASSERT_OK(db_run(q, e));
    assert_int_equal(database_number(b->d, idle), 1);
    db_bind_int(q, 1, 2);
    db_bind_blob(q, 2, large, len);
    ASSERT_OK(db_run(q, e));
    (void)db_done(q);
    assert_int_equal(database_number(b->d, idle), 17);
    ASSERT_OK(db_commit(b->d, e));
    assert_int_equal(database_number(b->d, idle), 1);
    free(large);
}

/* ---- others ---- */

struct opponent {
    struct db *d;
    struct err why;
    int rc;
};

static void *update_two(void *arg)
{
    struct opponent *o = arg;

    o->rc = database_run(o->d, "UPDATE t SET b = '' WHERE i = 2", &o->why);
    return NULL;
}

static void a_deadlock_is_tried_again(void **state)
{
    const struct database *b = *state;
    struct opponent o = { .d = b->other };
    struct err why = { 0 };
    pthread_t thread;

    ASSERT_OK(db_exec(b->d, "INSERT INTO t VALUES(1), (2)", e));
    ASSERT_OK(db_exec(b->d, "SET deadlock_timeout = 10", e));
    ASSERT_OK(db_exec(b->other, "SET deadlock_timeout = 10", e));
    ASSERT_OK(db_begin(b->d, e));
    ASSERT_OK(db_begin(b->other, e));
    ASSERT_OK(database_run(b->d, "UPDATE t SET b = '' WHERE i = 2", e));
    ASSERT_OK(database_run(b->other, "UPDATE t SET b = '' WHERE i = 1", e));
    assert_int_equal(pthread_create(&thread, NULL, update_two, &o), 0);
    int rc = database_run(b->d, "UPDATE t SET b = '' WHERE i = 1", &why);
    if (rc < 0) /* let the other one have it */
        db_rollback(b->d);
    (void)pthread_join(thread, NULL);
    assert_int_equal(rc + o.rc, -1);
    assert_int_equal(rc < 0 ? why.kind : o.why.kind, ERR_AGAIN);
    db_rollback(b->d);
    db_rollback(b->other);
}

static void what_it_names_may_be_deleted(void **state)
{
    const struct database *b = *state;

    ASSERT_ERR(ERR_AGAIN, database_run(b->d, "INSERT INTO child VALUES(7)", e));
}

/* A newer release has changed a table while this one runs. */
static void a_statement_outlives_a_change_of_its_table(void **state)
{
    static const char sql[] = "SELECT * FROM t";
    const struct database *b = *state;
    struct db_stmt *q = db_prepare(b->d, sql, NULL);

    ASSERT_OK(db_run(q, e));
    ASSERT_OK(db_exec(b->other, "ALTER TABLE t ADD COLUMN more BIGINT", e));
    ASSERT_ERR(ERR_AGAIN, db_run(q, e));
    ASSERT_OK(db_run(q, e));
    (void)db_done(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DATABASE(numbers_have_many_types),
        WITH_DATABASE(a_large_blob_goes_and_comes),
        WITH_DATABASE(a_list_that_is_left_costs_what_was_read),
        WITH_DATABASE(a_list_leaves_no_transaction_open),
        WITH_DATABASE(a_session_promises_what_we_do),
        WITH_DATABASE(past_the_deadline_the_server_stops_too),
        WITH_DATABASE(a_commit_past_its_deadline_is_not_known),
        WITH_DATABASE(a_commit_with_a_warning_is_not_known),
        WITH_DATABASE(a_commit_that_fails_has_stored_nothing),
        WITH_DATABASE(a_transaction_left_idle_is_ended),
        WITH_DATABASE(a_large_value_has_time_to_be_sent),
        WITH_DATABASE(a_deadlock_is_tried_again),
        WITH_DATABASE(what_it_names_may_be_deleted),
        WITH_DATABASE(a_statement_outlives_a_change_of_its_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
