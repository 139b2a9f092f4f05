#include "tests/support/fleet.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/store/postgres/postgres_migrate.h"
#include "tests/support/assert_err.h"
#include "tests/support/postgres.h"

#define PATIENCE_NS (60 * NS_PER_S)

/* ---- a server that is a process ---- */

static struct {
    pid_t pid; /* 0: none */
    int says;  /* the names that it took, one on each line */
} process;

static void say_lost(void *ctx, const char *instance)
{
    char line[64];
    int len = snprintf(line, sizeof line, "%s\n", instance);

    if (write(*(int *)ctx, line, (size_t)len) != len)
        _exit(1);
}

static void serve(const struct fleet *f, const char *instance, int64_t timeout_ms, int says)
{
    const struct postgres_lease_config c = { .url = f->url,
                                             .instance = instance,
                                             .directory = instance,
                                             .timeout_ms = timeout_ms,
                                             .lost = say_lost,
                                             .ctx = &says };
    struct postgres_lease *l = NULL;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (postgres_lease_start(&c, &l, NULL) < 0)
        _exit(1);
    for (;;)
        (void)pause();
}

void fleet_spawn(const struct fleet *f, const char *instance, int64_t timeout_ms)
{
    int says[2];

    assert_int_equal(process.pid, 0);
    assert_int_equal(pipe2(says, O_CLOEXEC), 0);
    process.says = says[0];
    process.pid = fork();
    assert_true(process.pid >= 0);
    if (process.pid == 0)
        serve(f, instance, timeout_ms, says[1]);
    (void)close(says[1]);
}

void fleet_hold(void)
{
    int status;

    assert_int_equal(kill(process.pid, SIGSTOP), 0);
    assert_int_equal(waitpid(process.pid, &status, WUNTRACED), process.pid);
    assert_true(WIFSTOPPED(status));
}

void fleet_let_go(void) { assert_int_equal(kill(process.pid, SIGCONT), 0); }

void fleet_kill(void)
{
    if (process.pid <= 0)
        return;
    (void)kill(process.pid, SIGKILL);
    (void)waitpid(process.pid, NULL, 0);
    closep(&process.says);
    process.pid = 0;
}

void fleet_next_name(struct fleet_name *ret_name)
{
    struct pollfd said = { .fd = process.says, .events = POLLIN };

    assert_int_equal(poll(&said, 1, (int)(PATIENCE_NS / NS_PER_MS)), 1);
    ssize_t n = read(process.says, ret_name->text, sizeof ret_name->text - 1);
    assert_true(n > 1);
    ret_name->text[n] = '\0';
    ret_name->text[strcspn(ret_name->text, "\n")] = '\0';
}

/* ---- a database ---- */

static void open_fleet(void **state, const char *url)
{
    struct fleet *f = calloc(1, sizeof *f);

    assert_non_null(f);
    f->url = url;
    ASSERT_OK(db_connect(url, DB_WRITER, &f->d, e));
    ASSERT_OK(postgres_migrate(f->d, e));
    *state = f;
}

int fleet_setup(void **state)
{
    open_fleet(state, postgres_url());
    return 0;
}

int fleet_setup_own(void **state)
{
    open_fleet(state, postgres_own_url());
    return 0;
}

/* The process first: it holds what this one had open when it was started. */
int fleet_teardown(void **state)
{
    struct fleet *f = *state;

    fleet_kill();
    f->d = db_close(f->d);
    postgres_drop(f->url);
    free(f);
    return 0;
}

int fleet_teardown_own(void **state)
{
    struct fleet *f = *state;

    fleet_kill();
    f->d = db_close(f->d);
    postgres_own_end();
    free(f);
    return 0;
}

void fleet_run(const struct fleet *f, const char *sql) { ASSERT_OK(db_exec(f->d, sql, e)); }

int64_t fleet_number(const struct fleet *f, const char *sql)
{
    int64_t n = INT64_MIN;

    ASSERT_OK(db_number(f->d, sql, &n, e));
    return n;
}

void fleet_wait(const struct fleet *f, const char *sql, int64_t want)
{
    int64_t until = clock_mono_ns() + PATIENCE_NS;

    while (fleet_number(f, sql) < want)
        if (clock_mono_ns() > until)
            fail_msg("%s is not %lld", sql, (long long)want);
}

void fleet_wait_beats(const struct fleet *f, const char *instance, int64_t beats)
{
    char sql[120];

    (void)snprintf(sql, sizeof sql, "SELECT beat FROM server WHERE instance = '%s'", instance);
    fleet_wait(f, sql, fleet_number(f, sql) + beats);
}

void fleet_add_rows(const struct fleet *f, const char *instance, int rows, int restarts)
{
    char sql[500];

    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO job(id, hash, state, language, submitted_ms, tests_total, attempts,"
                   " restarts, instance, claim, claimed_ms) SELECT '%s-' || i, '', 1 - i %% 2, 'c',"
                   " 1, 1, 2 - i %% 2, %d, '%s', 1000 + i, 1 FROM generate_series(1, %d) AS s(i)",
                   instance, restarts, instance, rows);
    fleet_run(f, sql);
}

/* ---- servers ---- */

static void on_lost(void *ctx, const char *instance)
{
    struct fleet_name *name = ctx;

    if (!name)
        abort(); /* not in a thread of the test, so it cannot fail it */
    (void)snprintf(name->text, sizeof name->text, "%s", instance);
}

struct postgres_lease *fleet_start(const struct fleet *f, const char *instance, int64_t timeout_ms,
                                   struct fleet_name *lost)
{
    const struct postgres_lease_config c = { .url = f->url,
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
