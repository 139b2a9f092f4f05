/* tests/unit/test_agent_cgroup.c - the counters, read from recorded directories of both versions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/agent/cgroup.h"
#include "engine/agent/fault.h"

/* What the samples under tests/samples/cgroup say. v1 was recorded in containers at half a core
 * and after an OOM kill; v2 has the form of the kernel's documentation. */
static void recorded_directories_are_read(void **state)
{
    static const struct {
        const char *root;
        uint32_t version;
        int64_t values[CGROUP_COUNTERS];
    } cases[] = {
        { TEST_SAMPLES "/cgroup/v1",
          1,
          { [CGROUP_CPU] = 369252131,
            [CGROUP_MEMORY] = 110592 + 3145728,
            [CGROUP_OOM_KILLS] = 1,
            [CGROUP_PEAK] = 32 * MIB,
            [CGROUP_LIMIT] = 32 * MIB,
            [CGROUP_THROTTLED] = 297581201,
            [CGROUP_PIDS_HITS] = 4 } },
        { TEST_SAMPLES "/cgroup/v2",
          2,
          { [CGROUP_CPU] = 1530177000,
            [CGROUP_MEMORY] = 47652864 + 3145728,
            [CGROUP_OOM_KILLS] = 2,
            [CGROUP_HITS] = 3,
            [CGROUP_THROTTLED] = 583211000,
            [CGROUP_CPU_WAIT] = 1204417000,
            [CGROUP_IO_WAIT] = 80013000,
            [CGROUP_PIDS_HITS] = 5 } },
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cgroup g;
        struct fault f;

        assert_int_equal(cgroup_open(cases[i].root, &g, &f), 0);
        assert_int_equal(g.version, cases[i].version);
        for (int c = 0; c < CGROUP_COUNTERS; c++) {
            int64_t value = -1;
            assert_int_equal(cgroup_read(&g, (enum cgroup_counter)c, &value, &f), 0);
            assert_int_equal(value, cases[i].values[c]);
        }
        assert_int_equal(cgroup_has(&g, CGROUP_CPU_WAIT), g.version == 2);
        assert_int_equal(cgroup_has(&g, CGROUP_LIMIT), g.version == 1);
        for (int c = 0; c < CGROUP_COUNTERS; c++) {
            closep(&g.fd[c]);
        }
    }
}

static void texts_follow_the_table(void **state)
{
    static const struct {
        const char *name;
        uint32_t version;
        enum cgroup_counter which;
        const char *text;
        bool there;
        int64_t value;
    } cases[] = {
        { "a plain number", 1, CGROUP_CPU, "12345\n", true, 12345 },
        { "no newline", 1, CGROUP_CPU, "12345", true, 12345 },
        { "nothing", 1, CGROUP_CPU, "", false, 0 },
        { "words", 1, CGROUP_CPU, "abc\n", false, 0 },
        { "negative", 1, CGROUP_CPU, "-5\n", false, 0 },
        { "the largest", 1, CGROUP_CPU, "9223372036854775807\n", true, INT64_MAX },
        { "beyond the largest", 1, CGROUP_CPU, "9223372036854775808\n", false, 0 },
        { "beyond every number", 1, CGROUP_CPU, "99999999999999999999999\n", false, 0 },
        { "junk behind", 1, CGROUP_CPU, "12 34\n", false, 0 },
        { "microseconds", 2, CGROUP_CPU, "usage_usec 7\nuser_usec 3\n", true, 7000 },
        { "microseconds that do not fit", 2, CGROUP_CPU, "usage_usec 9223372036854775807\n", false,
          0 },
        { "key in the middle", 2, CGROUP_CPU, "x 1\nusage_usec 2\ny 3\n", true, 2000 },
        { "key at the end", 2, CGROUP_CPU, "x 1\nusage_usec 2", true, 2000 },
        { "a longer key is another", 2, CGROUP_OOM_KILLS, "oom_killed 9\noom_kill 2\n", true, 2 },
        { "a key that ends alike is another", 2, CGROUP_OOM_KILLS, "no_oom_kill 9\noom_kill 2\n",
          true, 2 },
        { "oom is not oom_kill", 2, CGROUP_OOM_KILLS, "oom 4\noom_kill 0\n", true, 0 },
        { "oom_kill_disable is not oom_kill", 1, CGROUP_OOM_KILLS,
          "oom_kill_disable 1\nunder_oom 0\noom_kill 5\n", true, 5 },
        { "an old kernel counts no kills", 1, CGROUP_OOM_KILLS, "oom_kill_disable 0\nunder_oom 0\n",
          false, 0 },
        { "anon and shmem", 2, CGROUP_MEMORY, "anon 10\nfile 100\nshmem 5\n", true, 15 },
        { "rss_huge is not rss", 1, CGROUP_MEMORY, "rss_huge 7\nrss 10\nshmem 5\n", true, 15 },
        { "one of two is not enough", 1, CGROUP_MEMORY, "rss 10\n", false, 0 },
        { "a sum that does not fit", 2, CGROUP_MEMORY, "anon 9223372036854775807\nshmem 1\n", false,
          0 },
        { "no quota, no throttling", 2, CGROUP_THROTTLED, "usage_usec 7\n", true, 0 },
        { "throttled nanoseconds", 1, CGROUP_THROTTLED, "throttled_time 77\n", true, 77 },
        { "oom_kill is not oom", 2, CGROUP_HITS, "max 9\noom_kill 4\noom 3\n", true, 3 },
        { "all that waited", 2, CGROUP_CPU_WAIT,
          "some avg10=0.00 total=9\nfull avg10=1.00 avg300=0.00 total=5\n", true, 5000 },
        { "a kernel that knows only some", 2, CGROUP_CPU_WAIT, "some avg10=0.00 total=9\n", false,
          0 },
        { "a field of another line", 2, CGROUP_IO_WAIT, "full avg10=0.00\nsome total=9\n", false,
          0 },
        { "pressure that is off", 2, CGROUP_IO_WAIT, "", false, 0 },
        { "processes refused", 1, CGROUP_PIDS_HITS, "max 7\n", true, 7 },
        { "processes refused, and more", 2, CGROUP_PIDS_HITS, "max_x 1\nmax 7\n", true, 7 },
        { "what only version 1 counts", 2, CGROUP_PEAK, "12\n", false, 0 },
        { "what only version 2 counts", 1, CGROUP_IO_WAIT, "full total=12\n", false, 0 },
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t value = -1;
        bool there = cgroup_parse(cases[i].version, cases[i].which, cases[i].text, &value);

        print_message("    case: %s\n", cases[i].name);
        assert_int_equal(there, cases[i].there);
        assert_int_equal(value, cases[i].there ? cases[i].value : -1);
    }
}

static void a_missing_directory_says_which(void **state)
{
    struct cgroup g = { .version = 77 };
    struct fault f;
    (void)state;

    assert_int_equal(cgroup_open("/nonexistent", &g, &f), -1);
    assert_non_null(strstr(f.why, "/nonexistent/cpuacct/cpuacct.usage"));
    assert_int_equal(g.version, 77);
}

/* Whose limit was it? A cell whose own was not met was killed in for the want of others. */
static void a_kill_is_ours_when_our_limit_was_met(void **state)
{
    static const struct {
        const char *name;
        uint32_t version;
        struct cgroup_oom before, now;
        bool own;
    } cases[] = {
        { "v2, our limit", 2, { 0, 3, 0, 0 }, { 1, 4, 0, 0 }, true },
        { "v2, a parent's or the host's", 2, { 0, 3, 0, 0 }, { 1, 3, 0, 0 }, false },
        { "v1, our limit", 1, { 0, 7, MIB, 64 * MIB }, { 1, 9, 64 * MIB, 64 * MIB }, true },
        { "v1, another's", 1, { 0, 7, MIB, 64 * MIB }, { 1, 7, 64 * MIB, 64 * MIB }, false },
        { "v1, another's, never near ours",
          1,
          { 0, 0, 0, 64 * MIB },
          { 1, 0, 30 * MIB, 64 * MIB },
          false },
        { "v1 that counts nothing, ours",
          1,
          { 0, 0, 0, 64 * MIB },
          { 1, 0, 64 * MIB, 64 * MIB },
          true },
        { "v1 that counts nothing, a batch below",
          1,
          { 0, 0, 0, 64 * MIB },
          { 1, 0, 64 * MIB - 128 * KIB, 64 * MIB },
          true },
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("    case: %s\n", cases[i].name);
        assert_int_equal(cgroup_oom_own(cases[i].version, &cases[i].before, &cases[i].now),
                         cases[i].own);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_directories_are_read),
        cmocka_unit_test(texts_follow_the_table),
        cmocka_unit_test(a_missing_directory_says_which),
        cmocka_unit_test(a_kill_is_ours_when_our_limit_was_met),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
