/* Findings about what there is of this host: numbers in, advice out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/host/host_load.h"

static void check(const struct host_diagnostic *f, enum host_level level, const char *message,
                  const char *remedy)
{
    if (f->level != level || !strstr(f->message, message) || !strstr(f->remedy, remedy))
        fail_msg("level %d: %s; %s; %s", (int)f->level, f->message, f->impact, f->remedy);
    if (level != HOST_OK)
        assert_true(f->impact[0] && f->remedy[0]);
    else
        assert_string_equal(f->remedy, "");
}

static void parallel(void **state)
{
    static const struct {
        int64_t parallel, cores;
        enum host_level level;
        const char *remedy;
    } cases[] = { { 2, 2, HOST_OK, "" },
                  { 4, 2, HOST_OK, "" },
                  { 5, 2, HOST_WARNING, "number of cores" },
                  { 0, 2, HOST_WARNING, "RUNNER_MAX_PARALLEL" } };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct host_diagnostic f = { .name = "parallel" };
        host_load_parallel(&f, cases[i].parallel, cases[i].cores);
        check(&f, cases[i].level, "cores", cases[i].remedy);
    }
}

static void memory(void **state)
{
    static const char meminfo[] = "MemTotal:        8000000 kB\nMemFree:          100000 kB\n"
                                  "MemAvailable:    4194304 kB\nBuffers:               0 kB\n";
    static const struct {
        const char *meminfo;
        int64_t parallel, run, build;
        enum host_level level;
        const char *message, *remedy;
    } cases[] = {
        { meminfo, 4, 256 * MIB, GIB, HOST_OK, "4096 MiB available", "" },
        { meminfo, 5, 256 * MIB, GIB, HOST_WARNING, "5120 MiB", "RUNNER_MEMORY_LIMIT" },
        { meminfo, 2, 3 * GIB, GIB, HOST_WARNING, "6144 MiB", "RUNNER_MAX_PARALLEL" },
        { "", 2, GIB, GIB, HOST_OK, "not told", "" },
        { "MemAvailable", 2, GIB, GIB, HOST_OK, "not told", "" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct host_diagnostic f = { .name = "memory" };
        host_load_memory(&f, cases[i].meminfo, cases[i].parallel, cases[i].run, cases[i].build);
        check(&f, cases[i].level, cases[i].message, cases[i].remedy);
    }
}

static void busy(void **state)
{
    struct host_diagnostic f = { .name = "load" };

    (void)state;
    host_load_busy(&f, "9.50 3.90 1.00 1/200 99", 2);
    check(&f, HOST_OK, "3.9", "");
    host_load_busy(&f, "0.50 4.10 1.00 1/200 99", 2);
    check(&f, HOST_WARNING, "4.1", "top");
    f = (struct host_diagnostic){ .name = "load" };
    host_load_busy(&f, "", 2);
    check(&f, HOST_OK, "not told", "");
}

static void containers(void **state)
{
    struct host_diagnostic f = { .name = "containers" };

    (void)state;
    host_load_containers(&f, 5, 100, 30);
    check(&f, HOST_OK, "5 running, 100 stopped", "");
    host_load_containers(&f, 5, 101, 30);
    check(&f, HOST_WARNING, "101 stopped", "prune");
    host_load_containers(&f, 5, 0, 2001);
    check(&f, HOST_WARNING, "2001 ms", "docker info");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parallel),
        cmocka_unit_test(memory),
        cmocka_unit_test(busy),
        cmocka_unit_test(containers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
