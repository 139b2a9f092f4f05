/* tests/unit/test_postgres_lease.c - servers that share a database: the work of one that dies is
 * queued again, that of one that lives is not. */
#include <poll.h>
#include <stdio.h>

#include "schema/base/clock.h"
#include "schema/base/metrics.h"
#include "schema/store/jobs.h"
#include "schema/store/postgres/db_postgres.h"
#include "schema/store/postgres/postgres_beat.h"
#include "schema/store/postgres/postgres_lease.h"
#include "tests/support/assert_err.h"
#include "tests/support/fleet.h"
#include "tests/support/job_table.h"
#include "tests/support/postgres.h"
#include "tests/support/row.h"
#include "tests/support/scratch.h"

static void a_row_says_who_is_there(void **state)
{
    const struct fleet *f = *state;
    struct fleet_name other = { "" };
    struct postgres_lease *l = fleet_start(f, "one", FLEET_TIMEOUT_MS, NULL);

    assert_int_equal(fleet_number(f,
                                  "SELECT count(*) FROM server WHERE instance = 'one' AND over = 0"
                                  " AND directory = 'one' AND host <> '' AND version <> ''"
                                  " AND slots = 3 AND started_ms > 0"),
                     1);
    fleet_wait_beats(f, "one", 1);
    fleet_run(f, "UPDATE server SET directory = 'elsewhere'");
    struct postgres_lease *second = fleet_start(f, "one", FLEET_TIMEOUT_MS, &other);
    fleet_wait_beats(f, other.text, 1);
    (void)postgres_lease_close(l);
    assert_int_equal(fleet_number(f, "SELECT over FROM server WHERE instance = 'one'"), 1);
    assert_int_equal(fleet_number(f, "SELECT count(*) FROM server WHERE over = 0"), 1);
    (void)postgres_lease_close(second);
    assert_int_equal(fleet_number(f, "SELECT count(*) FROM server WHERE over = 1"), 2);
}

/* It beat after we had read: it lives. */
static void only_the_beat_that_was_read_ends_a_server(void **state)
{
    const struct fleet *f = *state;

    fleet_run(f, "INSERT INTO server(instance, directory, host, version, slots, started_ms, beat)"
                 " VALUES('one', '', '', '', 0, 0, 7)");
    assert_int_equal(postgres_beat_end(f->d, "one", 6, NULL), 0);
    assert_int_equal(postgres_beat_raise(f->d, "one", NULL), 1);
    assert_int_equal(postgres_beat_end(f->d, "one", 7, NULL), 0);
    assert_int_equal(fleet_number(f, "SELECT over FROM server"), 0);
    assert_int_equal(postgres_beat_end(f->d, "one", 8, NULL), 1);
    assert_int_equal(postgres_beat_end(f->d, "one", 8, NULL), 0);
    assert_int_equal(postgres_beat_raise(f->d, "one", NULL), 0);
    assert_int_equal(fleet_number(f, "SELECT beat FROM server"), 8);
}

static void the_work_of_a_dead_server_is_queued_again(void **state)
{
    const struct fleet *f = *state;

    fleet_spawn(f, "dead", FLEET_TIMEOUT_MS);
    fleet_wait(f, "SELECT count(*) FROM server", 1);
    fleet_wait_beats(f, "dead", 1);
    fleet_add_rows(f, "dead", 450, 0);
    fleet_add_rows(f, "other", 10, 0);
    CLEANUP(postgres_lease_closep)
    struct postgres_lease *l = fleet_start(f, "one", FLEET_TIMEOUT_MS, NULL);
    CLEANUP(postgres_lease_closep)
    struct postgres_lease *m = fleet_start(f, "two", FLEET_TIMEOUT_MS, NULL);
    fleet_wait_beats(f, "dead", 10);
    assert_int_equal(fleet_number(f, "SELECT count(*) FROM job WHERE instance = 'dead'"), 450);
    fleet_kill();
    fleet_wait(f, FLEET_QUEUED_AGAIN, 460);
    assert_int_equal(fleet_number(f, "SELECT count(*) FROM job WHERE attempts <> 1"), 0);
    assert_int_equal(fleet_number(f, "SELECT count(*) FROM server WHERE over = 1"), 2);
    assert_int_equal(fleet_number(f, "SELECT sum(restarts) FROM job"), 460);
    assert_int_equal(
        fleet_number(f, "SELECT count(*) FROM feed JOIN job USING(seq, id, language)"
                        " WHERE feed.state = 0 AND was = 1 - substring(id, '[0-9]+')::bigint % 2"),
        460);
}

/* It has the lock of the directory, so the earlier one has ended: nobody waits for that. */
static void a_successor_on_the_directory_takes_over_at_once(void **state)
{
    const struct fleet *f = *state;

    fleet_add_rows(f, "earlier", 450, 0);
    fleet_add_rows(f, "neighbour", 10, 0);
    fleet_run(f, "INSERT INTO server(instance, directory, host, version, slots, started_ms) VALUES"
                 "('earlier', 'one', '', '', 0, 0), ('neighbour', 'other', '', '', 0, 0)");
    CLEANUP(postgres_lease_closep)
    struct postgres_lease *l = fleet_start(f, "one", FLEET_TIMEOUT_MS, NULL);
    assert_int_equal(fleet_number(f, FLEET_QUEUED_AGAIN), 450);
    assert_int_equal(fleet_number(f, "SELECT count(*) FROM job WHERE instance = 'neighbour'"), 10);
}

static void a_slow_server_keeps_its_work(void **state)
{
    const struct fleet *f = *state;
    CLEANUP(postgres_lease_closep)
    struct postgres_lease *slow = fleet_start(f, "slow", 2 * FLEET_TIMEOUT_MS, NULL);
    CLEANUP(postgres_lease_closep)
    struct postgres_lease *l = fleet_start(f, "one", FLEET_TIMEOUT_MS, NULL);

    fleet_add_rows(f, "slow", 10, 0);
    fleet_wait_beats(f, "slow", 8);
    assert_int_equal(fleet_number(f, "SELECT count(*) FROM job WHERE instance = 'slow'"), 10);
    assert_int_equal(fleet_number(f, "SELECT count(*) FROM server WHERE over = 1"), 0);
}

/* It was stopped, others took its work; and it claims once more before it hears of that. */
static void a_stopped_server_comes_back_as_another(void **state)
{
    const struct fleet *f = *state;
    struct fleet_name next;
    char sql[200];

    fleet_spawn(f, "stopped", FLEET_TIMEOUT_MS);
    fleet_wait(f, "SELECT beat FROM server WHERE instance = 'stopped'", 1);
    fleet_add_rows(f, "stopped", 10, 0);
    fleet_hold();
    CLEANUP(postgres_lease_closep)
    struct postgres_lease *l = fleet_start(f, "one", FLEET_TIMEOUT_MS, NULL);
    fleet_wait(f, FLEET_QUEUED_AGAIN, 10);
    fleet_run(
        f, "UPDATE job SET state = 1, attempts = 2, instance = 'stopped', claim = 7, claimed_ms = 1"
           " WHERE seq = 1");
    fleet_wait(f, "SELECT count(*) FROM job WHERE restarts = 2 AND claim IS NULL", 1);
    fleet_let_go();
    fleet_next_name(&next);
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*) FROM server WHERE over = 0 AND directory = 'stopped'"
                   " AND instance = '%s'",
                   next.text);
    assert_int_equal(fleet_number(f, sql), 1);
    fleet_wait_beats(f, next.text, 3);
    assert_int_equal(fleet_number(f, "SELECT over FROM server WHERE instance = 'stopped'"), 1);
    fleet_kill();
}

/* The outage itself takes time. */
static void outlast(int64_t ms)
{
    for (int64_t until = clock_mono_ns() + ms * NS_PER_MS; clock_mono_ns() < until;)
        (void)poll(NULL, 0, clock_ms_until(until));
}

/* The database is away for longer than the timeout; then there is the whole timeout again, also for
 * who comes back later. */
static void outlive(struct fleet *f, void (*stop)(void), void (*go)(void))
{
    static const int64_t timeout_ms = 2 * FLEET_TIMEOUT_MS;

    fleet_spawn(f, "two", timeout_ms);
    fleet_wait(f, "SELECT beat FROM server WHERE instance = 'two'", 1);
    fleet_add_rows(f, "two", 10, 0);
    CLEANUP(postgres_lease_closep)
    struct postgres_lease *l = fleet_start(f, "one", timeout_ms, NULL);
    fleet_wait_beats(f, "one", 2);
    f->d = db_close(f->d);
    stop();
    fleet_hold();
    outlast(timeout_ms * 3 / 2);
    go();
    ASSERT_OK(db_connect(f->url, DB_WRITER, &f->d, e));
    fleet_wait_beats(f, "one", 2);
    fleet_let_go();
    fleet_wait_beats(f, "two", 7);
    assert_int_equal(fleet_number(f, "SELECT count(*) FROM server WHERE over = 1"), 0);
    assert_int_equal(fleet_number(f, "SELECT count(*) FROM job WHERE instance = 'two'"), 10);
    fleet_kill();
}

static void a_database_that_ends_ends_no_lease(void **state)
{
    outlive(*state, postgres_stop_hard, postgres_start_again);
}

static void a_database_that_hangs_ends_no_lease(void **state)
{
    outlive(*state, postgres_pause, postgres_resume);
}

/* Whoever has declared us dead was wrong: rows that we claim from then on are ours. */
static void a_table_claims_under_its_new_name(void **state)
{
    const struct fleet *f = *state;
    struct job_table t = { .dir = "/tmp/test_lease.XXXXXX", .url = f->url };
    struct jobs_op op;

    assert_non_null(mkdtemp(t.dir));
    t.config = (struct jobs_config){
        .instance = "one", .max_queued = 10, .slots = 5, .lease_timeout_ms = FLEET_TIMEOUT_MS
    };
    job_table_open(&t);
    assert_int_equal(fleet_number(f, "SELECT slots FROM server WHERE instance = 'one'"), 5);
    fleet_run(f, "UPDATE server SET over = 1");
    fleet_wait(f, "SELECT count(*) FROM server WHERE over = 0", 1);
    (void)row_accept(t.j, "a", "c");
    (void)row_claim(t.j, (const char *const[]){ "c", NULL }, &op);
    assert_int_equal(fleet_number(f, "SELECT count(*) FROM job JOIN server USING(instance)"
                                     " WHERE claim IS NOT NULL AND over = 0"),
                     1);
    t.j = jobs_close(t.j);
    assert_int_equal(fleet_number(f, "SELECT count(*) FROM server WHERE over = 0"), 0);
    scratch_remove(t.dir);
}

/* Others read the feed at once, not when they ask again. */
static void what_is_released_rings_the_bell(void **state)
{
    const struct fleet *f = *state;
    struct job_table t = { .dir = "/tmp/test_lease.XXXXXX", .url = f->url };
    CLEANUP(db_closep) struct db *d = NULL;
    char channel[63];

    assert_non_null(mkdtemp(t.dir));
    t.config = (struct jobs_config){ .instance = "one",
                                     .max_queued = 10,
                                     .lease_timeout_ms = FLEET_TIMEOUT_MS };
    job_table_open(&t);
    ASSERT_OK(db_connect(f->url, DB_WRITER, &d, e));
    (void)snprintf(channel, sizeof channel, "scrc_%s", jobs_table_id(t.j));
    ASSERT_OK(db_postgres_listen(d, channel, e));
    fleet_add_rows(f, "gone", 2, 0);
    fleet_run(f, "INSERT INTO server(instance, directory, host, version, slots, started_ms, over)"
                 " VALUES('gone', '', '', '', 0, 0, 1)");
    ASSERT_OK(db_postgres_wait(d, -1, clock_mono_ns() + 20 * NS_PER_S, e) - DB_POSTGRES_RUNG);
    assert_int_equal(fleet_number(f, FLEET_QUEUED_AGAIN), 2);
    assert_true(metrics_counted(METRICS_RELEASED_DIED) >= 2);
    t.j = jobs_close(t.j);
    scratch_remove(t.dir);
}

/* Two of its rows: one was run eleven times, one was claimed eleven times. */
static void the_eleventh_death_ends_a_row(void **state)
{
    const struct fleet *f = *state;

    fleet_add_rows(f, "gone", 2, JOB_RESTARTS_MAX);
    fleet_add_rows(f, "lost", 300, 0);
    fleet_run(f, "UPDATE job SET publish = 1 WHERE id = 'gone-1'");
    fleet_run(f, "INSERT INTO body SELECT seq, 'unreadable' FROM job");
    CLEANUP(postgres_lease_closep)
    struct postgres_lease *l = fleet_start(f, "one", FLEET_TIMEOUT_MS, NULL);
    fleet_wait(f, FLEET_QUEUED_AGAIN, 300);
    fleet_wait(f,
               "SELECT count(*) FROM job WHERE state = 2 AND claim IS NULL AND verdict = '-'"
               " AND finished_ms > 0 AND error = 'the server died 11 times while judging this'",
               2);
    assert_int_equal(fleet_number(f, "SELECT count(*) FROM report"), 2);
    assert_int_equal(fleet_number(f,
                                  "SELECT count(*) FROM report JOIN job USING(seq) WHERE position("
                                  "'died 11 times'::bytea in json) > 0"),
                     2);
    assert_int_equal(fleet_number(f, "SELECT count(*) FROM outbox"), 1);
    assert_int_equal(fleet_number(f, "SELECT sum(was) FROM feed WHERE state = 2 AND judged = 0"),
                     1);
}

static void old_rows_go(void **state)
{
    const struct fleet *f = *state;

    fleet_run(f, "INSERT INTO server(instance, directory, host, version, slots, started_ms, over,"
                 " last_seen) VALUES('old', '', '', '', 0, 0, 1, now() - interval '25 hours'),"
                 " ('less', '', '', '', 0, 0, 1, now() - interval '23 hours')");
    fleet_run(f, "INSERT INTO feed(number, seq, id, claim, was, state, returned, verdict, judged,"
                 " total_ms, queue_ms, build_ms, run_ms, created_ms)"
                 " SELECT i, 1, 'a', 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,"
                 " (extract(epoch FROM now()) * 1000)::bigint - 3600000 - 1000 * (3000 - i)"
                 " FROM generate_series(1, 3100) AS s(i)");
    CLEANUP(postgres_lease_closep)
    struct postgres_lease *l = fleet_start(f, "one", FLEET_TIMEOUT_MS, NULL);
    fleet_wait(f,
               "SELECT count(*) FROM server WHERE instance <> 'old' HAVING count(*) ="
               " (SELECT count(*) FROM server)",
               2);
    fleet_wait(f, "SELECT min(number) FROM feed", 3000);
    assert_true(fleet_number(f, "SELECT count(*) FROM feed") >= 70);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FLEET(a_row_says_who_is_there),
        FLEET(only_the_beat_that_was_read_ends_a_server),
        FLEET(the_work_of_a_dead_server_is_queued_again),
        FLEET(a_successor_on_the_directory_takes_over_at_once),
        FLEET(a_slow_server_keeps_its_work),
        FLEET(a_stopped_server_comes_back_as_another),
        FLEET(the_eleventh_death_ends_a_row),
        FLEET(old_rows_go),
        FLEET(a_table_claims_under_its_new_name),
        FLEET(what_is_released_rings_the_bell),
        FLEET_OWN(a_database_that_ends_ends_no_lease),
        FLEET_OWN(a_database_that_hangs_ends_no_lease),
    };
    return cmocka_run_group_tests_name("postgres_lease", tests, NULL, NULL);
}
