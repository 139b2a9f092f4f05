/* tests/unit/test_db.c - statements of SQLite, and the kinds of its errors. */
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

static void values_come_back_as_bound(void **state)
{
    static const char insert[] = "INSERT INTO v VALUES(?1, ?2, ?3, ?4)";
    struct place *p = *state;
    struct err e = { 0 };
    size_t len;

    assert_int_equal(db_exec(p->d, "CREATE TABLE v(i, t, b, n)", &e), 0);
    struct db_stmt *q = db_prepare(p->d, insert, &e);
    assert_non_null(q);
    db_bind_int(q, 1, INT64_MIN);
    db_bind_text_n(q, 2, "a\0b", 3);
    db_bind_blob(q, 3, NULL, 0);
    db_bind_text(q, 4, NULL);
    assert_int_equal(db_run(q, &e), 0);
    assert_null(db_done(q));
    assert_int_equal(db_changes(p->d), 1);

    q = db_prepare_once(p->d, "SELECT * FROM v", &e);
    assert_int_equal(db_step(q, &e), 1);
    assert_true(db_int(q, 0) == INT64_MIN);
    assert_memory_equal(db_text(q, 1, &len), "a\0b", 4);
    assert_int_equal(len, 3);
    assert_non_null(db_blob(q, 2, &len));
    assert_int_equal(len, 0);
    assert_false(db_is_null(q, 2));
    assert_true(db_is_null(q, 3));
    assert_string_equal(db_text(q, 3, &len), "");
    assert_int_equal(db_step(q, &e), 0);
    assert_null(db_done(q));
}

static void a_literal_is_prepared_once_and_forgets_its_parameters(void **state)
{
    static const char sql[] = "SELECT ?1";
    struct place *p = *state;
    struct err e = { 0 };

    struct db_stmt *first = db_prepare(p->d, sql, &e);
    (void)db_done(first);
    assert_ptr_equal(db_prepare(p->d, sql, &e), first);
    db_bind_text(first, 1, "soon freed");
    (void)db_done(first);
    assert_int_equal(db_step(first, &e), 1);
    assert_true(db_is_null(first, 0));
    (void)db_done(first);
}

static void failures_have_their_kind(void **state)
{
    struct place *p = *state;
    struct db *d = NULL;
    struct err e = { 0 };

    assert_int_equal(db_exec(p->d, "INSERT INTO t VALUES(1, 'x')", &e), 0);
    assert_int_equal(db_exec(p->d, "INSERT INTO t VALUES(2, 'x')", &e), -1);
    assert_int_equal(e.kind, ERR_BUG);
    assert_null(db_prepare(p->d, "SELEC", &e));
    assert_int_equal(e.kind, ERR_BUG);

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

static void a_rollback_undoes_and_may_come_twice(void **state)
{
    struct place *p = *state;
    struct err e = { 0 };

    assert_int_equal(db_begin(p->d, &e), 0);
    assert_int_equal(db_exec(p->d, "INSERT INTO t VALUES(1, 'x')", &e), 0);
    assert_int_equal(db_last_seq(p->d), 1);
    db_rollback(p->d);
    db_rollback(p->d);
    assert_int_equal(number(p->d, "SELECT count(*) FROM t"), 0);
    assert_int_equal(db_begin(p->d, &e), 0);
    assert_int_equal(db_commit(p->d, &e), 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_writer_is_durable_and_strict, setup, teardown),
        cmocka_unit_test_setup_teardown(values_come_back_as_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(a_literal_is_prepared_once_and_forgets_its_parameters,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(failures_have_their_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_database_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rollback_undoes_and_may_come_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(deleted_pages_can_be_given_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_read_has_a_deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(a_commit_is_on_disk_when_it_returns, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
