/* tests/unit/test_db.c - statements on both kinds of database; what is SQLite's own. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/store/db.h"
#include "tests/support/assert_err.h"
#include "tests/support/postgres.h"

struct place {
    char dir[60], path[80];
    struct db *d;
};

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    struct err e = { 0 };

    (void)snprintf(p->dir, sizeof p->dir, "/tmp/test_db.XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    (void)snprintf(p->path, sizeof p->path, "%s/x.db", p->dir);
    assert_int_equal(db_open(p->path, DB_WRITER, &p->d, &e), 0);
    assert_int_equal(
        db_exec(p->d, "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT UNIQUE) STRICT", &e), 0);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;

    p->d = db_close(p->d);
    (void)unlink(p->path);
    (void)rmdir(p->dir);
    free(p);
    return 0;
}

static int64_t number(struct db *d, const char *sql)
{
    struct err e = { 0 };
    int64_t n = -1;

    if (db_number(d, sql, &n, &e) < 0)
        fail_msg("%s: %s", sql, e.msg);
    return n;
}

static void a_writer_is_durable_and_strict(void **state)
{
    static const struct {
        const char *pragma;
        int64_t want;
    } cases[] = {
        { "PRAGMA page_size", 8192 }, { "PRAGMA synchronous", 2 },    { "PRAGMA auto_vacuum", 2 },
        { "PRAGMA foreign_keys", 1 }, { "PRAGMA trusted_schema", 0 }, { "PRAGMA secure_delete", 0 },
        { "PRAGMA mmap_size", 0 },
    };
    struct place *p = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("    case: %s\n", cases[i].pragma);
        assert_int_equal(number(p->d, cases[i].pragma), cases[i].want);
    }
}

/* An SQLite text may have a NUL inside. */
static void a_text_has_a_length(void **state)
{
    static const char sql[] = "SELECT ?1";
    struct place *p = *state;
    size_t len;

    struct db_stmt *q = db_prepare(p->d, sql, NULL);
    db_bind_text_n(q, 1, "a\0b", 3);
    ASSERT_OK(db_step(q, e));
    assert_memory_equal(db_text(q, 0, &len), "a\0b", 4);
    assert_int_equal(len, 3);
    assert_null(db_done(q));
}

static void failures_have_their_kind(void **state)
{
    struct place *p = *state;
    struct db *d = NULL;
    struct err e = { 0 };

    assert_int_equal(db_open(p->path, DB_READER, &d, &e), 0);
    assert_int_equal(db_exec(d, "INSERT INTO t VALUES(3, 'y')", &e), -1);
    assert_int_equal(e.kind, ERR_DISK);
    d = db_close(d);

    assert_int_equal(db_open("/nonexistent/x.db", DB_WRITER, &d, &e), -1);
    assert_int_equal(e.kind, ERR_DISK);
    assert_non_null(strstr(e.msg, "/nonexistent/x.db"));
    assert_null(d);
}

static void a_file_that_is_no_database_is_refused(void **state)
{
    struct place *p = *state;
    struct db *d = NULL;
    struct err e = { 0 };
    char path[90], junk[5000];

    (void)snprintf(path, sizeof path, "%s/junk.db", p->dir);
    memset(junk, 'x', sizeof junk);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, junk, sizeof junk), sizeof junk);
    (void)close(fd);
    assert_int_equal(db_open(path, DB_WRITER, &d, &e), -1);
    assert_int_equal(e.kind, ERR_DISK);
    (void)unlink(path);
}

/* The pages of deleted rows must be freed: auto_vacuum is a property of the file. */
static void deleted_pages_can_be_given_back(void **state)
{
    struct place *p = *state;
    struct err e = { 0 };

    assert_int_equal(db_exec(p->d,
                             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT"
                             " 2000) INSERT INTO t SELECT i, hex(randomblob(500)) FROM n;"
                             "DELETE FROM t",
                             &e),
                     0);
    int64_t before = number(p->d, "PRAGMA page_count");
    assert_true(number(p->d, "PRAGMA freelist_count") > 100);
    assert_int_equal(db_exec(p->d, "PRAGMA incremental_vacuum(100)", &e), 0);
    assert_int_equal(number(p->d, "PRAGMA page_count"), before - 100);
}

/* What a power cut after db_commit() would leave: both files, without the index in memory. */
static int64_t rows_on_disk(const struct place *p)
{
    char copy[sizeof p->path + 8], log[sizeof copy + 8], command[400];
    struct db *d = NULL;
    struct err e = { 0 };

    (void)snprintf(copy, sizeof copy, "%s.copy", p->path);
    (void)snprintf(log, sizeof log, "%s-wal", copy);
    (void)snprintf(command, sizeof command, "cp %s %s && cp %s-wal %s", p->path, copy, p->path,
                   log);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): no foreign input */
    assert_int_equal(db_open(copy, DB_WRITER, &d, &e), 0);
    int64_t rows = number(d, "SELECT count(*) FROM t");
    assert_int_equal(number(d, "SELECT count(*) FROM pragma_integrity_check WHERE"
                               " integrity_check <> 'ok'"),
                     0);
    (void)db_close(d);
    (void)unlink(copy);
    return rows;
}

static void insert_rows(struct db *d, int count)
{
    char sql[200];
    struct err e = { 0 };

    (void)snprintf(sql, sizeof sql,
                   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT %d)"
                   " INSERT INTO t SELECT NULL, hex(randomblob(500)) FROM n",
                   count);
    if (db_exec(d, sql, &e) < 0)
        fail_msg("%d rows: %s", count, e.msg);
}

/* From one page to more than the cache holds, and after writes that were rolled back. */
static void a_commit_is_on_disk_when_it_returns(void **state)
{
    static const int sizes[] = { 1, 30, 100, 250, 8000, 1 };
    struct place *p = *state;
    struct db *reader = NULL;
    struct err e = { 0 };
    int64_t rows = 0;

    assert_int_equal(db_open(p->path, DB_READER, &reader, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        print_message("    case: %d rows\n", sizes[i]);
        assert_int_equal(db_begin(p->d, &e), 0);
        insert_rows(p->d, sizes[i]);
        assert_int_equal(number(reader, "SELECT count(*) FROM t"), rows);
        assert_int_equal(db_commit(p->d, &e), 0);
        rows += sizes[i];
        assert_int_equal(number(reader, "SELECT count(*) FROM t"), rows);
        assert_int_equal(rows_on_disk(p), rows);

        assert_int_equal(db_begin(p->d, &e), 0);
        insert_rows(p->d, sizes[i]);
        db_rollback(p->d);
    }
    (void)db_close(reader);
}

/* An endless read is stopped; the connection can be used again, and others have no deadline. */
static void a_read_has_a_deadline(void **state)
{
    static const char endless[] = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
                                  " SELECT count(*) FROM n";
    struct place *p = *state;
    struct db *reader;
    struct err e = { 0 };
    int64_t n, steps;

    insert_rows(p->d, 1000);
    assert_int_equal(db_open(p->path, DB_READER, &reader, &e), 0);
    db_deadline(reader, clock_mono_ns() + 10 * NS_PER_MS);
    assert_int_equal(db_number(reader, endless, &n, &e), -1);
    assert_int_equal(e.kind, ERR_TIMEOUT);
    db_deadline(reader, 0);
    steps = db_steps(reader);
    assert_int_equal(number(reader, "SELECT count(*) FROM t a JOIN t b"), 1000 * 1000);
    assert_true(db_steps(reader) - steps > 1000 * 1000);
    (void)db_close(reader);
}

/* ---- on both ---- */

struct both {
    bool on_postgres;
    struct place *p; /* SQLite's */
    const char *url; /* PostgreSQL's */
    struct db *d;
};

static int setup_both(void **state)
{
    static const char schema[] = "CREATE TABLE v(i BIGINT, t TEXT UNIQUE, b BYTEA)";
    struct both *x = *state;

    if (x->on_postgres) {
        x->url = postgres_url();
        ASSERT_OK(db_connect(x->url, DB_WRITER, &x->d, e));
    } else {
        void *p = NULL;
        (void)setup(&p);
        x->p = p;
        x->d = x->p->d;
    }
    ASSERT_OK(db_exec(x->d, schema, e));
    return 0;
}

static int teardown_both(void **state)
{
    struct both *x = *state;

    if (!x->on_postgres) {
        void *p = x->p;
        return teardown(&p);
    }
    x->d = db_close(x->d);
    postgres_drop(x->url);
    return 0;
}

static struct db *reader_of(const struct both *x)
{
    struct db *d = NULL;

    if (x->on_postgres)
        ASSERT_OK(db_connect(x->url, DB_READER, &d, e));
    else
        ASSERT_OK(db_open(x->p->path, DB_READER, &d, e));
    return d;
}

/* i is NULL for INT64_MAX. */
static int insert(struct db *d, int64_t i, const char *text, struct err *e)
{
    static const char sql[] = "INSERT INTO v VALUES(?1, ?2, ?3)";
    CLEANUP(db_donep) struct db_stmt *q = db_prepare(d, sql, e);
    if (!q)
        return -1;

    if (i == INT64_MAX)
        db_bind_null(q, 1);
    else
        db_bind_int(q, 1, i);
    db_bind_text(q, 2, text);
    return db_run(q, e);
}

static void values_come_back_as_bound(void **state)
{
    static const char insert_all[] = "INSERT INTO v VALUES(?1, ?2, ?3)";
    static const struct {
        int64_t i;
        const char *text;
        const char *blob;
        size_t len;
    } cases[] = {
        { INT64_MIN, "", "", 0 },
        { INT64_MAX, "\xc3\xa9\xc3\xbf'\"\\", "\0\xff\0", 3 },
        { -1, "x", "plain", 5 },
        { 0, "0", "\\x00", 4 },
    };
    const struct both *x = *state;
    size_t len;

    for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
        print_message("    case: %zu\n", k);
        struct db_stmt *q = db_prepare(x->d, insert_all, NULL);
        assert_non_null(q);
        db_bind_int(q, 1, cases[k].i);
        db_bind_text_n(q, 2, cases[k].text, strlen(cases[k].text));
        db_bind_blob(q, 3, cases[k].len ? cases[k].blob : NULL, cases[k].len);
        ASSERT_OK(db_run(q, e));
        assert_null(db_done(q));
        assert_int_equal(db_changes(x->d), 1);

        q = db_prepare_once(x->d, "SELECT * FROM v WHERE i = ?1 AND t = ?2 AND b = ?3", NULL);
        db_bind_int(q, 1, cases[k].i);
        db_bind_text(q, 2, cases[k].text);
        db_bind_blob(q, 3, cases[k].blob, cases[k].len);
        assert_int_equal(db_step(q, NULL), 1);
        assert_true(db_int(q, 0) == cases[k].i);
        assert_string_equal(db_text(q, 1, &len), cases[k].text);
        assert_int_equal(len, strlen(cases[k].text));
        assert_memory_equal(db_blob(q, 2, &len), cases[k].blob, cases[k].len);
        assert_int_equal(len, cases[k].len);
        assert_false(db_is_null(q, 2));
        assert_int_equal(db_step(q, NULL), 0);
        assert_null(db_done(q));
    }
}

static void null_is_no_value(void **state)
{
    const struct both *x = *state;
    size_t len;

    ASSERT_OK(insert(x->d, INT64_MAX, NULL, e));
    ASSERT_OK(insert(x->d, 5, "five", e)); /* the same statement, now with a type */
    ASSERT_OK(insert(x->d, INT64_MAX, NULL, e));
    struct db_stmt *q = db_prepare_once(x->d, "SELECT i, t, b FROM v WHERE i IS NULL", NULL);
    assert_int_equal(db_step(q, NULL), 1);
    for (int column = 0; column < 3; column++)
        assert_true(db_is_null(q, column));
    assert_int_equal(db_int(q, 0), 0);
    assert_string_equal(db_text(q, 1, &len), "");
    assert_int_equal(len, 0);
    assert_non_null(db_blob(q, 2, &len));
    assert_int_equal(len, 0);
    assert_null(db_done(q));
    assert_int_equal(number(x->d, "SELECT i FROM v WHERE t = 'five'"), 5);
    assert_int_equal(number(x->d, "SELECT i FROM v WHERE t = 'none'"), 0);
}

/* A parameter that was NULL at first can be a large number later, where PostgreSQL has taken the
 * type from a small one. */
static void a_parameter_may_change_its_type(void **state)
{
    static const char sql[] = "SELECT coalesce(?1, 7)";
    const struct both *x = *state;

    for (int i = 0; i < 3; i++) {
        struct db_stmt *q = db_prepare(x->d, sql, NULL);
        if (i != 0)
            db_bind_int(q, 1, INT64_MIN + i);
        assert_int_equal(db_step(q, NULL), 1);
        assert_true(db_int(q, 0) == (i == 0 ? 7 : INT64_MIN + i));
        assert_null(db_done(q));
    }
}

static void a_literal_is_prepared_once_and_forgets_its_parameters(void **state)
{
    static const char sql[] = "SELECT ?1";
    const struct both *x = *state;

    struct db_stmt *first = db_prepare(x->d, sql, NULL);
    (void)db_done(first);
    assert_ptr_equal(db_prepare(x->d, sql, NULL), first);
    db_bind_text(first, 1, "soon freed");
    (void)db_done(first);
    assert_int_equal(db_step(first, NULL), 1);
    assert_true(db_is_null(first, 0));
    assert_int_equal(db_step(first, NULL), 0);
    db_bind_text(first, 1, "again"); /* without db_done() */
    assert_int_equal(db_step(first, NULL), 1);
    assert_string_equal(db_text(first, 0, NULL), "again");
    (void)db_done(first);
}

static int run_once(struct db *d, const char *sql, struct err *e)
{
    CLEANUP(db_donep) struct db_stmt *q = db_prepare_once(d, sql, e);
    return q ? db_run(q, e) : -1;
}

static void mistakes_of_ours_are_bugs(void **state)
{
    static const char parameter[] = "SELECT ?1";
    const struct both *x = *state;

    ASSERT_OK(insert(x->d, 1, "x", e));
    ASSERT_ERR(ERR_BUG, insert(x->d, 2, "x", e));
    ASSERT_ERR(ERR_BUG, run_once(x->d, "SELEC", e));
    ASSERT_ERR(ERR_BUG, run_once(x->d, "SELECT * FROM nothing", e));
    ASSERT_ERR(ERR_BUG, db_exec(x->d, "SELECT 1; SELEC", e));
    struct db_stmt *q = db_prepare(x->d, parameter, NULL);
    db_bind_int(q, 2, 1);
    ASSERT_ERR(ERR_BUG, db_step(q, e));
    (void)db_done(q);
    ASSERT_OK(db_run(q, e));
    (void)db_done(q);

    struct db *reader = reader_of(x);
    if (insert(reader, 3, "y", NULL) == 0)
        fail_msg("a reader wrote");
    assert_int_equal(number(reader, "SELECT count(*) FROM v"), 1);
    (void)db_close(reader);
}

static void a_rollback_undoes_and_may_come_twice(void **state)
{
    const struct both *x = *state;

    ASSERT_OK(db_begin(x->d, e));
    ASSERT_OK(insert(x->d, 1, "x", e));
    db_rollback(x->d);
    db_rollback(x->d);
    assert_int_equal(number(x->d, "SELECT count(*) FROM v"), 0);
    ASSERT_OK(db_begin(x->d, e));
    ASSERT_OK(insert(x->d, 1, "x", e));
    ASSERT_OK(db_commit(x->d, e));
    db_rollback(x->d);
    struct db *reader = reader_of(x);
    assert_int_equal(number(reader, "SELECT count(*) FROM v"), 1);
    (void)db_close(reader);
}

static void changes_are_those_of_the_last_write(void **state)
{
    const struct both *x = *state;
    char text[8];

    ASSERT_OK(db_begin(x->d, e));
    for (int i = 0; i < 9; i++) {
        (void)snprintf(text, sizeof text, "t%d", i);
        ASSERT_OK(insert(x->d, i, text, e));
    }
    ASSERT_OK(run_once(x->d, "UPDATE v SET b = NULL WHERE i < 4", e));
    assert_int_equal(db_changes(x->d), 4);
    assert_int_equal(number(x->d, "SELECT count(*) FROM v"), 9);
    assert_int_equal(db_changes(x->d), 4);
    ASSERT_OK(run_once(x->d, "DELETE FROM v WHERE i > 100", e));
    assert_int_equal(db_changes(x->d), 0);
    ASSERT_OK(db_commit(x->d, e));
}

static const char counting[] =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE"
    " i < ?1) SELECT i FROM n";

/* Sizes at which the last of several answers is empty or full. Between two rows other statements
 * run on the same connection, in a transaction and outside of one. */
static void a_list_has_all_its_rows(void **state)
{
    static const char between[] = "SELECT ?1 + 1";
    static const int sizes[] = { 1, 255, 256, 257, 512, 1000 };
    const struct both *x = *state;

    for (size_t k = 0; k < 2 * ARRAY_LEN(sizes); k++) {
        int size = sizes[k / 2], rows = 0, n;
        print_message("    case: %d rows\n", size);
        if (k % 2)
            ASSERT_OK(db_begin(x->d, e));
        struct db_stmt *q = db_prepare_once(x->d, counting, NULL);
        db_bind_int(q, 1, size);
        while ((n = db_step(q, NULL)) > 0) {
            struct db_stmt *other = db_prepare(x->d, between, NULL);
            assert_int_equal(db_int(q, 0), ++rows);
            db_bind_int(other, 1, rows);
            assert_int_equal(db_step(other, NULL), 1);
            assert_int_equal(db_int(other, 0), rows + 1);
            (void)db_done(other);
        }
        assert_int_equal(n, 0);
        assert_int_equal(rows, size);
        (void)db_done(q);
        if (k % 2)
            ASSERT_OK(db_commit(x->d, e));
        ASSERT_OK(db_begin(x->d, e)); /* no transaction is left */
        ASSERT_OK(db_commit(x->d, e));
    }
}

static void two_lists_may_be_read_at_once_and_left(void **state)
{
    const struct both *x = *state;

    struct db_stmt *a = db_prepare_once(x->d, counting, NULL);
    struct db_stmt *b = db_prepare_once(x->d, counting, NULL);
    db_bind_int(a, 1, 100000);
    db_bind_int(b, 1, 100000);
    for (int i = 1; i <= 300; i++) {
        assert_int_equal(db_step(a, NULL), 1);
        assert_int_equal(db_step(b, NULL), 1);
        assert_int_equal(db_int(a, 0), db_int(b, 0));
    }
    (void)db_done(a);
    for (int i = 301; i <= 900; i++) {
        assert_int_equal(db_step(b, NULL), 1);
        assert_int_equal(db_int(b, 0), i);
    }
    (void)db_done(b);
    ASSERT_OK(db_begin(x->d, e));
    ASSERT_OK(insert(x->d, 1, "x", e));
    ASSERT_OK(db_commit(x->d, e));
}

static struct both on_sqlite = { .on_postgres = false }, on_postgres = { .on_postgres = true };

#define BOTH(test)                                                                                 \
    { #test " (SQLite)", test, setup_both, teardown_both, &on_sqlite },                            \
    {                                                                                              \
#test " (PostgreSQL)", test, setup_both, teardown_both, &on_postgres                       \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_writer_is_durable_and_strict, setup, teardown),
        cmocka_unit_test_setup_teardown(a_text_has_a_length, setup, teardown),
        cmocka_unit_test_setup_teardown(failures_have_their_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_database_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(deleted_pages_can_be_given_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_read_has_a_deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(a_commit_is_on_disk_when_it_returns, setup, teardown),
        BOTH(values_come_back_as_bound),
        BOTH(null_is_no_value),
        BOTH(a_parameter_may_change_its_type),
        BOTH(a_literal_is_prepared_once_and_forgets_its_parameters),
        BOTH(mistakes_of_ours_are_bugs),
        BOTH(a_rollback_undoes_and_may_come_twice),
        BOTH(changes_are_those_of_the_last_write),
        BOTH(a_list_has_all_its_rows),
        BOTH(two_lists_may_be_read_at_once_and_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
