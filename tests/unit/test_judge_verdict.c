/* The verdict for each combination of limits and counters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>

#include "engine/judge/judge_verdict.h"
#include "schema/base/base.h"

#define S  NS_PER_S
#define MS NS_PER_MS

struct judge_case {
    const char *what;
    struct judge_facts facts;
    enum verdict verdict;
};

/* Every case has limits of 1 s and 64 MiB unless it sets others. */
static const struct judge_case cases[] = {
    { "exit 0", { 0 }, VERDICT_OK },
    { "exit 3", { .exit_code = 3 }, VERDICT_RE },
    { "killed by a signal", { .signal = SIGSEGV, .exit_code = 139 }, VERDICT_RE },
    { "a signal and no exit code", { .signal = SIGABRT }, VERDICT_RE },
    { "exactly the limit", { .cpu_ns = 1 * S }, VERDICT_OK },
    { "just under the limit", { .cpu_ns = 1 * S - 1 }, VERDICT_OK },

    { "one ns over, ended by itself", { .cpu_ns = 1 * S + 1 }, VERDICT_TL },
    { "over, and a bad exit", { .cpu_ns = 2 * S, .exit_code = 1 }, VERDICT_TL },
    { "ended by the CPU timer",
      { .cpu_ns = 1 * S + MS, .cpu_passed = true, .signal = SIGKILL },
      VERDICT_TL },
    { "ended by the CPU timer, read just under",
      { .cpu_ns = 1 * S - 1000, .cpu_passed = true, .signal = SIGKILL },
      VERDICT_TL },
    { "ended by the wall timer, asleep", { .wall_passed = true, .signal = SIGKILL }, VERDICT_TL },
    { "wall limit given, ended by itself too late",
      { .wall_ns = 3 * S + 1, .wall_limit_ns = 3 * S },
      VERDICT_TL },
    { "wall limit given and met", { .wall_ns = 3 * S, .wall_limit_ns = 3 * S }, VERDICT_OK },
    { "no wall limit given: the agent's word counts", { .wall_ns = 100 * S }, VERDICT_OK },

    { "OOM-killed", { .oom_kills = 1, .signal = SIGKILL }, VERDICT_ML },
    { "a grandchild OOM-killed, main exits 0", { .oom_kills = 1 }, VERDICT_ML },
    { "OOM-killed before the CPU timer",
      { .oom_kills = 2, .cpu_ns = 2 * S, .cpu_passed = true, .signal = SIGKILL },
      VERDICT_ML },
    { "OOM-killed before the wall timer",
      { .oom_kills = 1, .wall_passed = true, .signal = SIGKILL },
      VERDICT_ML },
    { "OOM-killed before the output limit",
      { .oom_kills = 1, .output_exceeded = true },
      VERDICT_ML },
    { "the runtime says out of memory", { .runtime_oom = true, .exit_code = 1 }, VERDICT_ML },
    { "the runtime says so, then hangs",
      { .runtime_oom = true, .wall_passed = true, .signal = SIGKILL },
      VERDICT_ML },
    { "strict, one byte over",
      { .strict_memory = true, .memory_bytes = 64 * MIB + 1 },
      VERDICT_ML },
    { "strict, at the limit", { .strict_memory = true, .memory_bytes = 64 * MIB }, VERDICT_OK },
    { "strict, over, slow",
      { .strict_memory = true, .memory_bytes = 65 * MIB, .cpu_ns = 2 * S },
      VERDICT_ML },
    { "strict, over, crashed",
      { .strict_memory = true, .memory_bytes = 65 * MIB, .signal = SIGSEGV },
      VERDICT_ML },
    { "not strict, over: the overhead covers it", { .memory_bytes = 70 * MIB }, VERDICT_OK },

    { "output limit", { .output_exceeded = true, .signal = SIGKILL }, VERDICT_OL },
    { "output limit, ended by itself", { .output_exceeded = true }, VERDICT_OL },
    { "output limit and a bad exit", { .output_exceeded = true, .exit_code = 1 }, VERDICT_OL },
    { "output limit, slow",
      { .output_exceeded = true, .cpu_passed = true, .cpu_ns = 2 * S },
      VERDICT_TL },
};

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct judge_facts facts = cases[i].facts;
        facts.cpu_limit_ns = 1 * S;
        facts.memory_limit = 64 * MIB;
        if (judge_verdict(&facts) != cases[i].verdict)
            fail_msg("%s: %d, not %d", cases[i].what, judge_verdict(&facts), cases[i].verdict);
    }
}

/* Every combination of the flags: the order is ML, TL, OL, RE, OK, and nothing else. */
static void test_order(void **state)
{
    (void)state;
    for (unsigned m = 0; m < 256; m++) {
        struct judge_facts facts = {
            .cpu_limit_ns = 1 * S,
            .memory_limit = 64 * MIB,
            .oom_kills = m & 1,
            .runtime_oom = m & 2,
            .cpu_passed = m & 4,
            .wall_passed = m & 8,
            .cpu_ns = m & 16 ? 2 * S : 0,
            .output_exceeded = m & 32,
            .signal = m & 64 ? SIGKILL : 0,
            .exit_code = m & 128 ? 1 : 0,
        };
        enum verdict v = m & 3    ? VERDICT_ML
                         : m & 28 ? VERDICT_TL
                         : m & 32 ? VERDICT_OL
                         : m      ? VERDICT_RE
                                  : VERDICT_OK;
        if (judge_verdict(&facts) != v)
            fail_msg("flags %#x: %d, not %d", m, judge_verdict(&facts), v);
    }
}

/* An invalid file is the program's fault; no memory or permission is the host's. */
static void test_program_refused(void **state)
{
    static const int theirs[] = { ENOEXEC, ENOENT, EINVAL, ELIBBAD, ENOTDIR },
                     ours[] = { EACCES, EPERM,   ENOMEM, EAGAIN, EMFILE, ENFILE,
                                EIO,    ETXTBSY, E2BIG,  0,      EBUSY,  ENOSPC };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(theirs); i++)
        assert_true(judge_program_refused(theirs[i]));
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        assert_false(judge_program_refused(ours[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_table), cmocka_unit_test(test_order),
                                        cmocka_unit_test(test_program_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
