/* A core for each run: who gets one, who gets none, and in which order. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "engine/pool/cores.h"
#include "schema/base/err.h"
#include "tests/support/scratch.h"

static const struct cores_use quiet = { .wall_ns = 20 * NS_PER_MS, .cpu_ns = 19 * NS_PER_MS };

static struct cores *open_cores(int64_t parallel)
{
    struct cores *c = NULL;
    struct err e;

    assert_int_equal(cores_open(parallel, &c, &e), 0);
    return c;
}

/* Narrows this process to one core and returns its number; `all` is what it had. */
static int keep_one_core(cpu_set_t *all)
{
    cpu_set_t one;
    size_t last = 0;

    assert_int_equal(sched_getaffinity(0, sizeof *all, all), 0);
    for (size_t i = 0; i < CPU_SETSIZE; i++)
        last = CPU_ISSET(i, all) ? i : last;
    CPU_ZERO(&one);
    CPU_SET(last, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    return (int)last;
}

static void one_core_for_one_run(void **state)
{
    cpu_set_t all;
    uint32_t want = (uint32_t)keep_one_core(&all) + 1;
    (void)state;

    CLEANUP(cores_freep) struct cores *c = open_cores(1);
    assert_int_equal(cores_count(c), 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(cores_take(c), want);
        assert_int_equal(cores_take(c), 0); /* taken: the second run goes without */
        cores_give(c, 0, &quiet);
        assert_int_equal(cores_take(c), 0);
        cores_give(c, want, &quiet);
    }
    CLEANUP(cores_freep) struct cores *crowded = open_cores(2);
    assert_int_equal(cores_take(crowded), 0); /* more runs than cores */
    assert_int_equal(cores_take(NULL), 0);
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
}

static void a_core_where_a_run_waited_rests(void **state)
{
    static const struct {
        struct cores_use use;
        bool rests;
    } cases[] = {
        { { 0 }, false },
        { { .wall_ns = 20 * NS_PER_MS, .cpu_ns = 19 * NS_PER_MS }, false },
        { { .wall_ns = 3 * NS_PER_MS, .cpu_ns = 2 * NS_PER_MS }, false }, /* short: too little */
        { { .wall_ns = 20 * NS_PER_MS, .cpu_ns = 10 * NS_PER_MS }, true },
        { { .wall_ns = NS_PER_S, .cpu_ns = NS_PER_MS }, false }, /* it slept, and did not wait */
        { { .wall_ns = NS_PER_S, .cpu_ns = NS_PER_S / 2, .waited_ns = NS_PER_S / 2 }, true },
        { { .wall_ns = NS_PER_S, .cpu_ns = NS_PER_S / 2, .waited_ns = NS_PER_S / 10 }, false },
    };
    cpu_set_t all;
    uint32_t core = (uint32_t)keep_one_core(&all) + 1;
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(cores_freep) struct cores *c = open_cores(1);
        assert_int_equal(cores_take(c), core);
        cores_give(c, core, &cases[i].use);
        assert_int_equal(cores_take(c), cases[i].rests ? 0 : core);
    }
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
}

static void put_siblings(const char *dir, int number, const char *list)
{
    char path[256];

    for (int level = 0; level < 2; level++) {
        (void)snprintf(path, sizeof path, "%.200s/cpu%d%s", dir, number, level ? "/topology" : "");
        assert_int_equal(mkdir(path, 0700), 0);
    }
    (void)snprintf(path, sizeof path, "%.200s/cpu%d/topology/thread_siblings_list", dir, number);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(list, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void expect_order(const int *want, size_t len, const char *dir)
{
    int numbers[8];

    for (size_t i = 0; i < len; i++)
        numbers[i] = (int)i;
    cores_order(numbers, len, dir);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(numbers[i], want[i]);
}

/* Both ways in which kernels number the threads of a core. */
static void threads_of_one_core_are_far_apart(void **state)
{
    char apart[] = "/tmp/scrc-cores-XXXXXX", beside[] = "/tmp/scrc-cores-XXXXXX";
    (void)state;

    assert_true(mkdtemp(apart) && mkdtemp(beside));
    for (int i = 0; i < 4; i++) {
        put_siblings(apart, i, i % 2 ? "1,3\n" : "0,2\n");
        put_siblings(beside, i, i < 2 ? "0-1\n" : "2-3\n");
    }
    expect_order((const int[]){ 0, 1, 2, 3 }, 4, apart);
    expect_order((const int[]){ 0, 2, 1, 3 }, 4, beside);
    expect_order((const int[]){ 0, 1, 2 }, 3, "/nowhere");
    scratch_remove(apart);
    scratch_remove(beside);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_core_for_one_run),
        cmocka_unit_test(a_core_where_a_run_waited_rests),
        cmocka_unit_test(threads_of_one_core_are_far_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
