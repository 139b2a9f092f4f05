/* tests/unit/test_agent_cpu_wait.c - what a run waited for, from a /proc and a cgroup of our own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "engine/agent/cpu_wait.h"
#include "engine/agent/fault.h"

#define MS NS_PER_MS

/* The clock stands still, but for a pause behind its next reading. */
static int64_t clock_ns, pause_ns;

static int64_t read_clock(void)
{
    int64_t now_ns = clock_ns;

    clock_ns += pause_ns;
    pause_ns = 0;
    return now_ns;
}

struct place {
    char dir[64];
    struct cgroup group;
    struct cpu_wait_place at;
    struct cpu_wait s;
    struct cpu_wait_thread threads[CPU_WAIT_THREADS_MAX];
    char proc[80];
};

static void put(const struct place *p, const char *name, const char *text)
{
    char path[200];

    (void)snprintf(path, sizeof path, "%s/%s", p->dir, name);
    for (char *slash = path + strlen(p->dir) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        (void)mkdir(path, 0755);
        *slash = '/';
    }
    CLEANUP(closep) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

#define INIT 3

/* One thread as the kernel shows it: init's, or one of process 9. */
static void put_thread(const struct place *p, int tid, int64_t ran_ns, int64_t waited_ns,
                       char state, int io_ticks)
{
    int pid = tid == INIT ? INIT : 9;
    char name[64], text[300];

    (void)snprintf(name, sizeof name, "proc/%d/task/%d/schedstat", pid, tid);
    (void)snprintf(text, sizeof text, "%lld %lld 7\n", (long long)ran_ns, (long long)waited_ns);
    put(p, name, text);
    (void)snprintf(name, sizeof name, "proc/%d/task/%d/stat", pid, tid);
    int len = snprintf(text, sizeof text, "%d (a) b) %c", tid, state);
    for (int field = 4; field < 42; field++)
        len += snprintf(text + len, sizeof text - (size_t)len, " %d", field);
    (void)snprintf(text + len, sizeof text - (size_t)len, " %d 43 44\n", io_ticks);
    put(p, name, text);
}

static void put_pressure(const struct place *p, const char *file, int64_t full_us)
{
    char text[200];

    (void)snprintf(text, sizeof text,
                   "some avg10=0.00 total=%lld\nfull avg10=0.00 avg60=0.00 total=%lld\n",
                   (long long)full_us * 3, (long long)full_us);
    put(p, file, text);
}

static void make(struct place *p, bool pressure)
{
    struct fault f;
    char root[80];

    *p = (struct place){ .dir = "/tmp/scrc-starve-XXXXXX" };
    p->s.threads = p->threads;
    assert_non_null(mkdtemp(p->dir));
    put(p, "cg/cgroup.controllers", "");
    put(p, "cg/cpu.stat", "usage_usec 1\nthrottled_usec 0\n");
    put(p, "cg/memory.stat", "anon 1\nshmem 1\n");
    put(p, "cg/memory.events", "oom 0\noom_kill 0\n");
    if (pressure) {
        put_pressure(p, "cg/cpu.pressure", 1000);
        put_pressure(p, "cg/io.pressure", 2000);
    }
    put_thread(p, 9, 0, 0, 'S', 0);
    (void)snprintf(root, sizeof root, "%s/cg", p->dir);
    assert_int_equal(cgroup_open(root, &p->group, &f), 0);
    (void)snprintf(p->proc, sizeof p->proc, "%s/proc", p->dir);
    p->at = (struct cpu_wait_place){
        .proc = p->proc, .init = INIT, .group = &p->group, .clock = read_clock
    };
    assert_int_equal(cpu_wait_begin(&p->group, &p->s.seen, &f), 0);
}

static void drop(struct place *p)
{
    char command[100];

    for (int i = 0; i < CGROUP_COUNTERS; i++)
        closep(&p->group.fd[i]);
    (void)snprintf(command, sizeof command, "rm -r %s", p->dir);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a test, its own words */
}

static int64_t look(struct place *p, int64_t now_ns)
{
    struct fault f;

    clock_ns = now_ns;
    if (cpu_wait_sample(&p->s, &p->at, &f) < 0)
        fail_msg("%s", f.why);
    return cpu_wait_read(&p->s);
}

/* Twenty that waited side by side have not waited twenty times as long. */
static void waits_of_many_threads_are_not_summed(void **state)
{
    struct place p;
    (void)state;

    make(&p, false);
    for (int round = 1; round <= 5; round++) {
        for (int tid = 9; tid < 29; tid++)
            put_thread(&p, tid, round * 2 * MS, round * 98 * MS, 'S', 0);
        assert_int_equal(look(&p, round * 100 * MS), round * 100 * MS);
    }
    for (int round = 6; round <= 10; round++) /* asleep: no more of it */
        assert_int_equal(look(&p, round * 100 * MS), 500 * MS);
    drop(&p);
}

/* It gets no core for 300 ms, and the kernel books that only when it does. */
static void a_wait_counts_while_it_lasts_and_once(void **state)
{
    struct place p;
    (void)state;

    make(&p, false);
    put_thread(&p, 9, 50 * MS, 0, 'R', 0);
    assert_int_equal(look(&p, 100 * MS), 100 * MS); /* it may be running */
    assert_int_equal(look(&p, 200 * MS), 200 * MS);
    assert_int_equal(look(&p, 300 * MS), 300 * MS);
    put_thread(&p, 9, 60 * MS, 290 * MS, 'S', 0);
    assert_int_equal(look(&p, 400 * MS), 290 * MS);
    drop(&p);
}

/* Whoever looks is without a core too, for 300 ms: before the counters are read, or behind that. */
static void waits_count_while_somebody_looks(void **state)
{
    struct place p;
    (void)state;

    make(&p, false);
    put_thread(&p, 9, 20 * MS, 370 * MS, 'S', 0);
    pause_ns = 300 * MS;
    assert_int_equal(look(&p, 100 * MS), 370 * MS);
    put_thread(&p, 9, 30 * MS, 460 * MS, 'S', 0);
    assert_int_equal(look(&p, 500 * MS), 460 * MS);

    put_thread(&p, 9, 40 * MS, 550 * MS, 'S', 0);
    pause_ns = 300 * MS;
    assert_int_equal(look(&p, 600 * MS), 550 * MS);
    put_thread(&p, 9, 50 * MS, 940 * MS, 'S', 0);
    assert_int_equal(look(&p, 1000 * MS), 940 * MS);
    drop(&p);
}

/* What was taken for a wait and was none makes up for one that is. */
static void a_wait_that_was_shorter_than_it_seemed(void **state)
{
    struct place p;
    (void)state;

    make(&p, false);
    put_thread(&p, 9, 50 * MS, 0, 'R', 0);
    (void)look(&p, 100 * MS);
    assert_int_equal(look(&p, 400 * MS), 400 * MS);
    put_thread(&p, 9, 60 * MS, 200 * MS, 'S', 0);
    assert_int_equal(look(&p, 500 * MS), 300 * MS);
    put_thread(&p, 9, 70 * MS, 290 * MS, 'S', 0);
    assert_int_equal(look(&p, 600 * MS), 300 * MS);
    put_thread(&p, 9, 80 * MS, 380 * MS, 'S', 0);
    assert_int_equal(look(&p, 700 * MS), 380 * MS);
    drop(&p);
}

/* The program has ended, and init gets no core to say so. What it waited before the run does not
 * count. */
static void a_wait_of_init_counts(void **state)
{
    struct place p;
    (void)state;

    make(&p, false);
    put_thread(&p, INIT, 70 * MS, 5000 * MS, 'S', 4);
    put_thread(&p, 9, 60 * MS, 40 * MS, 'S', 0);
    assert_int_equal(look(&p, 100 * MS), 40 * MS);
    put_thread(&p, 9, 80 * MS, 40 * MS, 'Z', 0);
    put_thread(&p, INIT, 70 * MS, 5000 * MS, 'R', 4);
    assert_int_equal(look(&p, 200 * MS), 140 * MS);
    assert_int_equal(look(&p, 300 * MS), 240 * MS);
    put_thread(&p, INIT, 71 * MS, 5190 * MS, 'S', 4);
    assert_int_equal(look(&p, 400 * MS), 230 * MS);
    drop(&p);
}

/* It runs for a moment whenever somebody looks, and sleeps else. */
static void who_is_ready_at_each_look_has_not_waited(void **state)
{
    struct place p;
    (void)state;

    make(&p, false);
    for (int round = 1; round <= 10; round++) {
        put_thread(&p, 9, round * 5 * MS, 0, 'R', 0);
        assert_true(look(&p, round * 100 * MS) <= 100 * MS);
    }
    put_thread(&p, 9, 51 * MS, 0, 'S', 0);
    assert_int_equal(look(&p, 1100 * MS), 0);
    drop(&p);
}

static void a_number_with_a_new_owner_starts_anew(void **state)
{
    struct place p;
    (void)state;

    make(&p, false);
    put_thread(&p, 9, 50 * MS, 60 * MS, 'S', 0);
    assert_int_equal(look(&p, 100 * MS), 60 * MS);
    put_thread(&p, 9, 1 * MS, 10 * MS, 'S', 0);
    assert_int_equal(look(&p, 200 * MS), 70 * MS);
    drop(&p);
}

/* Where kernel.task_delayacct is on. */
static void waits_for_a_disk_count(void **state)
{
    struct place p;
    (void)state;

    make(&p, false);
    put_thread(&p, 9, 10 * MS, 0, 'D', 8);
    assert_int_equal(look(&p, 100 * MS), 80 * MS);
    put_thread(&p, 9, 10 * MS, 50 * MS, 'S', 13); /* both, one after the other */
    assert_int_equal(look(&p, 200 * MS), 180 * MS);
    drop(&p);
}

/* A program reads from the disk as long as it likes. */
static void waits_for_a_disk_are_bounded(void **state)
{
    struct place p;
    (void)state;

    make(&p, false);
    for (int round = 1; round <= 15; round++) {
        put_thread(&p, 9, 10 * MS, 0, 'D', round * 100);
        (void)look(&p, round * NS_PER_S);
    }
    assert_int_equal(cpu_wait_read(&p.s), CPU_WAIT_IO_MAX_NS);
    drop(&p);
}

/* The kernel's own sums, over those of threads: what is full is not summed. */
static void pressure_is_asked_where_it_is(void **state)
{
    struct place p;
    (void)state;

    make(&p, true);
    put_thread(&p, 9, 10 * MS, 90 * MS, 'R', 50);
    assert_int_equal(look(&p, 100 * MS), 0);
    put_pressure(&p, "cg/cpu.pressure", 1000 + 30000);
    assert_int_equal(look(&p, 200 * MS), 30 * MS);
    put_pressure(&p, "cg/io.pressure", 2000 + 20000);
    assert_int_equal(look(&p, 300 * MS), 50 * MS);
    put_pressure(&p, "cg/cpu.pressure", 1000 + 930000);
    assert_int_equal(look(&p, 400 * MS), 150 * MS); /* no more than passed */
    drop(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_of_many_threads_are_not_summed),
        cmocka_unit_test(a_wait_counts_while_it_lasts_and_once),
        cmocka_unit_test(waits_count_while_somebody_looks),
        cmocka_unit_test(a_wait_that_was_shorter_than_it_seemed),
        cmocka_unit_test(a_wait_of_init_counts),
        cmocka_unit_test(who_is_ready_at_each_look_has_not_waited),
        cmocka_unit_test(a_number_with_a_new_owner_starts_anew),
        cmocka_unit_test(waits_for_a_disk_count),
        cmocka_unit_test(waits_for_a_disk_are_bounded),
        cmocka_unit_test(pressure_is_asked_where_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
