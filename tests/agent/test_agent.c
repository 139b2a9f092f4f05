/* tests/agent/test_agent.c BOX SOURCES PROGRAMS - what protocol.h promises, asked of a real agent
 * in a real cell. */
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/cell/cell.h"
#include "engine/docker/docker.h"
#include "schema/base/clock.h"
#include "tests/support/agent_cell.h"
#include "tests/support/assert_err.h"

static const char *box;
static const char *programs; /* of tests/hostile, built */

static int hostile(const char *name)
{
    char path[512];

    (void)snprintf(path, sizeof path, "%s/%s", programs, name);
    return agent_cell_file(path);
}

static const char *text(const struct buf *b) { return b->data ? b->data : ""; }

static void the_box_is_the_one_asked_for(void **state)
{
    (void)state;
    if (strcmp(box, "inplace") == 0)
        assert_int_equal(cell_isolation(agent_cell()), AGENT_BOX_INPLACE);
    else if (cell_isolation(agent_cell()) == AGENT_BOX_NAMESPACES)
        assert_string_equal(cell_isolation_why(agent_cell()), "");
    else
        assert_string_not_equal(cell_isolation_why(agent_cell()), "");
}

static void the_program_gets_what_was_sent(void **state)
{
    static const char *const argv[] = {
        "sh", "-c", "printf '%s|' \"$0\" \"$@\"; pwd; printf '%s|' \"$X\"; cat", "zero", "one two",
        "",   NULL
    };
    static const char *const env[] = { "PATH=/nowhere:/bin", "X=y = z", NULL };
    int input = agent_cell_text("input");
    struct cell_request q = agent_cell_request(argv, -1, input);
    (void)state;

    q.env = env;
    struct cell_result r = agent_cell_run(&q);
    assert_string_equal(text(&r.out), "zero|one two||/work\ny = z|input");
    assert_int_equal(r.agent.status, 0);
    assert_int_equal(r.agent.limit, AGENT_LIMIT_NONE);
    cell_result_clear(&r);
    (void)close(input);
}

/* Hard and soft alike, but for the stack; in the units of ulimit. */
static void limits_are_set(void **state)
{
    const char *argv[4];
    struct cell_request q = agent_cell_shell(argv, "for hs in H S; do for l in c f n l s t v q; do "
                                                   "ulimit -$hs$l; done; done 2>&1 | tr '\\n' ' '");
    (void)state;

    q.file_bytes = 3 * MIB;
    q.memory_limit = 48 * MIB;
    q.cpu_limit_ns = 4 * NS_PER_S + 1;
    struct cell_result r = agent_cell_run(&q);
    assert_string_equal(text(&r.out), "0 6144 1024 0 unlimited 6 unlimited 0 "
                                      "0 6144 1024 0 49152 6 unlimited 0 ");
    cell_result_clear(&r);

    q = agent_cell_shell(argv, "dd if=/dev/zero of=x bs=1M count=4");
    q.file_bytes = 3 * MIB;
    r = agent_cell_run(&q);
    assert_int_equal(r.agent.status, W_EXITCODE(0, SIGXFSZ));
    cell_result_clear(&r);
}

static void endings_are_reported(void **state)
{
    static const struct {
        const char *script;
        int status;
    } cases[] = {
        { "exit 0", W_EXITCODE(0, 0) },         { "exit 42", W_EXITCODE(42, 0) },
        { "kill -SEGV $$", W_EXITCODE(0, 11) }, { "kill -KILL $$", W_EXITCODE(0, 9) },
        { "kill -TERM $$", W_EXITCODE(0, 15) },
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cell_result r = agent_cell_run_shell(cases[i].script);
        assert_int_equal(r.agent.status, cases[i].status);
        assert_int_equal(r.agent.limit, AGENT_LIMIT_NONE);
        assert_int_equal(r.agent.exec_errno, 0);
        assert_true(r.agent.wall_ns > 0 && r.agent.cpu_ns > 0);
        cell_result_clear(&r);
    }
}

static void what_cannot_be_executed_says_why(void **state)
{
    static const char *const argv[] = { "/bin/none", NULL };
    int junk = agent_cell_file("/proc/self/comm"), data = agent_cell_text("no program\n");
    struct cell_request q = agent_cell_request(argv, -1, -1);
    (void)state;

    struct cell_result r = agent_cell_run(&q);
    assert_int_equal(r.agent.exec_errno, ENOENT);
    cell_result_clear(&r);

    q.exec_fd = junk;
    r = agent_cell_run(&q);
    assert_int_equal(r.agent.exec_errno, ENOEXEC);
    cell_result_clear(&r);

    q.exec_fd = data; /* and what nobody may execute is not tried */
    r = agent_cell_run(&q);
    assert_int_equal(r.agent.exec_errno, EACCES);
    cell_result_clear(&r);
    (void)close(junk);
    (void)close(data);
}

/* `limit` must end the script at wall_ns and not much later; a busy host may need several tries. */
static void expect_stop(struct cell_request *q, enum agent_limit limit, int64_t wall_ns)
{
    int64_t late_ns = INT64_MAX;

    for (int i = 0; i < 5 && late_ns > 20 * NS_PER_MS; i++) {
        struct cell_result r = agent_cell_run(q);
        assert_int_equal(r.agent.limit, limit);
        assert_int_equal(r.agent.status, W_EXITCODE(0, 9));
        assert_true(r.agent.wall_ns >= wall_ns);
        if (r.agent.wall_ns - wall_ns < late_ns)
            late_ns = r.agent.wall_ns - wall_ns;
        cell_result_clear(&r);
    }
    print_message("    %lld us late\n", (long long)late_ns / 1000);
    assert_true(late_ns <= 20 * NS_PER_MS);
}

static void sleepers_are_stopped_in_time(void **state)
{
    const char *argv[4];
    struct cell_request q = agent_cell_shell(argv, "sleep 60");
    (void)state;

    q.cpu_limit_ns = 200 * NS_PER_MS;
    expect_stop(&q, AGENT_LIMIT_WALL, 300 * NS_PER_MS); /* the limit and the grace */
    q.wall_limit_ns = 150 * NS_PER_MS;
    expect_stop(&q, AGENT_LIMIT_WALL, 150 * NS_PER_MS);
    q.wall_limit_ns = 600 * NS_PER_MS;
    expect_stop(&q, AGENT_LIMIT_WALL, 600 * NS_PER_MS);
}

static void spinners_are_stopped_in_time(void **state)
{
    const char *argv[4];
    struct cell_request q = agent_cell_shell(argv, "while :; do :; done");
    (void)state;

    q.cpu_limit_ns = 150 * NS_PER_MS;
    for (int i = 0; i < 3; i++) {
        struct cell_result r = agent_cell_run(&q);
        assert_int_equal(r.agent.limit, AGENT_LIMIT_CPU);
        assert_true(r.agent.cpu_ns >= q.cpu_limit_ns);
        assert_true(r.agent.cpu_ns < q.cpu_limit_ns + 50 * NS_PER_MS);
        cell_result_clear(&r);
    }
}

static void input_need_not_be_read(void **state)
{
    static char large[8 * MIB + 1];
    const char *argv[4];
    struct cell_request q = agent_cell_shell(argv, "head -c 1");
    (void)state;

    memset(large, 'x', sizeof large - 1);
    q.stdio[0] = (struct cell_stdio){ CELL_STDIO_MEMFD, agent_cell_text(large) };
    for (int i = 0; i < 2; i++) { /* each run reads from the start */
        struct cell_result r = agent_cell_run(&q);
        assert_string_equal(text(&r.out), "x");
        cell_result_clear(&r);
    }
    argv[2] = "wc -c";
    struct cell_result r = agent_cell_run(&q);
    assert_int_equal(strtol(text(&r.out), NULL, 10), sizeof large - 1);
    cell_result_clear(&r);
    (void)close(q.stdio[0].fd);
}

/* They may be newer than the last sample. Every place counts where the program can leave one. */
static void files_in_memory_count_at_the_end(void **state)
{
    static const char *const places[] = { "/tmp", "/dev/shm", "/work" };
    const char *argv[4];
    char script[80];
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        (void)snprintf(script, sizeof script, "head -c 8388608 /dev/zero >%s/file", places[i]);
        struct cell_request q = agent_cell_shell(argv, script);
        q.file_bytes = 16 * MIB;
        q.sample_ms = 1000;
        struct cell_result r = agent_cell_run(&q);
        print_message("    %s: %llu KiB\n", places[i],
                      (unsigned long long)r.agent.memory_bytes / 1024);
        assert_int_equal(r.agent.status, 0);
        /* The agent's own memory may be a few pages less than before the run. */
        assert_true(r.agent.memory_bytes > 7 * MIB && r.agent.memory_bytes < 10 * MIB);
        cell_result_clear(&r);
    }
}

/* Whatever maps it: its pages are not the program's memory. What was read was copied. */
static void mapped_input_is_no_memory(void **state)
{
    static char large[30 * MIB + 1];
    static const char *const argv[] = { "main", NULL };
    (void)state;

    memset(large, 'x', sizeof large - 1);
    int program = hostile("M9-maps-input"), input = agent_cell_text(large);
    struct cell_request q = agent_cell_request(argv, program, input);
    struct cell_result r = agent_cell_run(&q);
    print_message("    mapped: %llu KiB\n", (unsigned long long)r.agent.memory_bytes / 1024);
    assert_string_equal(text(&r.out), "31457280\n");
    assert_true(r.agent.memory_bytes < 4 * MIB);
    cell_result_clear(&r);

    static const char *const reads[] = { "main", "read", NULL };
    q.argv = reads;
    r = agent_cell_run(&q);
    print_message("    read: %llu KiB\n", (unsigned long long)r.agent.memory_bytes / 1024);
    assert_string_equal(text(&r.out), "31457280\n");
    assert_true(r.agent.memory_bytes >= 30 * MIB);
    cell_result_clear(&r);
    (void)close(program);
    (void)close(input);
}

static int in_container(const char *command)
{
    char line[300];

    (void)snprintf(line, sizeof line, "docker exec %s /bin/sh -c '%s'", cell_id(agent_cell()),
                   command);
    return system(line); /* NOLINT(cert-env33-c): a test, its own words */
}

/* Counted for the run alone: the one that follows in the cell has none. */
static void refused_processes_are_counted(void **state)
{
    const char *argv[4];
    int bomb = hostile("P2-thread-bomb");
    (void)state;

    for (int i = 0; i < 2; i++) {
        struct cell_request q = agent_cell_request((const char *const[]){ "bomb", NULL }, bomb, -1);
        struct cell_result r = agent_cell_run(&q);
        assert_string_equal(text(&r.out), "refused in time\n");
        assert_true(r.agent.pids_hits > 0);
        cell_result_clear(&r);
        q = agent_cell_shell(argv, "true; true | true");
        r = agent_cell_run(&q);
        assert_int_equal(r.agent.status, 0);
        assert_int_equal(r.agent.pids_hits, 0);
        cell_result_clear(&r);
    }
    (void)close(bomb);
}

/* Waits until the cell has so many processes, and that of this question. */
static bool comes_to_have(int processes)
{
    int64_t deadline = clock_mono_ns() + 20 * NS_PER_S;
    char command[80];

    (void)snprintf(command, sizeof command, "set -- /proc/[0-9]*; test $# = %d", processes + 1);
    while (clock_mono_ns() < deadline)
        if (in_container(command) == 0)
            return true;
    return false;
}

/* The agent, and in a box init and the process that waits for the program. */
static void behind_the_last_run_is_no_box(void **state)
{
    const char *argv[4];
    struct cell_request q = agent_cell_shell(argv, "exit 3");
    struct err e;
    (void)state;

    agent_cell_prove();
    if (in_container("true") != 0)
        skip();
    assert_true(comes_to_have(3));
    for (int i = 0; i < 2; i++) { /* also when it was not the last one */
        q.last = true;
        struct cell_result r = agent_cell_run(&q);
        assert_int_equal(r.agent.status, W_EXITCODE(3, 0));
        cell_result_clear(&r);
        assert_true(comes_to_have(1));
    }
    assert_int_equal(cell_verify_clean(agent_cell(), &e), 0);
    assert_true(comes_to_have(3));
}

/* What no program can leave is put there from outside. */
static void the_proof_sees_what_is_left(void **state)
{
    static const char *const left[] = { "touch /work/x", "touch /tmp/x", "touch /dev/shm/x",
                                        "mkdir /tmp/d" };
    struct err e;
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(left); i++) {
        agent_cell_prove();
        if (in_container(left[i]) != 0)
            skip();
        assert_int_equal(cell_verify_clean(agent_cell(), &e), -1);
        print_message("    %s\n", e.msg);
        assert_non_null(strstr(e.msg, "still holds"));
    }
    agent_cell_prove();
    assert_int_equal(in_container("sleep 100 >/dev/null 2>&1 &"), 0);
    if (cell_isolation(agent_cell()) == AGENT_BOX_INPLACE) {
        agent_cell_prove(); /* it killed what was left */
        return;
    }
    assert_int_equal(cell_verify_clean(agent_cell(), &e), -1);
    assert_non_null(strstr(e.msg, "is left"));
}

static bool runs(const char *id)
{
    json_t *container = NULL;
    struct err e;

    if (docker_inspect(agent_cell_docker(), id, &container, &e) < 0)
        return false;
    bool running = json_is_true(json_object_get(json_object_get(container, "State"), "Running"));
    json_decref(container);
    return running;
}

/* No server, no agent; no agent, no container. */
static void expect_end_without_server(const struct cell *c)
{
    char id[80];
    struct err e;

    (void)snprintf(id, sizeof id, "%s", cell_id(c));
    assert_true(runs(id));
    agent_cell_forget();
    int64_t end = clock_mono_ns() + 10 * NS_PER_S;
    while (runs(id) && clock_mono_ns() < end)
        continue;
    assert_false(runs(id));
    assert_int_equal(docker_remove(agent_cell_docker(), id, &e), 0);
}

static void an_idle_cell_ends_with_its_server(void **state)
{
    (void)state;
    expect_end_without_server(agent_cell());
}

static void a_busy_cell_ends_with_its_server(void **state)
{
    const char *argv[4];
    struct cell_request q = agent_cell_shell(argv, "trap '' TERM HUP INT; sleep 60");
    struct cell_result r;
    struct err e;
    (void)state;

    q.wall_limit_ns = 60 * NS_PER_S;
    struct cell *c = agent_cell();
    cell_abort(c); /* cell_run() then leaves as soon as the RUN is sent */
    assert_int_equal(cell_run(c, agent_cell_docker(), &q, &r, &e), -1);
    assert_int_equal(e.kind, ERR_CANCELLED);
    expect_end_without_server(c);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_box_is_the_one_asked_for),
        cmocka_unit_test(the_program_gets_what_was_sent),
        cmocka_unit_test(limits_are_set),
        cmocka_unit_test(endings_are_reported),
        cmocka_unit_test(what_cannot_be_executed_says_why),
        cmocka_unit_test(sleepers_are_stopped_in_time),
        cmocka_unit_test(spinners_are_stopped_in_time),
        cmocka_unit_test(input_need_not_be_read),
        cmocka_unit_test(files_in_memory_count_at_the_end),
        cmocka_unit_test(mapped_input_is_no_memory),
        cmocka_unit_test(refused_processes_are_counted),
        cmocka_unit_test(behind_the_last_run_is_no_box),
        cmocka_unit_test(the_proof_sees_what_is_left),
        cmocka_unit_test(an_idle_cell_ends_with_its_server),
        cmocka_unit_test(a_busy_cell_ends_with_its_server),
    };

    if (argc < 4)
        return 2;
    box = argv[1];
    programs = argv[3];
    agent_cell_start(box);
    int failed = cmocka_run_group_tests_name(box, tests, NULL, NULL);
    agent_cell_stop();
    return failed ? 1 : 0;
}
