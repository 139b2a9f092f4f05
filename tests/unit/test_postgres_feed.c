/* tests/unit/test_postgres_feed.c - changes get their numbers after the commit: in an order, once,
 * and without a wait for another server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/text.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_change.h"
#include "schema/store/jobs_read.h"
#include "schema/store/postgres/postgres_feed.h"
#include "tests/support/assert_err.h"
#include "tests/support/fleet.h"
#include "tests/support/row.h"
#include "tests/support/scratch.h"

#define PATIENCE_NS (60 * NS_PER_S)

/* A change of row 1 with this id. */
#define ADD(id, was, state)                                                                        \
    "INSERT INTO feed(seq, id, claim, was, state, returned, verdict, judged, total_ms, queue_ms,"  \
    " build_ms, run_ms, created_ms) VALUES(1, '" id "', 0, " #was ", " #state                      \
    ", 0, 0, 0, 0, 0, 0, 0, 0)"
#define LETTER "INSERT INTO outbox(kind, created_ms) VALUES(2, 0)"
/* Nobody else numbers, until the transaction ends; also where this machine is slow. */
#define LOCK                                                                                       \
    "SET LOCAL idle_in_transaction_session_timeout = 0;"                                           \
    " SELECT pg_advisory_xact_lock(1935893091, 1)"
#define ORDER_OF(id)                                                                               \
    "SELECT count(*) FROM feed WHERE number <= (SELECT number FROM feed WHERE id = '" id "')"

static struct db *connect_as_another(const struct fleet *f)
{
    struct db *d = NULL;

    ASSERT_OK(db_connect(f->url, DB_WRITER, &d, e));
    return d;
}

static int64_t number(const struct fleet *f, int64_t *decided)
{
    int64_t numbered = -2;

    db_deadline(f->d, clock_mono_ns() + PATIENCE_NS);
    ASSERT_OK(postgres_feed_number(f->d, decided, &numbered, e));
    return numbered;
}

static void numbers_follow_the_entries(void **state)
{
    const struct fleet *f = *state;
    int64_t decided = 0;

    assert_int_equal(number(f, &decided), 0);
    fleet_run(f, ADD("a", -1, 0) ";" ADD("b", 0, 1) ";" LETTER);
    fleet_run(f, ADD("c", 1, 2) ";" LETTER);
    assert_int_equal(number(f, &decided), 5);
    assert_int_equal(number(f, &decided), 0);
    assert_int_equal(fleet_number(f, ORDER_OF("a")), 1);
    assert_int_equal(fleet_number(f, ORDER_OF("b")), 2);
    assert_int_equal(fleet_number(f, ORDER_OF("c")), 3);
    assert_int_equal(fleet_number(f, "SELECT count(*) FROM outbox a JOIN outbox b"
                                     " ON a.number < b.number AND a.entry < b.entry"),
                     1);
}

/* Its transaction is older than one that was numbered: it is looked for all the same. */
static void what_commits_late_gets_a_late_number(void **state)
{
    const struct fleet *f = *state;
    CLEANUP(db_closep) struct db *other = connect_as_another(f);
    int64_t decided = 0;

    ASSERT_OK(db_begin(other, e));
    ASSERT_OK(db_exec(other, ADD("late", -1, 0) ";" LETTER, e));
    fleet_run(f, ADD("a", -1, 0));
    assert_int_equal(number(f, &decided), 1);
    ASSERT_OK(db_commit(other, e));
    assert_int_equal(number(f, &decided), 2);
    assert_int_equal(fleet_number(f, ORDER_OF("late")), 2);
    fleet_run(f, ADD("b", -1, 0));
    assert_int_equal(number(f, &decided), 1);
}

static void nobody_waits_for_who_numbers(void **state)
{
    const struct fleet *f = *state;
    CLEANUP(db_closep) struct db *other = connect_as_another(f);
    int64_t decided = 0;

    fleet_run(f, ADD("a", -1, 0));
    ASSERT_OK(db_begin(other, e));
    ASSERT_OK(db_exec(other, LOCK, e));
    assert_int_equal(number(f, &decided), -1);
    ASSERT_OK(db_commit(other, e));
    assert_int_equal(number(f, &decided), 1);
}

/* As a server does. dir: the template of its directory; whoever calls closes and removes. */
static struct jobs *open_table(const struct fleet *f, char *dir)
{
    struct jobs_config c = { .instance = "one", .dir = dir, .url = f->url, .max_queued = 10 };
    struct jobs *j = NULL;

    assert_int_equal(text_init(), 0);
    assert_non_null(mkdtemp(dir));
    ASSERT_OK(jobs_open(&c, &j, e));
    return j;
}

static struct jobs_counts wait_queued(struct jobs *j, int64_t want)
{
    int64_t until = clock_mono_ns() + PATIENCE_NS;
    struct jobs_counts counts;

    for (jobs_counts(j, &counts); counts.queued != want; jobs_counts(j, &counts)) {
        assert_true(clock_mono_ns() < until);
        (void)usleep(5000);
    }
    return counts;
}

/* A server that starts finds rows whose changes have no number yet. */
static void a_change_is_counted_once(void **state)
{
    const struct fleet *f = *state;
    CLEANUP(db_closep) struct db *other = connect_as_another(f);
    char dir[] = "/tmp/test_feed.XXXXXX";
    CLEANUP(jobs_closep) struct jobs *j = NULL;
    int64_t decided = 0;

    fleet_run(f, "INSERT INTO job(id, hash, state, language, submitted_ms, tests_total)"
                 " SELECT 'r' || i, '', i / 4, 'c', 0, 1 FROM generate_series(1, 5) AS s(i)");
    fleet_run(f, ADD("r1", -1, 0) ";" ADD("r4", -1, 0));
    assert_int_equal(number(f, &decided), 2);
    ASSERT_OK(db_begin(other, e));
    ASSERT_OK(db_exec(other, LOCK, e));
    fleet_run(f, ADD("r2", -1, 0) ";" ADD("r3", -1, 0) ";" ADD("r5", -1, 0) ";" ADD("r5", 0, 1));
    fleet_run(f, ADD("r4", 0, 1));

    j = open_table(f, dir);
    struct jobs_counts counts = wait_queued(j, 2);
    assert_int_equal(counts.running, 0);
    assert_int_equal(counts.final, 0);
    ASSERT_OK(db_commit(other, e));
    counts = wait_queued(j, 3);
    assert_int_equal(counts.running, 2);
    assert_int_equal(counts.final, 0);
    j = jobs_close(j);
    scratch_remove(dir);
}

static void send_of(struct jobs *j, const char *owner, const char *id)
{
    char json[200];
    struct jobs_op op;

    (void)snprintf(json, sizeof json,
                   "{\"id\":\"%s\",\"language\":\"c\",\"owner\":\"%s\",\"source\":\"x\"}", id,
                   owner);
    assert_int_equal(row_send_json(j, json, &op), 0);
}

/* What is counted is behind what is stored. */
static void owners_take_turns_before_they_are_counted(void **state)
{
    static const char *const order[] = { "a1", "b1", "a2", "a3" }, *const c_only[] = { "c", NULL };
    const struct fleet *f = *state;
    char dir[] = "/tmp/test_feed.XXXXXX";
    CLEANUP(db_closep) struct db *other = connect_as_another(f);
    CLEANUP(jobs_closep) struct jobs *j = NULL;
    struct jobs_counts counts;
    struct jobs_op op;

    j = open_table(f, dir);
    ASSERT_OK(db_begin(other, e));
    ASSERT_OK(db_exec(other, LOCK, e));
    send_of(j, "a", "a1");
    send_of(j, "a", "a2");
    send_of(j, "a", "a3");
    send_of(j, "b", "b1");
    jobs_counts(j, &counts);
    assert_int_equal(counts.queued, 0);
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        assert_true(row_claim(j, c_only, &op) > 0);
        assert_string_equal(op.u.claim.id, order[i]);
    }
    ASSERT_OK(db_commit(other, e));
    j = jobs_close(j);
    scratch_remove(dir);
}

/* Else a client that has seen the row run would be told that there is nothing more. */
static void the_end_of_a_row_is_above_what_was_seen(void **state)
{
    const struct fleet *f = *state;
    char dir[] = "/tmp/test_feed.XXXXXX";
    CLEANUP(db_closep) struct db *other = connect_as_another(f);
    CLEANUP(jobs_closep) struct jobs *j = NULL;
    struct job_status status;

    fleet_run(f, "INSERT INTO job(seq, id, hash, state, language, submitted_ms, tests_total)"
                 " VALUES(1, 'r', '', 2, 'c', 0, 1)");
    fleet_run(f, ADD("r", -1, 0));
    j = open_table(f, dir);
    ASSERT_OK(db_begin(other, e));
    ASSERT_OK(db_exec(other, LOCK, e));
    fleet_run(f, ADD("r", 0, 2));
    ASSERT_OK(jobs_status(j, "r", &status, e));
    assert_true(status.revision > 1);
    ASSERT_OK(db_commit(other, e));
    fleet_wait(f, "SELECT count(number) FROM feed", 2);
    ASSERT_OK(jobs_status(j, "r", &status, e));
    assert_int_equal(status.revision, 2);
    j = jobs_close(j);
    scratch_remove(dir);
}

/* A client whose last event is too old cannot go on from there. */
static void what_is_no_longer_kept_is_not_counted(void **state)
{
    const struct fleet *f = *state;
    char dir[] = "/tmp/test_feed.XXXXXX", epoch[JOBS_EPOCH_SIZE];
    CLEANUP(jobs_closep) struct jobs *j = NULL;
    int64_t rows, decided = 0;

    fleet_run(f, ADD("a", -1, 0) ";" ADD("b", 0, 1) ";" ADD("c", 1, 0) ";" ADD("d", 0, 1));
    assert_int_equal(number(f, &decided), 4);
    j = open_table(f, dir);
    jobs_epoch(j, epoch);
    assert_true(strlen(epoch) > 8 + 16 &&
                strspn(epoch, "0123456789abcdefABCDEF.") == strlen(epoch));
    fleet_wait(f, "SELECT min(number) FROM feed", 4); /* they are of 1970 */
    ASSERT_OK(jobs_items_count(j, 4, 100, &rows, e));
    assert_int_equal(rows, 0);
    ASSERT_OK(jobs_items_count(j, 3, 100, &rows, e));
    assert_int_equal(rows, 1);
    ASSERT_OK(jobs_items_count(j, 2, 100, &rows, e));
    assert_int_equal(rows, 100);
    j = jobs_close(j);
    scratch_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FLEET(numbers_follow_the_entries),
        FLEET(what_commits_late_gets_a_late_number),
        FLEET(nobody_waits_for_who_numbers),
        FLEET(a_change_is_counted_once),
        FLEET(owners_take_turns_before_they_are_counted),
        FLEET(the_end_of_a_row_is_above_what_was_seen),
        FLEET(what_is_no_longer_kept_is_not_counted),
    };
    return cmocka_run_group_tests_name("postgres_feed", tests, NULL, NULL);
}
