/* tests/agent/test_agent_host.c BOX SOURCES PROGRAMS - what a host does to a run, and to a cell
 * that waits for one: it has no core, no memory, a slow disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "schema/base/clock.h"
#include "tests/support/agent_cell.h"

static const char *programs; /* of tests/hostile, built */

static const char *text(const struct buf *b) { return b->data ? b->data : ""; }

/* Does this host say how long a program waits for a disk? */
static bool counts_disk(void)
{
    char on = '0';
    CLEANUP(closep) int fd = open("/proc/sys/kernel/task_delayacct", O_RDONLY | O_CLOEXEC);

    if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0)
        return access("/proc/pressure/io", F_OK) == 0;
    return fd >= 0 && read(fd, &on, 1) == 1 && on == '1';
}

static void waits_for_a_disk_are_forgiven(void **state)
{
    static const char *const argv[] = { "main", NULL };
    (void)state;

    char path[512];

    if (!counts_disk())
        skip();
    (void)snprintf(path, sizeof path, "%s/P18-waits-for-disk", programs);
    int program = agent_cell_file(path), input = agent_cell_text("900\n");
    struct cell_request q = agent_cell_request(argv, program, input);
    q.cpu_limit_ns = 600 * NS_PER_MS;
    struct cell_result r = agent_cell_run(&q);
    print_message("    ended after %lld ms, used %lld, waited %lld ms\n",
                  (long long)(r.agent.wall_ns / NS_PER_MS), (long long)(r.agent.cpu_ns / NS_PER_MS),
                  (long long)(r.agent.waited_ns / NS_PER_MS));
    assert_int_equal(r.agent.limit, AGENT_LIMIT_NONE);
    assert_string_equal(text(&r.out), "read\n");
    cell_result_clear(&r);
    (void)close(program);
    (void)close(input);
}

static pid_t hogs[64];

/* More work than cores, from outside the cell: the wall limit grows with the wait, so that only the
 * CPU limit ends a program that never sleeps. */
static void the_starved_are_not_stopped_early(void **state)
{
    const char *argv[4];
    struct cell_request q = agent_cell_shell(argv, "while :; do :; done");
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(hogs) && i < 2 * (size_t)sysconf(_SC_NPROCESSORS_ONLN); i++)
        if ((hogs[i] = fork()) == 0) {
            (void)alarm(30);
            for (;;)
                continue;
        }
    q.cpu_limit_ns = 150 * NS_PER_MS;
    for (int i = 0; i < 4; i++) {
        struct cell_result r = agent_cell_run(&q);
        print_message("    ended after %lld ms, waited %lld ms\n",
                      (long long)(r.agent.wall_ns / NS_PER_MS),
                      (long long)(r.agent.waited_ns / NS_PER_MS));
        assert_int_equal(r.agent.limit, AGENT_LIMIT_CPU);
        cell_result_clear(&r);
    }
}

static int kill_hogs(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hogs); i++)
        if (hogs[i] > 0) {
            (void)kill(hogs[i], SIGKILL);
            (void)waitpid(hogs[i], NULL, 0);
        }
    return 0;
}

/* Process ids of the cell as this host sees them: the agent's first. */
static size_t processes(pid_t pids[8])
{
    char path[200], line[300];
    size_t len = 0;

    (void)snprintf(path, sizeof path, "docker top %s -o pid", cell_id(agent_cell()));
    FILE *f = popen(path, "re"); /* NOLINT(cert-env33-c): a test, its own words */
    assert_non_null(f);
    while (len < 8 && fgets(line, sizeof line, f))
        if (strtol(line, NULL, 10) > 0)
            pids[len++] = (pid_t)strtol(line, NULL, 10);
    (void)pclose(f);
    return len;
}

static bool zombie(pid_t pid)
{
    char path[64], stat[300] = "";

    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, stat, sizeof stat - 1) <= 0)
        return true;
    const char *state = strrchr(stat, ')');
    return state && state[1] && state[2] == 'Z';
}

static long score_of(pid_t pid)
{
    char path[64], score[16] = "";

    (void)snprintf(path, sizeof path, "/proc/%d/oom_score_adj", (int)pid);
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, score, sizeof score - 1) <= 0)
        return -1;
    return strtol(score, NULL, 10);
}

/* The next box, with the pids of agent, init and program-to-be. */
static void await_box(pid_t pids[8])
{
    size_t len = 0;

    for (int64_t end = clock_mono_ns() + 10 * NS_PER_S; len != 3 && clock_mono_ns() < end;)
        len = processes(pids);
    assert_int_equal(len, 3);
}

/* A kernel that looks for memory takes a program that runs, and no cell that waits for one. */
static void only_a_run_is_offered_to_the_kernel(void **state)
{
    pid_t pids[8];
    (void)state;

    agent_cell_prove(); /* the next box is made when this is answered */
    struct cell_result r = agent_cell_run_shell("cat /proc/self/oom_score_adj");
    assert_string_equal(text(&r.out), "1000\n");
    cell_result_clear(&r);
    r = agent_cell_run_shell(":");
    cell_result_clear(&r);
    await_box(pids);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(score_of(pids[i]), score_of(pids[0]));
}

/* Nothing of the program has run by then, so no other cell would have done better. */
static void a_start_that_takes_too_long_is_the_hosts(void **state)
{
    const char *argv[4];
    struct cell_request q = agent_cell_shell(argv, ":");
    struct cell_result r = agent_cell_run_shell(":");
    struct err e = { .kind = ERR_NONE };
    pid_t pids[8];
    (void)state;

    cell_result_clear(&r);
    await_box(pids);
    if (kill(pids[2], SIGSTOP) < 0)
        skip();
    q.wall_limit_ns = 100 * NS_PER_MS; /* counts from exec */
    assert_int_equal(cell_run(agent_cell(), agent_cell_docker(), &q, &r, &e), -1);
    assert_int_equal(e.kind, ERR_HOST);
    assert_non_null(strstr(e.msg, "did not start within"));
    r = agent_cell_run_shell("echo next"); /* in a cell of its own */
    assert_string_equal(text(&r.out), "next\n");
    cell_result_clear(&r);
}

/* What dies in an idle cell, whoever killed it, is made anew. */
static void a_box_that_died_idle_is_made_anew(void **state)
{
    pid_t pids[8];
    (void)state;

    for (size_t victim = 1; victim < 3; victim++) {
        struct cell_result r = agent_cell_run_shell(":");
        cell_result_clear(&r);
        await_box(pids);
        if (kill(pids[victim], SIGKILL) < 0)
            skip();
        /* Gone when it has let go of its socket, which comes before it is a zombie. */
        for (int64_t end = clock_mono_ns() + 10 * NS_PER_S;
             !zombie(pids[2]) && clock_mono_ns() < end;)
            continue;
        r = agent_cell_run_shell("echo well");
        assert_string_equal(text(&r.out), "well\n");
        assert_int_equal(r.agent.oom_kills, 0);
        cell_result_clear(&r);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_for_a_disk_are_forgiven),
        cmocka_unit_test_teardown(the_starved_are_not_stopped_early, kill_hogs),
        cmocka_unit_test(only_a_run_is_offered_to_the_kernel),
        cmocka_unit_test(a_box_that_died_idle_is_made_anew),
        cmocka_unit_test(a_start_that_takes_too_long_is_the_hosts),
    };

    if (argc < 4)
        return 2;
    programs = argv[3];
    agent_cell_start(argv[1]);
    int failed = cmocka_run_group_tests_name(argv[1], tests, NULL, NULL);
    agent_cell_stop();
    return failed ? 1 : 0;
}
