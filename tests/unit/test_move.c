/* tests/unit/test_move.c - a move takes all rows with all columns along, goes on where it was
 * killed, and refuses what it must not touch. */
#include <stdio.h>
#include <string.h>

#include "schema/base/text.h"
#include "schema/store/move/move_table.h"
#include "tests/support/assert_err.h"
#include "tests/support/move_places.h"
#include "tests/support/postgres.h"
#include "tests/support/row.h"

/* ---- there and back ---- */

static void nothing_is_left_behind(void **state)
{
    struct move_places *p = *state;
    struct move_result r;

    move_places_fill(p, p->file);
    ASSERT_OK(move_places_run(p, p->file, p->database, &r, e));
    move_places_assert_same(p->file, p->database);
    assert_int_equal(r.submissions, 2);
    assert_int_equal(r.reports, 1);
    assert_int_equal(r.texts, 2);
    assert_int_equal(r.messages, 3);
    ASSERT_OK(move_places_run(p, p->database, p->other, &r, e));
    move_places_assert_same(p->file, p->other);
    assert_int_equal(r.submissions, 2);
}

static void from_database_to_database_and_from_file_to_file(void **state)
{
    struct move_places *p = *state;
    const char *second = postgres_url();
    struct move_result r;

    move_places_fill(p, p->database);
    ASSERT_OK(move_places_run(p, p->database, second, &r, e));
    move_places_assert_same(p->database, second);
    ASSERT_OK(move_places_run(p, second, p->file, &r, e));
    ASSERT_OK(move_places_run(p, p->file, p->other, &r, e));
    move_places_assert_same(p->database, p->other);
    postgres_drop(second);
}

/* Both ways: numbers go on behind those that were given, also one that has gone to Kafka since. */
static void numbers_go_on(void **state)
{
    static const char insert[] = "INSERT INTO outbox(kind, created_ms) VALUES(0, 1)";
    struct move_places *p = *state;
    struct move_result r;

    move_places_fill(p, p->file);
    int64_t last = move_places_ask(p->file, "SELECT max(seq) FROM job");
    ASSERT_OK(move_places_run(p, p->file, p->database, &r, e));
    struct jobs *j = move_places_open(p, p->database);
    assert_int_equal(row_accept(j, "new", "c"), last + 1);
    j = jobs_close(j);
    assert_int_equal(move_places_ask(p->database, "SELECT nextval('outbox_number')"), 91);
    ASSERT_OK(move_places_run(p, p->database, p->other, &r, e));
    j = move_places_open(p, p->other);
    assert_int_equal(row_accept(j, "newer", "c"), last + 2);
    j = jobs_close(j);
    move_places_write(p->other, insert);
    assert_int_equal(move_places_ask(p->other, "SELECT max(number) FROM outbox"), 92);
}

static void the_table_is_an_epoch_of_its_own(void **state)
{
    struct move_places *p = *state;
    struct move_result r;
    char id[2][TEXT_ID_SIZE];

    move_places_fill(p, p->file);
    struct jobs *j = move_places_open(p, p->file);
    (void)snprintf(id[0], sizeof id[0], "%s", jobs_table_id(j));
    j = jobs_close(j);
    ASSERT_OK(move_places_run(p, p->file, p->database, &r, e));
    j = move_places_open(p, p->database);
    (void)snprintf(id[1], sizeof id[1], "%s", jobs_table_id(j));
    assert_string_not_equal(id[0], id[1]);
    assert_true(row_status(j, "done").revision == 0);
    j = jobs_close(j);
}

/* Its server was killed: the row waits again, and the attempt that the kill ended does not count.
 */
static void what_was_running_waits_again(void **state)
{
    static const char *const check = "SELECT count(*) FROM job WHERE state = 0 AND claim IS NULL"
                                     " AND instance IS NULL AND attempts = 4 AND restarts = 1";
    struct move_places *p = *state;
    const char *const ways[][2] = { { p->file, p->database }, { p->database, p->other } };
    struct move_result r;

    move_places_fill(p, p->file);
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        move_places_write(ways[i][0],
                          "UPDATE job SET state = 1, claim = 77, instance = 'gone',"
                          " claimed_ms = 5, attempts = 5, restarts = 0 WHERE id = 'queued'");
        ASSERT_OK(move_places_run(p, ways[i][0], ways[i][1], &r, e));
        assert_int_equal(move_places_ask(ways[i][1], check), 1);
        move_places_assert_same(ways[i][0], ways[i][1]);
    }
}

/* ---- sizes ---- */

/* More rows than a slice has, and rows that are larger than a slice. */
static void large_tables(void **state)
{
    static const char rows[] = "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n"
                               " WHERE i < 4600) INSERT INTO job(seq, id, hash, language,"
                               " submitted_ms, tests_total) SELECT i, 'r' || i, x'', 'c', i, 1"
                               " FROM n";
    static const char large[] = "INSERT INTO text(number, hash, body) VALUES"
                                "(100, x'02', zeroblob(3000000)), (101, x'03', zeroblob(9000000)),"
                                "(102, x'04', randomblob(3000000)), (103, x'05', x'00')";
    struct move_places *p = *state;
    struct move_result r;

    move_places_fill(p, p->file);
    move_places_write(p->file, rows);
    move_places_write(p->file, large);
    ASSERT_OK(move_places_run(p, p->file, p->database, &r, e));
    move_places_assert_same(p->file, p->database);
    ASSERT_OK(move_places_run(p, p->database, p->other, &r, e));
    move_places_assert_same(p->file, p->other);
    assert_int_equal(r.submissions, 4593);
}

/* ---- a move that has not ended ---- */

/* As a kill leaves it: the target has some rows and the mark, the source has none. */
static void unfinish(struct move_places *p, const char *from, const char *to)
{
    char id[TEXT_ID_SIZE + 1], sql[400];
    struct jobs *j = move_places_open(p, from);

    (void)snprintf(id, sizeof id, "%s", jobs_table_id(j));
    j = jobs_close(j);
    (void)snprintf(sql, sizeof sql,
                   "DELETE FROM meta WHERE name = 'table';"
                   "INSERT INTO meta(name, value) VALUES('" MOVE_MARK_INTO "', '%s');"
                   "DELETE FROM report; DELETE FROM text_use WHERE seq = 2",
                   id);
    move_places_write(to, sql);
}

static void goes_on_where_it_was_killed(void **state)
{
    struct move_places *p = *state;
    const char *const ways[][2] = { { p->file, p->database }, { p->database, p->other } };
    struct move_result r;

    move_places_fill(p, p->file);
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        ASSERT_OK(move_places_run(p, ways[i][0], ways[i][1], &r, e));
        move_places_write(ways[i][0], "DELETE FROM meta WHERE name = '" MOVE_MARK_AWAY "'");
        if (!move_places_in_file(ways[i][0]))
            move_places_write(ways[i][0],
                              "ALTER TABLE writer DROP CONSTRAINT this_job_table_has_moved");
        unfinish(p, ways[i][0], ways[i][1]);
        ASSERT_OK(move_places_run(p, ways[i][0], ways[i][1], &r, e));
        assert_int_equal(p->told, 3); /* only what was missing */
        move_places_assert_same(ways[i][0], ways[i][1]);
    }
}

/* Killed after the source was marked, before the target could be used. */
static void only_the_end_is_missing(void **state)
{
    struct move_places *p = *state;
    const char *const ways[][2] = { { p->file, p->database }, { p->database, p->other } };
    char sql[500], id[MOVE_MARK_SIZE];
    struct move_result r;

    move_places_fill(p, p->file);
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        ASSERT_OK(move_places_run(p, ways[i][0], ways[i][1], &r, e));
        CLEANUP(db_closep) struct db *d = move_places_db(ways[i][0]);
        ASSERT_OK(move_mark_read(d, MOVE_MARK_TABLE, id, e));
        (void)snprintf(sql, sizeof sql, "INSERT INTO meta(name, value) VALUES('%s', '%s')",
                       MOVE_MARK_INTO, id);
        move_places_write(ways[i][1], sql);
        struct jobs *j = NULL;
        const struct jobs_config c = move_places_config(p, ways[i][1]);
        ASSERT_ERR(ERR_SETTING, jobs_open(&c, &j, e));
        ASSERT_OK(move_places_run(p, ways[i][0], ways[i][1], &r, e));
        assert_int_equal(p->told, 0);
        j = move_places_open(p, ways[i][1]);
        j = jobs_close(j);
    }
}

static void a_source_that_has_changed_meanwhile(void **state)
{
    struct move_places *p = *state;
    struct move_result r;

    move_places_fill(p, p->file);
    ASSERT_OK(move_places_run(p, p->file, p->database, &r, e));
    move_places_write(p->file, "DELETE FROM meta WHERE name = '" MOVE_MARK_AWAY "'");
    unfinish(p, p->file, p->database);
    move_places_write(p->file, "UPDATE job SET error = 'other' WHERE id = 'done'");
    ASSERT_ERR(ERR_CONFLICT, move_places_run(p, p->file, p->database, &r, e));
    struct jobs *j = move_places_open(p, p->file); /* it can go on */
    j = jobs_close(j);
}

/* ---- what is refused ---- */

static void a_source_that_has_moved(void **state)
{
    struct move_places *p = *state;
    const char *const froms[] = { p->file, p->database };
    struct move_result r;
    struct jobs *j = NULL;

    move_places_fill(p, p->file);
    ASSERT_OK(move_places_run(p, p->file, p->database, &r, e));
    ASSERT_ERR(ERR_SETTING, move_places_run(p, p->file, p->other, &r, e));
    ASSERT_ERR(ERR_SETTING, move_places_run(p, p->file, p->database, &r, e));
    ASSERT_OK(move_places_run(p, p->database, p->other, &r, e));
    for (size_t i = 0; i < ARRAY_LEN(froms); i++) {
        const struct jobs_config c = move_places_config(p, froms[i]);
        struct err why;
        assert_int_equal(jobs_open(&c, &j, &why), -1);
        assert_int_equal(why.kind, ERR_SETTING);
        assert_non_null(strstr(why.msg, "have moved to"));
    }
}

static void a_target_that_is_not_empty(void **state)
{
    struct move_places *p = *state;
    struct move_result r;

    move_places_fill(p, p->file);
    move_places_fill(p, p->database);
    ASSERT_ERR(ERR_SETTING, move_places_run(p, p->file, p->database, &r, e));
    ASSERT_ERR(ERR_SETTING, move_places_run(p, p->database, p->file, &r, e));
    struct jobs *j = move_places_open(p, p->file);
    j = jobs_close(j);
    j = move_places_open(p, p->database);
    j = jobs_close(j);
}

static void a_table_that_a_server_works_on(void **state)
{
    struct move_places *p = *state;
    struct move_result r;

    move_places_fill(p, p->file);
    struct jobs *j = move_places_open(p, p->file);
    ASSERT_ERR(ERR_CONFLICT, move_places_run(p, p->file, p->database, &r, e));
    j = jobs_close(j);
    j = move_places_open(p, p->database);
    ASSERT_ERR(ERR_CONFLICT, move_places_run(p, p->database, p->other, &r, e));
    ASSERT_ERR(ERR_CONFLICT, move_places_run(p, p->file, p->database, &r, e));
    j = jobs_close(j);
    ASSERT_OK(move_places_run(p, p->file, p->database, &r, e));
}

static void addresses(void **state)
{
    static const char *const wrong[] = { "", "sqlite:", "/tmp", "mysql://x", "postgres://a@b@c/d" };
    struct move_places *p = *state;
    struct move_result r;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        ASSERT_ERR(ERR_SETTING, move_places_run(p, wrong[i], p->database, &r, e));
        ASSERT_ERR(ERR_SETTING, move_places_run(p, p->file, wrong[i], &r, e));
    }
    ASSERT_ERR(ERR_SETTING,
               move_places_run(p, p->file, p->database, &r, e)); /* no table is there */
    ASSERT_ERR(ERR_SETTING, move_places_run(p, p->database, p->file, &r, e));
}

/* ---- the list of tables ---- */

/* What is in a database and not moved. A new table or column has to be here or in the list. */
static const char *const stays[] = {
    "meta",   "feed",        "publisher",     "schema_version", "server",
    "writer", "job(change)", "outbox(entry)", "outbox(xid)",    NULL,
};

static bool is_listed(const char *table, const char *column)
{
    char whole[80], quoted[80];

    (void)snprintf(whole, sizeof whole, "%s(%s)", table, column);
    (void)snprintf(quoted, sizeof quoted, "\"%s\"", column);
    for (size_t i = 0; stays[i]; i++)
        if (strcmp(stays[i], table) == 0 || strcmp(stays[i], whole) == 0)
            return true;
    for (size_t i = 0; i < MOVE_TABLES; i++) {
        const char *at = move_table_all[i].columns;
        if (strcmp(move_table_all[i].name, table) != 0)
            continue;
        while (*at) {
            size_t len = strcspn(at, ",");
            if ((strlen(column) == len && strncmp(at, column, len) == 0) ||
                (strlen(quoted) == len && strncmp(at, quoted, len) == 0))
                return true;
            at += len + strspn(at + len, ", ");
        }
    }
    return false;
}

static void assert_all_listed(const char *place, const char *columns)
{
    CLEANUP(db_closep) struct db *d = move_places_db(place);
    struct err e;
    CLEANUP(db_donep) struct db_stmt *q = db_prepare_once(d, columns, &e);
    int n, rows = 0;

    assert_non_null(q);
    for (; (n = db_step(q, &e)) > 0; rows++)
        if (!is_listed(db_text(q, 0, NULL), db_text(q, 1, NULL)))
            fail_msg("%s(%s) is not moved", db_text(q, 0, NULL), db_text(q, 1, NULL));
    assert_int_equal(n, 0);
    assert_true(rows > 50);
}

static void every_column_is_listed(void **state)
{
    struct move_places *p = *state;

    move_places_fill(p, p->file);
    move_places_fill(p, p->database);
    assert_all_listed(p->file, "SELECT m.name, c.name FROM sqlite_schema m"
                               " JOIN pragma_table_info(m.name) c WHERE m.type = 'table'"
                               " AND m.name NOT LIKE 'sqlite_%'");
    assert_all_listed(p->database, "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT)"
                                   " FROM information_schema.columns"
                                   " WHERE table_schema = current_schema()");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MOVES(nothing_is_left_behind),
        MOVES(from_database_to_database_and_from_file_to_file),
        MOVES(numbers_go_on),
        MOVES(the_table_is_an_epoch_of_its_own),
        MOVES(what_was_running_waits_again),
        MOVES(large_tables),
        MOVES(goes_on_where_it_was_killed),
        MOVES(only_the_end_is_missing),
        MOVES(a_source_that_has_changed_meanwhile),
        MOVES(a_source_that_has_moved),
        MOVES(a_target_that_is_not_empty),
        MOVES(a_table_that_a_server_works_on),
        MOVES(addresses),
        MOVES(every_column_is_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
