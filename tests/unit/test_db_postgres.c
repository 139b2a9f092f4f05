/* tests/unit/test_db_postgres.c - what is PostgreSQL's own: types, cursors, deadlines, a server
 * that goes away, being notified. */
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
#include "tests/support/postgres.h"

#define PATIENCE_NS (20 * NS_PER_S)

struct base {
    const char *url;
    struct db *d, *other;
};

static int setup(void **state)
{
    struct base *b = calloc(1, sizeof *b);

    b->url = postgres_url();
    ASSERT_OK(db_connect(b->url, DB_WRITER, &b->d, e));
    ASSERT_OK(db_connect(b->url, DB_WRITER, &b->other, e));
    ASSERT_OK(db_exec(b->d,
                      "CREATE TABLE t(i BIGINT PRIMARY KEY, b BYTEA);"
                      "CREATE TABLE child(of BIGINT REFERENCES t(i))",
                      e));
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct base *b = *state;

    b->d = db_close(b->d);
    b->other = db_close(b->other);
    postgres_drop(b->url);
    free(b);
    return 0;
}

static int64_t number(struct db *d, const char *sql)
{
    int64_t n = INT64_MIN;

    ASSERT_OK(db_number(d, sql, &n, e));
    return n;
}

static int run(struct db *d, const char *sql, struct err *e)
{
    CLEANUP(db_donep) struct db_stmt *q = db_prepare_once(d, sql, e);
    return q ? db_run(q, e) : -1;
}

/* Until the number is what it shall be. */
static void wait_number(struct db *d, const char *sql, int64_t want)
{
    int64_t until = clock_mono_ns() + PATIENCE_NS;

    while (number(d, sql) != want)
        if (clock_mono_ns() > until)
            fail_msg("%s does not become %lld", sql, (long long)want);
}

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
    const struct base *b = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("    case: %s\n", cases[i].sql);
        assert_true(number(b->d, cases[i].sql) == cases[i].want);
    }
}

static void a_large_blob_goes_and_comes(void **state)
{
    static const char insert[] = "INSERT INTO t VALUES(1, ?1)";
    const struct base *b = *state;
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
    const struct base *b = *state;

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
    assert_true(number(b->d, "SELECT last_value FROM made") < 1000);
}

/* A cursor outside a transaction has one of its own, which ends with it. */
static void a_list_leaves_no_transaction_open(void **state)
{
    static const char open[] = "SELECT count(*) FROM pg_stat_activity WHERE datname ="
                               " current_database() AND state LIKE 'idle in%'";
    const struct base *b = *state;

    for (int rows = 1; rows <= 1000; rows += 999) {
        struct db_stmt *q = db_prepare_once(b->d, "SELECT generate_series(1, 1000)", NULL);
        for (int i = 0; i < rows; i++)
            assert_int_equal(db_step(q, NULL), 1);
        wait_number(b->other, open, 1);
        (void)db_done(q);
        wait_number(b->other, open, 0);
    }
    ASSERT_ERR(ERR_BUG, run(b->d, "SELECT nonsense", e));
    ASSERT_ERR(ERR_BUG, run(b->d, "SELECT 1 / (i - 500) FROM generate_series(1, 1000) AS s(i)", e));
    wait_number(b->other, open, 0);
    ASSERT_OK(db_exec(b->d, "INSERT INTO t VALUES(1)", e));
    assert_int_equal(number(b->other, "SELECT count(*) FROM t"), 1);
}

static void a_session_promises_what_we_do(void **state)
{
    static const struct {
        const char *name, *want;
    } cases[] = {
        { "synchronous_commit", "on" },
        { "application_name", "scrc" },
        { "client_encoding", "UTF8" },
        { "idle_in_transaction_session_timeout", "5s" },
        { "client_connection_check_interval", "1s" },
        { "transaction_isolation", "read committed" },
    };
    const struct base *b = *state;
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
    const struct base *b = *state;

    ASSERT_OK(db_begin(b->d, e));
    db_deadline(b->d, clock_mono_ns() + 50 * NS_PER_MS);
    ASSERT_ERR(ERR_TIMEOUT, run(b->d, "SELECT pg_sleep(600)", e));
    wait_number(b->other, sleeping, 0);
    ASSERT_ERR(ERR_UNAVAILABLE, run(b->d, "SELECT 1", e));
    ASSERT_ERR(ERR_UNAVAILABLE, db_commit(b->d, e));
    db_deadline(b->d, 0);
    assert_int_equal(number(b->d, "SELECT 5"), 5);

    db_deadline(b->d, clock_mono_ns() - 1);
    ASSERT_ERR(ERR_TIMEOUT, run(b->d, "SELECT pg_sleep(600)", e));
    db_deadline(b->d, clock_mono_ns() + PATIENCE_NS);
    assert_int_equal(number(b->d, "SELECT 6"), 6);
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
    const struct base *b = *state;

    at_commit(b->d, "PERFORM pg_sleep(0.3)");
    ASSERT_OK(db_begin(b->d, e));
    ASSERT_OK(run(b->d, "INSERT INTO t VALUES(1)", e));
    db_deadline(b->d, clock_mono_ns() + 20 * NS_PER_MS);
    ASSERT_ERR(ERR_TIMEOUT, db_commit(b->d, e));
    db_deadline(b->d, 0);
    wait_number(b->other, sleeping, 0);
    assert_true(number(b->d, "SELECT count(*) FROM t") <= 1);
}

static void a_commit_with_a_warning_is_not_known(void **state)
{
    const struct base *b = *state;

    at_commit(b->d, "RAISE WARNING 'canceling wait for synchronous replication'");
    ASSERT_OK(db_begin(b->d, e));
    ASSERT_OK(run(b->d, "INSERT INTO t VALUES(1)", e));
    ASSERT_ERR(ERR_UNAVAILABLE, db_commit(b->d, e));
    ASSERT_OK(db_begin(b->d, e));
    ASSERT_OK(db_commit(b->d, e));
}

static void a_commit_that_fails_has_stored_nothing(void **state)
{
    const struct base *b = *state;

    at_commit(b->d, "RAISE EXCEPTION 'late' USING ERRCODE = '40001'");
    ASSERT_OK(db_begin(b->d, e));
    ASSERT_OK(run(b->d, "INSERT INTO t VALUES(1)", e));
    ASSERT_ERR(ERR_AGAIN, db_commit(b->d, e));

    /* PostgreSQL answers COMMIT with success where it rolls back. */
    ASSERT_OK(db_begin(b->d, e));
    ASSERT_OK(run(b->d, "UPDATE t SET i = 1", e));
    ASSERT_ERR(ERR_BUG, run(b->d, "INSERT INTO t VALUES(NULL)", e));
    ASSERT_ERR(ERR_BUG, db_commit(b->d, e));
    ASSERT_OK(db_begin(b->d, e));
    ASSERT_OK(db_commit(b->d, e));
    assert_int_equal(number(b->d, "SELECT count(*) FROM t"), 0);
}

/* Who stands still in a transaction loses it, and with it the locks. */
static void a_transaction_left_idle_is_ended(void **state)
{
    static const char sessions[] =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()";
    const struct base *b = *state;

    for (int commits = 0; commits < 2; commits++) {
        ASSERT_OK(db_exec(b->d, "SET idle_in_transaction_session_timeout = 10", e));
        ASSERT_OK(db_begin(b->d, e));
        ASSERT_OK(run(b->d, "INSERT INTO t VALUES(1)", e));
        wait_number(b->other, sessions, 1);
        if (commits)
            ASSERT_ERR(ERR_UNAVAILABLE, db_commit(b->d, e));
        else
            ASSERT_ERR(ERR_UNAVAILABLE, run(b->d, "INSERT INTO t VALUES(2)", e));
        db_rollback(b->d);
        assert_int_equal(number(b->d, "SELECT count(*) FROM t"), 0);
    }
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

    o->rc = run(o->d, "UPDATE t SET b = '' WHERE i = 2", &o->why);
    return NULL;
}

static void a_deadlock_is_tried_again(void **state)
{
    const struct base *b = *state;
    struct opponent o = { .d = b->other };
    struct err why = { 0 };
    pthread_t thread;

    ASSERT_OK(db_exec(b->d, "INSERT INTO t VALUES(1), (2)", e));
    ASSERT_OK(db_exec(b->d, "SET deadlock_timeout = 10", e));
    ASSERT_OK(db_exec(b->other, "SET deadlock_timeout = 10", e));
    ASSERT_OK(db_begin(b->d, e));
    ASSERT_OK(db_begin(b->other, e));
    ASSERT_OK(run(b->d, "UPDATE t SET b = '' WHERE i = 2", e));
    ASSERT_OK(run(b->other, "UPDATE t SET b = '' WHERE i = 1", e));
    assert_int_equal(pthread_create(&thread, NULL, update_two, &o), 0);
    int rc = run(b->d, "UPDATE t SET b = '' WHERE i = 1", &why);
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
    const struct base *b = *state;

    ASSERT_ERR(ERR_AGAIN, run(b->d, "INSERT INTO child VALUES(7)", e));
}

/* A newer release has changed a table while this one runs. */
static void a_statement_outlives_a_change_of_its_table(void **state)
{
    static const char sql[] = "SELECT * FROM t";
    const struct base *b = *state;
    struct db_stmt *q = db_prepare(b->d, sql, NULL);

    ASSERT_OK(db_run(q, e));
    ASSERT_OK(db_exec(b->other, "ALTER TABLE t ADD COLUMN more BIGINT", e));
    ASSERT_ERR(ERR_AGAIN, db_run(q, e));
    ASSERT_OK(db_run(q, e));
    (void)db_done(q);
}

/* ---- who is let in ---- */

/* The URL with `from` replaced. */
static const char *edit(const char *url, const char *from, const char *to)
{
    static char edited[600];
    const char *at = strstr(url, from);

    assert_non_null(at);
    (void)snprintf(edited, sizeof edited, "%.*s%s%s", (int)(at - url), url, to, at + strlen(from));
    return edited;
}

static void assert_refused(const char *url, enum err_kind kind, const char *secret)
{
    struct db *d = NULL;
    struct err e = { 0 };

    if (db_connect(url, DB_WRITER, &d, &e) == 0)
        fail_msg("%s is let in", url);
    print_message("    case: %s: %s\n", err_kind_name(e.kind), e.msg);
    assert_int_equal(e.kind, kind);
    assert_null(d);
    if (secret)
        assert_null(strstr(e.msg, secret));
}

static void a_url_that_is_wrong_keeps_its_secret(void **state)
{
    static const char *const urls[] = {
        "postgres://user:pw@hunter2@host/base",
        "postgres://user:12/hunter2@host/base",
        "postgres://user:hunter2/x@host/base",
        "postgres://user:1/x@hunter2/base",
        "postgres://user:hunter2@host:port/base",
        "postgres://user:x@host:hunter2/base",
        "postgres://user:hunter2@host/base?nonsense=1",
        "postgres://user:hunter2%zz@host/base",
        "postgres://[hunter2",
        "host=nowhere password=hunter2",
        "mysql://user:hunter2@host/base",
        "hunter2",
        "",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++)
        assert_refused(urls[i], ERR_SETTING, "hunter2");
}

static void a_refusal_has_its_kind(void **state)
{
    const struct base *b = *state;
    char name[64], sql[200];

    struct db_stmt *q = db_prepare_once(b->d, "SELECT current_database()", NULL);
    assert_int_equal(db_step(q, NULL), 1);
    (void)snprintf(name, sizeof name, "%s", db_text(q, 0, NULL));
    (void)db_done(q);
    assert_refused(edit(b->url, name, "absent"), ERR_SETTING, NULL);
    assert_refused("postgres:///x?host=/nonexistent", ERR_UNAVAILABLE, NULL);
    assert_refused("postgres://127.0.0.1:1/x", ERR_UNAVAILABLE, NULL);

    /* A server that only reads, when we come and later. */
    ASSERT_OK(db_exec(b->other, "SET default_transaction_read_only = on", e));
    ASSERT_ERR(ERR_UNAVAILABLE, db_exec(b->other, "INSERT INTO t VALUES(5)", e));
    ASSERT_OK(db_exec(b->other, "INSERT INTO t VALUES(5)", e)); /* on a new connection */
    (void)snprintf(sql, sizeof sql, "ALTER DATABASE \"%s\" SET default_transaction_read_only = on",
                   name);
    ASSERT_OK(db_exec(b->d, sql, e));
    assert_refused(b->url, ERR_UNAVAILABLE, NULL);
}

static void a_role_without_rights(void **state)
{
    const struct base *b = *state;

    ASSERT_OK(db_begin(b->d, e));
    ASSERT_OK(db_exec(b->d, "CREATE ROLE nobody_here; SET LOCAL ROLE nobody_here", e));
    ASSERT_ERR(ERR_SETTING, run(b->d, "SELECT * FROM t", e));
    db_rollback(b->d);
}

static void a_wrong_password_is_not_repeated(void **state)
{
    (void)state;
    postgres_own_end(); /* the one for all tests, where ctest has started none */
    postgres_own_start("tls");
    const char *url = postgres_own_url();
    const char *at = strchr(url, '@');
    struct db *d = NULL;

    assert_non_null(at);
    const char *password = at;
    while (password[-1] != ':')
        password--;
    char right[100];
    (void)snprintf(right, sizeof right, ":%.*s@", (int)(at - password), password);
    ASSERT_OK(db_connect(url, DB_WRITER, &d, e));
    (void)db_close(d);
    assert_refused(edit(url, right, ":hunter2@"), ERR_SETTING, "hunter2");
    postgres_own_end();
}

/* ---- a server that goes away ---- */

static void a_connection_is_made_anew(void **state)
{
    static const char sql[] = "SELECT ?1 + 1";
    static void (*const ends[])(void) = { postgres_stop_hard, postgres_kill };
    const char *url = postgres_own_url();
    struct db *d = NULL, *reader = NULL;

    (void)state;
    ASSERT_OK(db_connect(url, DB_WRITER, &d, e));
    ASSERT_OK(db_connect(url, DB_READER, &reader, e));
    ASSERT_OK(db_exec(d, "CREATE TABLE t(i BIGINT)", e));
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        struct db_stmt *q = db_prepare(reader, sql, NULL);
        db_bind_int(q, 1, 1);
        assert_int_equal(db_step(q, NULL), 1);
        (void)db_done(q);
        ASSERT_OK(db_begin(d, e));
        ASSERT_OK(run(d, "INSERT INTO t VALUES(1)", e));
        ends[i]();
        ASSERT_ERR(ERR_UNAVAILABLE, run(d, "INSERT INTO t VALUES(2)", e));
        ASSERT_ERR(ERR_UNAVAILABLE, run(d, "INSERT INTO t VALUES(3)", e));
        db_rollback(d);
        ASSERT_ERR(ERR_UNAVAILABLE, db_begin(d, e));
        postgres_start_again();

        /* The reader was idle: it does not notice. */
        q = db_prepare(reader, sql, NULL);
        db_bind_int(q, 1, 1);
        assert_int_equal(db_step(q, NULL), 1);
        assert_int_equal(db_int(q, 0), 2);
        (void)db_done(q);
        ASSERT_OK(db_begin(d, e));
        assert_int_equal(number(d, "SELECT count(*) FROM t"), i);
        ASSERT_OK(run(d, "INSERT INTO t VALUES(4)", e));
        ASSERT_OK(db_commit(d, e));

        /* The writer was idle: a transaction begins as if nothing was. */
        ends[i]();
        postgres_start_again();
        ASSERT_OK(db_begin(d, e));
        ASSERT_OK(db_commit(d, e));
    }
    (void)db_close(d);
    (void)db_close(reader);
    postgres_own_end();
}

static void a_server_that_hangs_is_left(void **state)
{
    static const char large[] = "SELECT length(?1)";
    const char *url = postgres_own_url();
    size_t size = 8 * MIB;
    CLEANUP(freep) char *bytes = calloc(1, size);
    struct db *d = NULL;

    (void)state;
    assert_non_null(bytes);
    ASSERT_OK(db_connect(url, DB_WRITER, &d, e));
    struct db_stmt *q = db_prepare(d, large, NULL);
    db_bind_text(q, 1, "x");
    ASSERT_OK(db_run(q, e));
    postgres_pause();
    db_deadline(d, clock_mono_ns() + 50 * NS_PER_MS);
    db_bind_blob(q, 1, bytes, size); /* more than a socket takes */
    ASSERT_ERR(ERR_TIMEOUT, db_run(q, e));
    (void)db_done(q);
    ASSERT_ERR(ERR_TIMEOUT, db_begin(d, e));
    ASSERT_ERR(ERR_TIMEOUT, db_begin(d, e)); /* connecting has the deadline too */
    postgres_resume();
    db_deadline(d, clock_mono_ns() + PATIENCE_NS);
    ASSERT_OK(db_begin(d, e));
    ASSERT_OK(db_commit(d, e));
    (void)db_close(d);
    postgres_own_end();
}

/* ---- being notified ---- */

static void a_bell_rings(void **state)
{
    const struct base *b = *state;
    const char *payload;
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    ASSERT_OK(db_postgres_listen(b->d, "scrc_bell", e));
    assert_int_equal(db_postgres_wait(b->d, ends[0], clock_mono_ns() + NS_PER_MS, NULL), 0);
    ASSERT_OK(
        db_exec(b->other, "NOTIFY scrc_other, 'x'; NOTIFY scrc_bell, 'one'; NOTIFY scrc_bell", e));
    int64_t until = clock_mono_ns() + PATIENCE_NS;
    assert_int_equal(db_postgres_wait(b->d, ends[0], until, NULL), DB_POSTGRES_RUNG);
    assert_true(db_postgres_next(b->d, &payload));
    assert_string_equal(payload, "one");
    assert_true(db_postgres_next(b->d, &payload));
    assert_string_equal(payload, "");
    assert_false(db_postgres_next(b->d, &payload));

    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(db_postgres_wait(b->d, ends[0], until, NULL), DB_POSTGRES_EXTRA);
    ASSERT_OK(db_exec(b->other, "NOTIFY scrc_bell", e));
    assert_int_equal(number(b->d, "SELECT 1"), 1); /* receives it with its answer */
    assert_int_equal(db_postgres_wait(b->d, -1, until, NULL), DB_POSTGRES_RUNG);
    assert_int_equal(db_postgres_wait(b->d, -1, clock_mono_ns(), NULL), DB_POSTGRES_RUNG);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void a_bell_rings_on_a_new_connection(void **state)
{
    const char *url = postgres_own_url();
    struct db *d = NULL, *other = NULL;
    int64_t until = clock_mono_ns() + PATIENCE_NS;

    (void)state;
    ASSERT_OK(db_connect(url, DB_READER, &d, e));
    ASSERT_OK(db_postgres_listen(d, "scrc_bell", e));
    postgres_kill();
    ASSERT_ERR(ERR_UNAVAILABLE, db_postgres_wait(d, -1, until, e));
    ASSERT_ERR(ERR_UNAVAILABLE, db_postgres_wait(d, -1, until, e));
    postgres_start_again();
    assert_int_equal(db_postgres_wait(d, -1, until, NULL), DB_POSTGRES_RUNG);
    assert_int_equal(db_postgres_wait(d, -1, clock_mono_ns(), NULL), 0);
    ASSERT_OK(db_connect(url, DB_WRITER, &other, e));
    ASSERT_OK(db_exec(other, "NOTIFY scrc_bell", e));
    assert_int_equal(db_postgres_wait(d, -1, until, NULL), DB_POSTGRES_RUNG);
    ASSERT_ERR(ERR_BUG, db_postgres_listen(d, "a\"b", e));
    (void)db_close(other);
    (void)db_close(d);
    postgres_own_end();
}

#define WITH_BASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BASE(numbers_have_many_types),
        WITH_BASE(a_large_blob_goes_and_comes),
        WITH_BASE(a_list_that_is_left_costs_what_was_read),
        WITH_BASE(a_list_leaves_no_transaction_open),
        WITH_BASE(a_session_promises_what_we_do),
        WITH_BASE(past_the_deadline_the_server_stops_too),
        WITH_BASE(a_commit_past_its_deadline_is_not_known),
        WITH_BASE(a_commit_with_a_warning_is_not_known),
        WITH_BASE(a_commit_that_fails_has_stored_nothing),
        WITH_BASE(a_transaction_left_idle_is_ended),
        WITH_BASE(a_deadlock_is_tried_again),
        WITH_BASE(what_it_names_may_be_deleted),
        WITH_BASE(a_statement_outlives_a_change_of_its_table),
        WITH_BASE(a_refusal_has_its_kind),
        WITH_BASE(a_role_without_rights),
        WITH_BASE(a_bell_rings),
        cmocka_unit_test(a_url_that_is_wrong_keeps_its_secret),
        cmocka_unit_test(a_wrong_password_is_not_repeated),
        cmocka_unit_test(a_connection_is_made_anew),
        cmocka_unit_test(a_server_that_hangs_is_left),
        cmocka_unit_test(a_bell_rings_on_a_new_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
