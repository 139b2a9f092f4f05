/* tests/unit/test_postgres_lease.c - servers that share a database: the work of one that dies is
 * queued again, that of one that lives is not. A server is a lease here, and its work are rows that
 * were claimed in its name. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/store/db.h"
#include "schema/store/jobs.h"
#include "schema/store/postgres/postgres_beat.h"
#include "schema/store/postgres/postgres_lease.h"
#include "schema/store/postgres/postgres_migrate.h"
#include "tests/support/assert_err.h"
#include "tests/support/job_table.h"
#include "tests/support/postgres.h"
#include "tests/support/row.h"
#include "tests/support/scratch.h"

#define PATIENCE_NS (60 * NS_PER_S)
#define TIMEOUT_MS  1000

struct base {
    const char *url;
    struct db *d;
};

static void open_base(struct base *b, const char *url)
{
    b->url = url;
    ASSERT_OK(db_connect(b->url, DB_WRITER, &b->d, e));
    ASSERT_OK(postgres_migrate(b->d, e));
}

/* ---- a server that is a process ---- */

/* A server that can be stopped: a process, one at a time. It must be started before this process
 * has threads. */
static struct {
    pid_t pid; /* 0: none */
    int says;  /* the instances that it became, one on each line */
} process;

static void say_lost(void *ctx, const char *instance)
{
    char line[64];
    int len = snprintf(line, sizeof line, "%s\n", instance);

    if (write(*(int *)ctx, line, (size_t)len) != len)
        _exit(1);
}

static void serve(const struct base *b, const char *instance, int64_t timeout_ms, int says)
{
    const struct postgres_lease_config c = { .url = b->url,
                                             .instance = instance,
                                             .directory = "there",
                                             .timeout_ms = timeout_ms,
                                             .lost = say_lost,
                                             .ctx = &says };
    struct postgres_lease *l = NULL;

    if (postgres_lease_start(&c, &l, NULL) < 0)
        _exit(1);
    for (;;)
        (void)pause();
}

static void spawn(const struct base *b, const char *instance, int64_t timeout_ms)
{
    int says[2];

    assert_int_equal(process.pid, 0);
    assert_int_equal(pipe2(says, O_CLOEXEC), 0);
    process.says = says[0];
    process.pid = fork();
    assert_true(process.pid >= 0);
    if (process.pid == 0)
        serve(b, instance, timeout_ms, says[1]);
    (void)close(says[1]);
}

/* Until it is stopped. */
static void hold(void)
{
    int status;

    assert_int_equal(kill(process.pid, SIGSTOP), 0);
    assert_int_equal(waitpid(process.pid, &status, WUNTRACED), process.pid);
    assert_true(WIFSTOPPED(status));
}

static void let_go(void) { assert_int_equal(kill(process.pid, SIGCONT), 0); }

/* Kills it, also when a test has failed: it holds what this process had open. */
static void kill_process(void)
{
    if (process.pid <= 0)
        return;
    (void)kill(process.pid, SIGKILL);
    (void)waitpid(process.pid, NULL, 0);
    closep(&process.says);
    process.pid = 0;
}

/* ---- a database ---- */

static int setup(void **state)
{
    struct base *b = calloc(1, sizeof *b);

    open_base(b, postgres_url());
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct base *b = *state;

    kill_process();
    b->d = db_close(b->d);
    postgres_drop(b->url);
    free(b);
    return 0;
}

/* On a server of our own. */
static int setup_own(void **state)
{
    struct base *b = calloc(1, sizeof *b);

    open_base(b, postgres_own_url());
    *state = b;
    return 0;
}

static int teardown_own(void **state)
{
    struct base *b = *state;

    kill_process();
    b->d = db_close(b->d);
    postgres_own_end();
    free(b);
    return 0;
}

static void run(const struct base *b, const char *sql) { ASSERT_OK(db_exec(b->d, sql, e)); }

static int64_t number(const struct base *b, const char *sql)
{
    int64_t n = INT64_MIN;

    ASSERT_OK(db_number(b->d, sql, &n, e));
    return n;
}

/* Until the number is at least this. */
static void wait_least(const struct base *b, const char *sql, int64_t want)
{
    int64_t until = clock_mono_ns() + PATIENCE_NS;

    while (number(b, sql) < want)
        if (clock_mono_ns() > until)
            fail_msg("%s is not %lld", sql, (long long)want);
}

static int64_t beat_of(const struct base *b, const char *instance)
{
    char sql[100];

    (void)snprintf(sql, sizeof sql, "SELECT beat FROM server WHERE instance = '%s'", instance);
    return number(b, sql);
}

/* Until the server has raised its beat so many times from now on. */
static void wait_beats(const struct base *b, const char *instance, int64_t beats)
{
    char sql[100];

    (void)snprintf(sql, sizeof sql, "SELECT beat FROM server WHERE instance = '%s'", instance);
    wait_least(b, sql, beat_of(b, instance) + beats);
}

/* Rows that a server runs; odd ones are only claimed ahead. */
static void add_rows(const struct base *b, const char *instance, int rows, int restarts)
{
    char sql[500];

    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO job(id, hash, state, language, submitted_ms, tests_total, attempts,"
                   " restarts, instance, claim, claimed_ms) SELECT '%s-' || i, '', 1 - i %% 2, 'c',"
                   " 1, 1, 2 - i %% 2, %d, '%s', 1000 + i, 1 FROM generate_series(1, %d) AS s(i)",
                   instance, restarts, instance, rows);
    run(b, sql);
}

#define QUEUED_AGAIN                                                                               \
    "SELECT count(*) FROM job WHERE state = 0 AND claim IS NULL AND instance IS NULL"              \
    " AND claimed_ms IS NULL AND attempts = 1 AND restarts = 1"

/* ---- servers ---- */

struct name {
    char text[64];
};

static void on_lost(void *ctx, const char *instance)
{
    (void)snprintf(((struct name *)ctx)->text, sizeof((struct name *)ctx)->text, "%s", instance);
}

static struct postgres_lease *start(const struct base *b, const char *instance, int64_t timeout_ms,
                                    struct name *lost)
{
    const struct postgres_lease_config c = { .url = b->url,
                                             .instance = instance,
                                             .directory = instance,
                                             .slots = 3,
                                             .timeout_ms = timeout_ms,
                                             .lost = on_lost,
                                             .ctx = lost };
    struct postgres_lease *l = NULL;

    ASSERT_OK(postgres_lease_start(&c, &l, e));
    return l;
}

/* ---- tests ---- */

static void a_row_says_who_is_there(void **state)
{
    const struct base *b = *state;
    struct name other = { "" };
    struct postgres_lease *l = start(b, "one", 0, NULL);

    assert_int_equal(number(b, "SELECT count(*) FROM server WHERE instance = 'one' AND over = 0"
                               " AND directory = 'one' AND host <> '' AND version <> ''"
                               " AND slots = 3 AND started_ms > 0"),
                     1);
    wait_beats(b, "one", 1);
    struct postgres_lease *second = NULL;
    const struct postgres_lease_config same = {
        .url = b->url, .instance = "one", .directory = "two", .lost = on_lost, .ctx = &other
    };
    ASSERT_OK(postgres_lease_start(&same, &second, e));
    wait_beats(b, other.text, 1);
    l = postgres_lease_close(l);
    assert_int_equal(number(b, "SELECT over FROM server WHERE instance = 'one'"), 1);
    assert_int_equal(number(b, "SELECT count(*) FROM server WHERE over = 0"), 1);
    second = postgres_lease_close(second);
    assert_int_equal(number(b, "SELECT count(*) FROM server WHERE over = 1"), 2);
}

/* It beat after we had read: it lives. */
static void only_the_beat_that_was_read_ends_a_server(void **state)
{
    const struct base *b = *state;

    run(b, "INSERT INTO server(instance, directory, host, version, slots, started_ms, beat)"
           " VALUES('one', '', '', '', 0, 0, 7)");
    assert_int_equal(postgres_beat_end(b->d, "one", 6, NULL), 0);
    assert_int_equal(postgres_beat_raise(b->d, "one", NULL), 1);
    assert_int_equal(postgres_beat_end(b->d, "one", 7, NULL), 0);
    assert_int_equal(number(b, "SELECT over FROM server"), 0);
    assert_int_equal(postgres_beat_end(b->d, "one", 8, NULL), 1);
    assert_int_equal(postgres_beat_end(b->d, "one", 8, NULL), 0);
    assert_int_equal(postgres_beat_raise(b->d, "one", NULL), 0);
    assert_int_equal(number(b, "SELECT beat FROM server"), 8);
}

static void the_work_of_a_dead_server_is_queued_again(void **state)
{
    const struct base *b = *state;
    spawn(b, "dead", TIMEOUT_MS);

    wait_least(b, "SELECT count(*) FROM server", 1);
    wait_beats(b, "dead", 1);
    add_rows(b, "dead", 450, 0);
    add_rows(b, "other", 10, 0);
    CLEANUP(postgres_lease_closep) struct postgres_lease *l = start(b, "one", TIMEOUT_MS, NULL);
    CLEANUP(postgres_lease_closep) struct postgres_lease *m = start(b, "two", TIMEOUT_MS, NULL);
    wait_beats(b, "dead", 10);
    assert_int_equal(number(b, "SELECT count(*) FROM job WHERE instance = 'dead'"), 450);
    kill_process();
    wait_least(b, QUEUED_AGAIN, 460);
    assert_int_equal(number(b, "SELECT count(*) FROM job WHERE attempts <> 1"), 0);
    assert_int_equal(number(b, "SELECT count(*) FROM server WHERE over = 1"), 2);
    assert_int_equal(number(b, "SELECT sum(restarts) FROM job"), 460);
    assert_int_equal(
        number(b, "SELECT count(*) FROM feed JOIN job USING(seq, id, language)"
                  " WHERE feed.state = 0 AND was = 1 - substring(id, '[0-9]+')::bigint % 2"),
        460);
}

/* It has the lock of the directory, so the earlier one has ended: nobody waits for that. */
static void a_successor_on_the_directory_takes_over_at_once(void **state)
{
    const struct base *b = *state;

    add_rows(b, "earlier", 450, 0);
    add_rows(b, "neighbour", 10, 0);
    run(b, "INSERT INTO server(instance, directory, host, version, slots, started_ms) VALUES"
           "('earlier', 'one', '', '', 0, 0), ('neighbour', 'other', '', '', 0, 0)");
    CLEANUP(postgres_lease_closep) struct postgres_lease *l = start(b, "one", 0, NULL);
    assert_int_equal(number(b, QUEUED_AGAIN), 450);
    assert_int_equal(number(b, "SELECT count(*) FROM job WHERE instance = 'neighbour'"), 10);
}

static void a_slow_server_keeps_its_work(void **state)
{
    const struct base *b = *state;
    CLEANUP(postgres_lease_closep)
    struct postgres_lease *slow = start(b, "slow", 2 * TIMEOUT_MS, NULL);
    CLEANUP(postgres_lease_closep) struct postgres_lease *l = start(b, "one", TIMEOUT_MS, NULL);

    add_rows(b, "slow", 10, 0);
    wait_beats(b, "slow", 8);
    assert_int_equal(number(b, "SELECT count(*) FROM job WHERE instance = 'slow'"), 10);
    assert_int_equal(number(b, "SELECT count(*) FROM server WHERE over = 1"), 0);
}

/* It was stopped, others took its work; and it claims once more before it hears of that. */
static void a_stopped_server_comes_back_as_another(void **state)
{
    const struct base *b = *state;
    char line[64] = "", sql[200];
    spawn(b, "stopped", TIMEOUT_MS);

    wait_least(b, "SELECT beat FROM server WHERE instance = 'stopped'", 1);
    add_rows(b, "stopped", 10, 0);
    hold();
    CLEANUP(postgres_lease_closep) struct postgres_lease *l = start(b, "one", TIMEOUT_MS, NULL);
    wait_least(b, QUEUED_AGAIN, 10);
    run(b, "UPDATE job SET state = 1, attempts = 2, instance = 'stopped', claim = 7, claimed_ms = 1"
           " WHERE seq = 1");
    wait_least(b, "SELECT count(*) FROM job WHERE restarts = 2 AND claim IS NULL", 1);
    let_go();
    assert_true(read(process.says, line, sizeof line - 1) > 1);
    line[strcspn(line, "\n")] = '\0';
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*) FROM server WHERE over = 0 AND directory = 'there'"
                   " AND instance = '%s'",
                   line);
    assert_int_equal(number(b, sql), 1);
    wait_beats(b, line, 3);
    assert_int_equal(number(b, "SELECT over FROM server WHERE instance = 'stopped'"), 1);
    kill_process();
}

/* The outage itself takes time. */
static void outlast(int64_t ms)
{
    for (int64_t until = clock_mono_ns() + ms * NS_PER_MS; clock_mono_ns() < until;)
        (void)poll(NULL, 0, clock_ms_until(until));
}

/* The database is away for longer than the timeout; then there is the whole timeout again, also for
 * who comes back later. */
static void outlive(struct base *b, void (*stop)(void), void (*go)(void))
{
    static const int64_t timeout_ms = 2 * TIMEOUT_MS;
    spawn(b, "two", timeout_ms);

    wait_least(b, "SELECT beat FROM server WHERE instance = 'two'", 1);
    add_rows(b, "two", 10, 0);
    CLEANUP(postgres_lease_closep) struct postgres_lease *l = start(b, "one", timeout_ms, NULL);
    wait_beats(b, "one", 2);
    b->d = db_close(b->d);
    stop();
    hold();
    outlast(timeout_ms * 3 / 2);
    go();
    ASSERT_OK(db_connect(b->url, DB_WRITER, &b->d, e));
    wait_beats(b, "one", 2);
    let_go();
    wait_beats(b, "two", 8);
    assert_int_equal(number(b, "SELECT count(*) FROM server WHERE over = 1"), 0);
    assert_int_equal(number(b, "SELECT count(*) FROM job WHERE instance = 'two'"), 10);
    kill_process();
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
    const struct base *b = *state;
    struct job_table t = { .dir = "/tmp/test_lease.XXXXXX", .url = b->url };
    struct jobs_op op;

    assert_non_null(mkdtemp(t.dir));
    t.config = (struct jobs_config){
        .instance = "one", .max_queued = 10, .slots = 5, .lease_timeout_ms = TIMEOUT_MS
    };
    job_table_open(&t);
    assert_int_equal(number(b, "SELECT slots FROM server WHERE instance = 'one'"), 5);
    run(b, "UPDATE server SET over = 1");
    wait_least(b, "SELECT count(*) FROM server WHERE over = 0", 1);
    (void)row_accept(t.j, "a", "c");
    (void)row_claim(t.j, (const char *const[]){ "c", NULL }, &op);
    assert_int_equal(number(b, "SELECT count(*) FROM job JOIN server USING(instance)"
                               " WHERE claim IS NOT NULL AND over = 0"),
                     1);
    t.j = jobs_close(t.j);
    assert_int_equal(number(b, "SELECT count(*) FROM server WHERE over = 0"), 0);
    scratch_remove(t.dir);
}

/* Two of its rows: one was run eleven times, one was claimed eleven times. */
static void the_eleventh_death_ends_a_row(void **state)
{
    const struct base *b = *state;

    add_rows(b, "gone", 2, JOB_RESTARTS_MAX);
    add_rows(b, "lost", 300, 0);
    run(b, "UPDATE job SET publish = 1 WHERE id = 'gone-1'");
    run(b, "INSERT INTO body SELECT seq, 'unreadable' FROM job");
    CLEANUP(postgres_lease_closep) struct postgres_lease *l = start(b, "one", TIMEOUT_MS, NULL);
    wait_least(b, QUEUED_AGAIN, 300);
    wait_least(b,
               "SELECT count(*) FROM job WHERE state = 2 AND claim IS NULL AND verdict = '-'"
               " AND finished_ms > 0 AND error = 'the server died 11 times while judging this'",
               2);
    assert_int_equal(number(b, "SELECT count(*) FROM report"), 2);
    assert_int_equal(number(b, "SELECT count(*) FROM report JOIN job USING(seq) WHERE position("
                               "'died 11 times'::bytea in json) > 0"),
                     2);
    assert_int_equal(number(b, "SELECT count(*) FROM outbox WHERE number > 0"), 1);
    assert_int_equal(number(b, "SELECT sum(was) FROM feed WHERE state = 2 AND judged = 0"), 1);
}

static void old_rows_go(void **state)
{
    const struct base *b = *state;

    run(b, "INSERT INTO server(instance, directory, host, version, slots, started_ms, over,"
           " last_seen) VALUES('old', '', '', '', 0, 0, 1, now() - interval '25 hours'),"
           " ('less', '', '', '', 0, 0, 1, now() - interval '23 hours')");
    run(b, "INSERT INTO feed SELECT i, 1, 'a', 0, 1, 0, 'c', 0, 0, 0, 0, 0, 0,"
           " (extract(epoch FROM now()) * 1000)::bigint - 3600000 - 1000 * (3000 - i)"
           " FROM generate_series(1, 3100) AS s(i)");
    CLEANUP(postgres_lease_closep) struct postgres_lease *l = start(b, "one", TIMEOUT_MS, NULL);
    wait_least(b,
               "SELECT count(*) FROM server WHERE instance <> 'old' HAVING count(*) ="
               " (SELECT count(*) FROM server)",
               2);
}

int main(void)
{
#define TEST(name)     cmocka_unit_test_setup_teardown(name, setup, teardown)
#define OWN_TEST(name) cmocka_unit_test_setup_teardown(name, setup_own, teardown_own)
    const struct CMUnitTest tests[] = {
        TEST(a_row_says_who_is_there),
        TEST(only_the_beat_that_was_read_ends_a_server),
        TEST(the_work_of_a_dead_server_is_queued_again),
        TEST(a_successor_on_the_directory_takes_over_at_once),
        TEST(a_slow_server_keeps_its_work),
        TEST(a_stopped_server_comes_back_as_another),
        TEST(the_eleventh_death_ends_a_row),
        TEST(old_rows_go),
        TEST(a_table_claims_under_its_new_name),
        OWN_TEST(a_database_that_ends_ends_no_lease),
        OWN_TEST(a_database_that_hangs_ends_no_lease),
    };
    return cmocka_run_group_tests_name("postgres_lease", tests, NULL, NULL);
}
