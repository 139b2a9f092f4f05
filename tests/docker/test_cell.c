/* Real cells in a real engine. Everything is run with both makers of boxes. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/cell/cell.h"
#include "engine/cell/cell_dir.h"
#include "engine/cell/cell_memfd.h"
#include "engine/cell/cell_orphans.h"
#include "engine/docker/docker.h"
#include "schema/base/clock.h"
#include "schema/base/text.h"
#include "tests/support/assert_err.h"
#include "tests/support/fixture.h"

static void echo(void **state)
{
    (void)state;
    struct cell *c = fixture_cell();
    struct fixture_line l;
    struct cell_result r;

    CLEANUP(closep) int in = -1;
    ASSERT_OK(in = cell_memfd("in", "a\nb\0c\n", 6, e));
    for (int i = 0; i < 2; i++) { /* each run has an offset of its own */
        fixture_shell(&l, "cat; echo oops >&2; exit 3");
        l.request.stdio[0] = (struct cell_stdio){ CELL_STDIO_MEMFD, in };
        ASSERT_OK(cell_run(c, fixture.docker, &l.request, &r, e));
        assert_int_equal(r.out.len, 6);
        assert_memory_equal(r.out.data, "a\nb\0c\n", 6);
        assert_string_equal(r.err.data, "oops\n");
        assert_int_equal(WEXITSTATUS(r.agent.status), 3);
        assert_int_equal(r.agent.limit, AGENT_LIMIT_NONE);
        assert_false(r.out_exceeded || r.err_truncated);
        assert_in_range(r.agent.wall_ns, 1, 5 * NS_PER_S);
        assert_in_range(r.agent.cpu_ns, 1, 5 * NS_PER_S);
        assert_int_equal(r.artefact_fd, -1);
        cell_result_clear(&r);
    }
    fixture_expect(c, "cat; pwd; env | sort", "/work\nPATH=/bin\nPWD=/work\nSHLVL=1\n");
    fixture_expect(c, "[ -e /scrc/agent ] && [ ! -e /scrc/socket ] && echo gone", "gone\n");
    assert_true(cell_alive(c));
    assert_null(cell_free(c, fixture.docker));
    assert_int_equal(fixture_containers(), 0);
    assert_null(cell_free(NULL, fixture.docker));
}

static void cannot_be_executed(void **state)
{
    (void)state;
    struct cell *c = fixture_cell();
    struct fixture_line l;
    struct cell_result r;
    fixture_shell(&l, "");
    l.argv[0] = "/bin/nothing";
    ASSERT_OK(cell_run(c, fixture.docker, &l.request, &r, e));
    assert_int_equal(r.agent.exec_errno, ENOENT);
    cell_result_clear(&r);
    fixture_expect(c, "echo still", "still\n");
    (void)cell_free(c, fixture.docker);
}

/* A13, as the engine tells it back. */
static void assert_hardened(json_t *there, const char *name)
{
    static const char wanted[] =
        "{'Privileged': false, 'ReadonlyRootfs': true, 'NetworkMode': 'none',"
        " 'CapDrop': ['ALL'], 'IpcMode': 'private', 'CgroupnsMode': 'private',"
        " 'LogConfig': {'Type': 'none', 'Config': {}}, 'PidMode': '', 'UTSMode': '',"
        " 'UsernsMode': '', 'Devices': null, 'Binds': null, 'AutoRemove': false}";
    char text[sizeof wanted];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = wanted[i] == '\'' ? '"' : wanted[i];
    json_auto_t *want = json_loads(text, 0, NULL);
    json_t *config = json_object_get(there, "HostConfig");
    assert_non_null(want);
    for (void *i = json_object_iter(want); i; i = json_object_iter_next(want, i)) {
        json_t *got = json_object_get(config, json_object_iter_key(i));
        if (!json_equal(got, json_object_iter_value(i)) &&
            !(json_is_null(json_object_iter_value(i)) && json_array_size(got) == 0))
            fail_msg("HostConfig.%s of %s", json_object_iter_key(i), name);
    }
    json_int_t memory = json_integer_value(json_object_get(config, "Memory"));
    assert_int_equal(memory, 64 * MIB);
    assert_int_equal(memory, json_integer_value(json_object_get(config, "MemorySwap")));
    assert_in_range(json_integer_value(json_object_get(config, "PidsLimit")), 32, 48);
    assert_int_equal(json_array_size(json_object_get(config, "CapAdd")), 4);

    json_t *security = json_object_get(config, "SecurityOpt");
    assert_int_equal(json_array_size(security), 2);
    assert_string_equal(json_string_value(json_array_get(security, 0)), "no-new-privileges");
    assert_non_null(strstr(json_string_value(json_array_get(security, 1)), "SCMP_ACT_ERRNO"));

    json_t *mounts = json_object_get(there, "Mounts");
    for (size_t i = 0; i < json_array_size(mounts); i++) {
        json_t *m = json_array_get(mounts, i);
        const char *source = json_string_value(json_object_get(m, "Source"));
        assert_false(json_is_true(json_object_get(m, "RW")));
        if (strcmp(json_string_value(json_object_get(m, "Type")), "bind") == 0)
            assert_int_equal(strncmp(source, fixture.dir, strlen(fixture.dir)), 0);
    }
    json_t *own = json_object_get(there, "Config");
    assert_string_equal(json_string_value(json_object_get(own, "User")), "0:0");
    assert_true(json_is_true(json_object_get(own, "NetworkDisabled")));
}

static void hardening(void **state)
{
    (void)state;
    struct cell_spec specs[] = { fixture_spec(), fixture_spec() };
    specs[1].volume = "scrc-test-cache"; /* as a build cell with a cache has it */
    specs[1].volume_target = "/cache";
    specs[1].nano_cpus = 0;
    for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
        struct cell *c = NULL;
        json_auto_t *there = NULL;
        ASSERT_OK(cell_open(fixture.docker, &fixture.host, &specs[i], &c, e));
        ASSERT_OK(docker_inspect(fixture.docker, cell_id(c), &there, e));
        assert_hardened(there, i == 0 ? "a run cell" : "a build cell");
        (void)cell_free(c, fixture.docker);
    }
    ASSERT_OK(docker_volume_remove(fixture.docker, "scrc-test-cache", e));
}

static long max_rss_kib(void)
{
    struct rusage u;
    assert_int_equal(getrusage(RUSAGE_SELF, &u), 0);
    return u.ru_maxrss;
}

static void floods(void **state)
{
    (void)state;
    struct cell *c = fixture_cell();
    struct fixture_line l;
    struct cell_result r;
    long before = max_rss_kib();

    fixture_shell(&l, "dd if=/dev/zero bs=65536 count=1600 2>/dev/null"); /* 100 MB */
    ASSERT_OK(cell_run(c, fixture.docker, &l.request, &r, e));
    assert_true(r.out_exceeded);
    assert_int_equal(r.out.len, MIB);
    assert_int_equal(r.agent.limit, AGENT_LIMIT_NONE);
    cell_result_clear(&r);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_in_range(max_rss_kib() - before, 0, 4096);
#else
    (void)before;
#endif
    /* one byte too many, by a program that had already ended */
    fixture_shell(&l, "echo -n 12345");
    l.request.out_max = 4;
    ASSERT_OK(cell_run(c, fixture.docker, &l.request, &r, e));
    assert_true(r.out_exceeded);
    assert_string_equal(r.out.data, "1234");
    cell_result_clear(&r);
    l.request.out_max = 5;
    ASSERT_OK(cell_run(c, fixture.docker, &l.request, &r, e));
    assert_false(r.out_exceeded);
    cell_result_clear(&r);
    /* stderr is drained and cut, and decides nothing */
    fixture_shell(&l, "dd if=/dev/zero bs=65536 count=160 >&2 2>/dev/null; echo done");
    ASSERT_OK(cell_run(c, fixture.docker, &l.request, &r, e));
    assert_true(r.err_truncated && !r.out_exceeded);
    assert_int_equal(r.err.len, 64 * KIB);
    assert_string_equal(r.out.data, "done\n");
    cell_result_clear(&r);
    fixture_expect(c, "echo next", "next\n");
    (void)cell_free(c, fixture.docker);
}

static void input_never_read(void **state)
{
    (void)state;
    struct cell *c = fixture_cell();
    struct fixture_line l;
    struct cell_result r;
    CLEANUP(freep) char *large = calloc(1, 64 * MIB);
    CLEANUP(closep) int in = -1;

    assert_non_null(large);
    ASSERT_OK(in = cell_memfd("in", large, 64 * MIB, e));
    fixture_shell(&l, "echo answer");
    l.request.stdio[0] = (struct cell_stdio){ CELL_STDIO_MEMFD, in };
    ASSERT_OK(cell_run(c, fixture.docker, &l.request, &r, e));
    assert_string_equal(r.out.data, "answer\n");
    assert_true(r.agent.memory_bytes < 16 * MIB);
    cell_result_clear(&r);
    fixture_shell(&l, "sleep 100");
    l.request.stdio[0] = (struct cell_stdio){ CELL_STDIO_MEMFD, in };
    l.request.cpu_limit_ns = 100 * NS_PER_MS;
    ASSERT_OK(cell_run(c, fixture.docker, &l.request, &r, e));
    assert_int_equal(r.agent.limit, AGENT_LIMIT_WALL);
    cell_result_clear(&r);
    (void)cell_free(c, fixture.docker);
}

static void limits(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        int64_t cpu_ms, wall_ms;
        enum agent_limit limit;
        int64_t least_ms, most_ms;
    } cases[] = {
        { "sleep 100", 200, 0, AGENT_LIMIT_WALL, 300, 20000 },
        { "sleep 100", 5000, 400, AGENT_LIMIT_WALL, 400, 20000 },
        { "while :; do :; done", 200, 0, AGENT_LIMIT_CPU, 200, 20000 },
        { "trap '' TERM INT; kill -STOP $$; sleep 100", 200, 0, AGENT_LIMIT_WALL, 300, 20000 },
    };
    struct cell *c = fixture_cell();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture_line l;
        struct cell_result r;
        fixture_shell(&l, cases[i].script);
        l.request.cpu_limit_ns = cases[i].cpu_ms * NS_PER_MS;
        l.request.wall_limit_ns = cases[i].wall_ms * NS_PER_MS;
        int64_t began = clock_mono_ns();
        ASSERT_OK(cell_run(c, fixture.docker, &l.request, &r, e));
        int64_t took = (clock_mono_ns() - began) / NS_PER_MS;
        if (r.agent.limit != cases[i].limit)
            fail_msg("%s: limit %u", cases[i].script, (unsigned)r.agent.limit);
        assert_in_range(took, cases[i].least_ms, cases[i].most_ms);
        cell_result_clear(&r);
    }
    (void)cell_free(c, fixture.docker);
}

/* Ends what runs in the cell once it has begun to run. */
static void memory(void **state)
{
    (void)state;
    struct cell *c = fixture_cell();
    json_auto_t *there = NULL;
    ASSERT_OK(cell_set_memory(c, NULL, 64 * MIB, e)); /* the same: Docker is not asked */
    ASSERT_OK(cell_set_memory(c, fixture.docker, 96 * MIB, e));
    assert_int_equal(cell_memory(c), 96 * MIB);
    ASSERT_OK(docker_inspect(fixture.docker, cell_id(c), &there, e));
    json_t *config = json_object_get(there, "HostConfig");
    assert_int_equal(json_integer_value(json_object_get(config, "Memory")), 96 * MIB);
    assert_int_equal(json_integer_value(json_object_get(config, "MemorySwap")), 96 * MIB);
    fixture_expect(c, "echo x", "x\n");
    ASSERT_ERR(ERR_CELL, cell_set_memory(c, fixture.docker, 1 * MIB, e));
    assert_false(cell_alive(c));
    (void)cell_free(c, fixture.docker);

    struct cell_spec small = fixture_spec();
    small.memory_bytes = CELL_MEMORY_MIN - 1;
    c = NULL;
    ASSERT_ERR(ERR_BUG, cell_open(fixture.docker, &fixture.host, &small, &c, e));
    assert_null(c);
}

static void out_of_memory(void **state)
{
    (void)state;
    struct cell *c = fixture_cell();
    for (int i = 0; i < 3; i++) {
        struct fixture_line l;
        struct cell_result r;
        fixture_shell(&l, "x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done");
        ASSERT_OK(cell_run(c, fixture.docker, &l.request, &r, e));
        assert_true(r.agent.oom_kills > 0);
        assert_true(WIFSIGNALED(r.agent.status) && WTERMSIG(r.agent.status) == SIGKILL);
        cell_result_clear(&r);
    }
    fixture_expect(c, "echo alive", "alive\n");
    (void)cell_free(c, fixture.docker);
}

static void proven_and_used_again(void **state)
{
    (void)state;
    struct cell *c = fixture_cell();
    for (int i = 0; i < 50; i++) {
        fixture_expect(c,
                       "ls -A /work /tmp /dev/shm; echo x > /work/x; echo x > /tmp/x;"
                       "echo x > /dev/shm/x; (sleep 100 &) ",
                       "/dev/shm:\n\n/tmp:\n\n/work:\n");
        ASSERT_OK(cell_verify_clean(c, e));
    }
    (void)cell_free(c, fixture.docker);
}

static void artefacts(void **state)
{
    (void)state;
    struct cell *c = fixture_cell();
    struct fixture_line l;
    struct cell_result r, run;
    CLEANUP(closep) int source = -1;
    ASSERT_OK(source = cell_memfd("source", "hello\n", 6, e));
    const struct cell_file file = { .name = "in.txt", .fd = source, .kind = AGENT_FILE_PLAIN };

    fixture_shell(&l, "cat in.txt; cp /bin/busybox prog");
    l.request.files = &file;
    l.request.files_len = 1;
    l.request.collect = AGENT_COLLECT_FILE;
    l.request.collect_name = "prog";
    l.request.collect_max = 16 * MIB;
    ASSERT_OK(cell_run(c, fixture.docker, &l.request, &r, e));
    assert_string_equal(r.out.data, "hello\n");
    assert_int_equal(r.agent.collected, AGENT_COLLECTED);
    assert_true(r.artefact_fd >= 0);

    struct cell *other = fixture_cell();
    struct fixture_line l2;
    fixture_shell(&l2, NULL);
    l2.argv[0] = "echo"; /* busybox goes by its name */
    l2.argv[1] = "ran";
    l2.request.exec_fd = r.artefact_fd;
    ASSERT_OK(cell_run(other, fixture.docker, &l2.request, &run, e));
    assert_string_equal(run.out.data, "ran\n");
    cell_result_clear(&run);
    cell_result_clear(&r);
    (void)cell_free(other, fixture.docker);

    l.request.collect_max = 1000;
    ASSERT_OK(cell_run(c, fixture.docker, &l.request, &r, e));
    assert_int_equal(r.agent.collected, AGENT_COLLECTED_TOO_BIG);
    assert_int_equal(r.artefact_fd, -1);
    cell_result_clear(&r);
    (void)cell_free(c, fixture.docker);
}

static void cannot_be_opened(void **state)
{
    (void)state;
    struct cell_spec spec = fixture_spec();
    struct cell *c = NULL;
    struct docker *nobody = NULL;

    spec.image = "scrc-test/no-such-image";
    ASSERT_ERR(ERR_IMAGE, cell_open(fixture.docker, &fixture.host, &spec, &c, e));
    spec = fixture_spec();
    ASSERT_OK(docker_open("unix:///nonexistent/docker.sock", &nobody, e));
    ASSERT_ERR(ERR_UNAVAILABLE, cell_open(nobody, &fixture.host, &spec, &c, e));
    (void)docker_free(nobody);
    struct cell_host odd = fixture.host;
    odd.dir = "/nonexistent/cells";
    ASSERT_ERR(ERR_DISK, cell_open(fixture.docker, &odd, &spec, &c, e));
    odd = fixture.host;
    odd.box = "cardboard"; /* the agent says why it cannot start, and ends */
    int64_t began = clock_mono_ns();
    struct err why = { .kind = ERR_NONE };
    assert_int_equal(cell_open(fixture.docker, &odd, &spec, &c, &why), -1);
    assert_int_equal(why.kind, ERR_CELL);
    assert_non_null(strstr(why.msg, "the agent gave up: box 'cardboard'"));
    assert_in_range(clock_mono_ns() - began, 0, 10 * NS_PER_S);
    assert_null(c);
    assert_int_equal(fixture_containers(), 0);
}

static void sweep(void **state)
{
    (void)state;
    char other_table[TEXT_ID_SIZE];
    struct cell_host next = fixture.host, foreign = fixture.host;
    struct cell_spec spec = fixture_spec();
    struct cell *ours = fixture_cell(), *theirs = NULL, *fresh = NULL;
    text_random_id(other_table);
    foreign.table = other_table;
    next.instance = "0123456789abcdef0123456789abcdef"; /* the server has been started again */

    ASSERT_OK(cell_open(fixture.docker, &foreign, &spec, &theirs, e));
    char dead[CELL_DIR_NAME_SIZE], elsewhere[CELL_DIR_NAME_SIZE], path[160];
    CLEANUP(closep) int dead_fd = -1;
    CLEANUP(closep) int elsewhere_fd = -1;
    cell_dir_name(fixture.table, "dead", dead); /* a directory whose container is gone already */
    cell_dir_name(other_table, "dead", elsewhere);
    ASSERT_OK(cell_dir_make(fixture.dir, dead, &dead_fd, e));
    ASSERT_OK(cell_dir_make(fixture.dir, elsewhere, &elsewhere_fd, e));
    ASSERT_OK(cell_orphans_remove(fixture.docker, &fixture.host, e)); /* our own: nothing happens */
    assert_true(cell_alive(ours));
    ASSERT_OK(cell_open(fixture.docker, &next, &spec, &fresh, e));
    int gone = -1;
    ASSERT_OK(gone = cell_orphans_remove(fixture.docker, &next, e));
    assert_int_equal(gone, 1);
    fixture_expect(fresh, "echo here", "here\n");
    fixture_expect(theirs, "echo here", "here\n");
    assert_false(cell_alive(ours));
    (void)snprintf(path, sizeof path, "%s/%s", fixture.dir, dead);
    assert_int_equal(access(path, F_OK), -1);
    (void)snprintf(path, sizeof path, "%s/%s", fixture.dir, elsewhere);
    assert_int_equal(access(path, F_OK), 0); /* another table's is not ours to judge */
    cell_dir_remove(fixture.dir, elsewhere);
    (void)cell_free(ours, NULL);
    (void)cell_free(fresh, fixture.docker);
    (void)cell_free(theirs, fixture.docker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(echo),
        FIXTURE_TEST(cannot_be_executed),
        FIXTURE_TEST(hardening),
        FIXTURE_TEST(floods),
        FIXTURE_TEST(input_never_read),
        FIXTURE_TEST(limits),
        FIXTURE_TEST(memory),
        FIXTURE_TEST(out_of_memory),
        FIXTURE_TEST(proven_and_used_again),
        FIXTURE_TEST(artefacts),
        FIXTURE_TEST(cannot_be_opened),
        FIXTURE_TEST(sweep),
    };
    return fixture_run_in_boxes(tests, ARRAY_LEN(tests));
}
