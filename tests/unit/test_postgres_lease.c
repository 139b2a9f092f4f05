/* tests/unit/test_postgres_lease.c - servers that share a database: the work of one that dies is
 * queued again, that of one that lives is not. A server is a lease here, and its work are rows that
 * were claimed in its name. */
#include <fcntl.h>
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
#include "schema/store/postgres/postgres_lease.h"
#include "schema/store/postgres/postgres_migrate.h"
#include "tests/support/assert_err.h"
#include "tests/support/postgres.h"

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

    b->d = db_close(b->d);
    postgres_drop(b->url);
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
                                             .directory = "here",
                                             .slots = 3,
                                             .timeout_ms = timeout_ms,
                                             .lost = on_lost,
                                             .ctx = lost };
    struct postgres_lease *l = NULL;

    ASSERT_OK(postgres_lease_start(&c, &l, e));
    return l;
}

/* A server that can be stopped: a process. It must be started before this process has threads. */
struct process {
    pid_t pid;
    int says; /* the instances that it became, one on each line */
};

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

static struct process spawn(const struct base *b, const char *instance, int64_t timeout_ms)
{
    struct process p;
    int says[2];

    assert_int_equal(pipe2(says, O_CLOEXEC), 0);
    p.says = says[0];
    p.pid = fork();
    assert_true(p.pid >= 0);
    if (p.pid == 0)
        serve(b, instance, timeout_ms, says[1]);
    (void)close(says[1]);
    return p;
}

/* Until it is stopped. */
static void hold(const struct process *p)
{
    int status;

    assert_int_equal(kill(p->pid, SIGSTOP), 0);
    assert_int_equal(waitpid(p->pid, &status, WUNTRACED), p->pid);
    assert_true(WIFSTOPPED(status));
}

static void end(struct process *p)
{
    (void)kill(p->pid, SIGKILL);
    (void)waitpid(p->pid, NULL, 0);
    closep(&p->says);
}

/* ---- tests ---- */

static void a_row_says_who_is_there(void **state)
{
    const struct base *b = *state;
    struct name other = { "" };
    struct postgres_lease *l = start(b, "one", 0, NULL);

    assert_int_equal(number(b, "SELECT count(*) FROM server WHERE instance = 'one' AND over = 0"
                               " AND directory = 'here' AND host <> '' AND version <> ''"
                               " AND slots = 3 AND started_ms > 0"),
                     1);
    wait_beats(b, "one", 1);
    struct postgres_lease *second = start(b, "one", 0, &other);
    wait_beats(b, other.text, 1);
    l = postgres_lease_close(l);
    assert_int_equal(number(b, "SELECT over FROM server WHERE instance = 'one'"), 1);
    assert_int_equal(number(b, "SELECT count(*) FROM server WHERE over = 0"), 1);
    second = postgres_lease_close(second);
    assert_int_equal(number(b, "SELECT count(*) FROM server WHERE over = 1"), 2);
}

static void the_work_of_a_dead_server_is_queued_again(void **state)
{
    const struct base *b = *state;
    struct process dead = spawn(b, "dead", TIMEOUT_MS);

    wait_least(b, "SELECT count(*) FROM server", 1);
    wait_beats(b, "dead", 1);
    add_rows(b, "dead", 450, 0);
    add_rows(b, "other", 10, 0);
    run(b, "INSERT INTO server(instance, directory, host, version, slots, started_ms)"
           " VALUES('other', '', '', '', 0, 0)");
    CLEANUP(postgres_lease_closep) struct postgres_lease *l = start(b, "one", TIMEOUT_MS, NULL);
    CLEANUP(postgres_lease_closep) struct postgres_lease *m = start(b, "two", TIMEOUT_MS, NULL);
    wait_beats(b, "dead", 10);
    assert_int_equal(number(b, "SELECT count(*) FROM job WHERE instance = 'dead'"), 450);
    end(&dead);
    wait_least(b, QUEUED_AGAIN, 460);
    assert_int_equal(number(b, "SELECT count(*) FROM job WHERE attempts <> 1"), 0);
    assert_int_equal(number(b, "SELECT count(*) FROM server WHERE over = 1"), 2);
    assert_int_equal(number(b, "SELECT sum(restarts) FROM job"), 460);
    assert_int_equal(
        number(b, "SELECT count(*) FROM feed JOIN job USING(seq, id, language)"
                  " WHERE feed.state = 0 AND was = 1 - substring(id, '[0-9]+')::bigint % 2"),
        460);
}

static void a_slow_server_keeps_its_work(void **state)
{
    const struct base *b = *state;
    CLEANUP(postgres_lease_closep)
    struct postgres_lease *slow = start(b, "slow", 3 * TIMEOUT_MS, NULL);
    CLEANUP(postgres_lease_closep) struct postgres_lease *l = start(b, "one", TIMEOUT_MS, NULL);

    add_rows(b, "slow", 10, 0);
    wait_beats(b, "slow", 6);
    assert_int_equal(number(b, "SELECT count(*) FROM job WHERE instance = 'slow'"), 10);
    assert_int_equal(number(b, "SELECT count(*) FROM server WHERE over = 1"), 0);
}

/* It was stopped, others took its work; and it claims once more before it hears of that. */
static void a_stopped_server_comes_back_as_another(void **state)
{
    const struct base *b = *state;
    char line[64] = "", sql[200];
    struct process p = spawn(b, "stopped", TIMEOUT_MS);

    wait_least(b, "SELECT beat FROM server WHERE instance = 'stopped'", 1);
    add_rows(b, "stopped", 10, 0);
    hold(&p);
    CLEANUP(postgres_lease_closep) struct postgres_lease *l = start(b, "one", TIMEOUT_MS, NULL);
    wait_least(b, QUEUED_AGAIN, 10);
    run(b, "UPDATE job SET state = 1, attempts = 2, instance = 'stopped', claim = 7, claimed_ms = 1"
           " WHERE seq = 1");
    wait_least(b, "SELECT count(*) FROM job WHERE restarts = 2 AND claim IS NULL", 1);
    assert_int_equal(kill(p.pid, SIGCONT), 0);
    assert_true(read(p.says, line, sizeof line - 1) > 1);
    line[strcspn(line, "\n")] = '\0';
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*) FROM server WHERE over = 0 AND directory = 'there'"
                   " AND instance = '%s'",
                   line);
    assert_int_equal(number(b, sql), 1);
    wait_beats(b, line, 3);
    assert_int_equal(number(b, "SELECT over FROM server WHERE instance = 'stopped'"), 1);
    end(&p);
}

/* The database is away for longer than the timeout; then there is the whole timeout again. */
static void an_outage_ends_no_lease(void **state)
{
    struct base b;
    (void)state;
    open_base(&b, postgres_own_url());
    struct process p = spawn(&b, "two", 3 * TIMEOUT_MS);

    wait_least(&b, "SELECT beat FROM server WHERE instance = 'two'", 1);
    add_rows(&b, "two", 10, 0);
    CLEANUP(postgres_lease_closep)
    struct postgres_lease *l = start(&b, "one", 3 * TIMEOUT_MS, NULL);
    wait_beats(&b, "one", 2);
    b.d = db_close(b.d);
    postgres_stop_hard();
    hold(&p); /* it comes back later than the other one */
    for (int64_t until = clock_mono_ns() + 4 * TIMEOUT_MS * NS_PER_MS; clock_mono_ns() < until;)
        ASSERT_ERR(ERR_UNAVAILABLE, db_connect(b.url, DB_WRITER, &b.d, e));
    postgres_start_again();
    ASSERT_OK(db_connect(b.url, DB_WRITER, &b.d, e));
    wait_beats(&b, "one", 2);
    assert_int_equal(kill(p.pid, SIGCONT), 0);
    wait_beats(&b, "two", 10);
    assert_int_equal(number(&b, "SELECT count(*) FROM server WHERE over = 1"), 0);
    assert_int_equal(number(&b, "SELECT count(*) FROM job WHERE instance = 'two'"), 10);
    end(&p);
    l = postgres_lease_close(l);
    b.d = db_close(b.d);
    postgres_own_end();
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_row_says_who_is_there),
        TEST(the_work_of_a_dead_server_is_queued_again),
        TEST(a_slow_server_keeps_its_work),
        TEST(a_stopped_server_comes_back_as_another),
        TEST(the_eleventh_death_ends_a_row),
        TEST(old_rows_go),
        cmocka_unit_test(an_outage_ends_no_lease),
    };
    return cmocka_run_group_tests_name("postgres_lease", tests, NULL, NULL);
}
