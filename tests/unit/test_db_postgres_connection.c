/* tests/unit/test_db_postgres_connection.c - connections to PostgreSQL: who is let in, a server
 * that goes away, being notified. */
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
    const struct database *b = *state;
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
    const struct database *b = *state;

    ASSERT_OK(db_begin(b->d, e));
    ASSERT_OK(db_exec(b->d, "CREATE ROLE nobody_here; SET LOCAL ROLE nobody_here", e));
    ASSERT_ERR(ERR_SETTING, database_run(b->d, "SELECT * FROM t", e));
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
        ASSERT_OK(database_run(d, "INSERT INTO t VALUES(1)", e));
        ends[i]();
        ASSERT_ERR(ERR_UNAVAILABLE, database_run(d, "INSERT INTO t VALUES(2)", e));
        ASSERT_ERR(ERR_UNAVAILABLE, database_run(d, "INSERT INTO t VALUES(3)", e));
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
        assert_int_equal(database_number(d, "SELECT count(*) FROM t"), i);
        ASSERT_OK(database_run(d, "INSERT INTO t VALUES(4)", e));
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
    db_deadline(d, clock_mono_ns() + DATABASE_PATIENCE_NS);
    ASSERT_OK(db_begin(d, e));
    ASSERT_OK(db_commit(d, e));
    (void)db_close(d);
    postgres_own_end();
}

/* ---- being notified ---- */

static void a_bell_rings(void **state)
{
    const struct database *b = *state;
    const char *payload;
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    ASSERT_OK(db_postgres_listen(b->d, "scrc_bell", e));
    assert_int_equal(db_postgres_wait(b->d, ends[0], clock_mono_ns() + NS_PER_MS, NULL), 0);
    ASSERT_OK(
        db_exec(b->other, "NOTIFY scrc_other, 'x'; NOTIFY scrc_bell, 'one'; NOTIFY scrc_bell", e));
    int64_t until = clock_mono_ns() + DATABASE_PATIENCE_NS;
    assert_int_equal(db_postgres_wait(b->d, ends[0], until, NULL), DB_POSTGRES_RUNG);
    assert_true(db_postgres_next(b->d, &payload));
    assert_string_equal(payload, "one");
    assert_true(db_postgres_next(b->d, &payload));
    assert_string_equal(payload, "");
    assert_false(db_postgres_next(b->d, &payload));

    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(db_postgres_wait(b->d, ends[0], until, NULL), DB_POSTGRES_EXTRA);
    ASSERT_OK(db_exec(b->other, "NOTIFY scrc_bell", e));
    assert_int_equal(database_number(b->d, "SELECT 1"), 1); /* receives it with its answer */
    assert_int_equal(db_postgres_wait(b->d, -1, until, NULL), DB_POSTGRES_RUNG);
    assert_int_equal(db_postgres_wait(b->d, -1, clock_mono_ns(), NULL), DB_POSTGRES_RUNG);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void a_bell_rings_on_a_new_connection(void **state)
{
    const char *url = postgres_own_url();
    struct db *d = NULL, *other = NULL;
    int64_t until = clock_mono_ns() + DATABASE_PATIENCE_NS;

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DATABASE(a_refusal_has_its_kind),
        WITH_DATABASE(a_role_without_rights),
        WITH_DATABASE(a_bell_rings),
        cmocka_unit_test(a_url_that_is_wrong_keeps_its_secret),
        cmocka_unit_test(a_wrong_password_is_not_repeated),
        cmocka_unit_test(a_connection_is_made_anew),
        cmocka_unit_test(a_server_that_hangs_is_left),
        cmocka_unit_test(a_bell_rings_on_a_new_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
