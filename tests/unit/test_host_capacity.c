/* What this host can do: /proc/stat taken apart, and the line that says it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/host/host_capacity.h"
#include "schema/base/base.h"

#define STAT                                                                                       \
    "cpu  4705 150 1120 16250 520 30 45 0 0 0\ncpu0 1393 76 582 8116 265 10 20 0 0 0\n"            \
    "intr 8688370 0 0\nctxt 22848043\nprocesses 26442\nprocs_running 3\nprocs_blocked 0\n"

static void stat_of_the_kernel(void **state)
{
    (void)state;
    struct host_capacity_moment m = { .idle_ns = -1 };

    assert_true(host_capacity_parse(STAT, 100, &m));
    assert_int_equal(m.idle_ns, 167700 * NS_PER_MS); /* idle and waiting for disks */
    assert_int_equal(m.running, 3);
    assert_false(host_capacity_parse("", 100, &m));
    assert_false(host_capacity_parse("cpu  1 2 3 4 5 6\n", 100, &m));
    assert_false(host_capacity_parse("cpu  1 2 3\nprocs_running 1\n", 100, &m));
    assert_false(host_capacity_parse(STAT, 0, &m));

    struct host_capacity_moment now = host_capacity_now();
    assert_true(now.wall_ns > 0 && now.idle_ns > 0 && now.running > 0);
}

static void cpu_between_two_moments(void **state)
{
    (void)state;
    const struct host_capacity_moment unknown = { 0 },
                                      begin = { .wall_ns = 10 * NS_PER_S, .idle_ns = NS_PER_S },
                                      end = { .wall_ns = 11 * NS_PER_S,
                                              .idle_ns = NS_PER_S + 1800 * NS_PER_MS };
    assert_int_equal(host_capacity_cpu(&begin, &end, 2), 200 * NS_PER_MS);
    assert_int_equal(host_capacity_cpu(&begin, &end, 1), 1); /* coarse ticks: never below 1 */
    assert_int_equal(host_capacity_cpu(&unknown, &end, 2), 0);
    assert_int_equal(host_capacity_cpu(&begin, &unknown, 2), 0);
}

static void the_best_is_kept(void **state)
{
    (void)state;
    static const struct {
        struct host_capacity measured;
        int64_t kept_ns;
    } steps[] = {
        { { .life_ns = 0 }, 0 },
        { { .life_ns = 300, .run_ns = 10, .busy = true }, 300 },
        { { .life_ns = 400, .run_ns = 10, .busy = true }, 300 },
        { { .life_ns = 200, .run_ns = 10, .busy = true }, 200 },
        { { .life_ns = 250, .run_ns = 10 }, 250 }, /* from a quiet host: nearer the truth */
        { { .life_ns = 100, .run_ns = 10, .busy = true }, 250 },
        { { .life_ns = 150, .run_ns = 10 }, 150 },
        { { .life_ns = 0, .run_ns = 10 }, 150 },
    };
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        assert_int_equal(host_capacity_keep(&steps[i].measured).life_ns, steps[i].kept_ns);
}

static void one_line(void **state)
{
    (void)state;
    static const struct {
        int64_t life_ms, run_us, cores, uses;
        bool busy;
        const char *line;
    } cases[] = {
        { 150, 13000, 2, 1, false,
          "small c programs, a container for each submission: about 12 a second; "
          "RUNNER_CELL_USES=100: about 140" },
        { 150, 13000, 2, 10, false,
          "small c programs, a container for each submission: about 12 a second; "
          "RUNNER_CELL_USES=10: about 71" },
        { 1000, 1000, 64, 1000000, true,
          "small c programs, a container for each submission: at least 64 a second; "
          "RUNNER_CELL_USES=1000000: at least 64000 (this host is busy)" },
        { 9000, 13000, 1, 1, true,
          "small c programs, a container for each submission: less than 1 a second; "
          "RUNNER_CELL_USES=100: at least 10 (this host is busy)" },
        { 0, 13000, 2, 1, false, "not measured: no program could be run in a cell" },
        { 150, 0, 2, 1, false, "not measured: no program could be run in a cell" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct host_diagnostic f = { .level = HOST_UNFIT };
        const struct host_capacity c = { .life_ns = cases[i].life_ms * NS_PER_MS,
                                         .run_ns = cases[i].run_us * 1000,
                                         .program = "small c programs",
                                         .busy = cases[i].busy };
        host_capacity_say(&f, &c, cases[i].cores, cases[i].uses);
        assert_string_equal(f.message, cases[i].line);
        assert_int_equal(f.level, HOST_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stat_of_the_kernel),
        cmocka_unit_test(cpu_between_two_moments),
        cmocka_unit_test(the_best_is_kept),
        cmocka_unit_test(one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
