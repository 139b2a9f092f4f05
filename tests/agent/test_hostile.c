/* tests/agent/test_hostile.c BOX SOURCES PROGRAMS - every program of tests/hostile in one cell, one
 * after the other. What must come out stands in the program's first comment:
 *
 *     run: [STDIN] => VERDICT... [memory LOW..HIGH] [: STDOUT]
 *
 * STDIN and STDOUT without their last newline, memory in MiB, time limit 1 s, memory limit 64 MiB,
 * 128 processes. Whatever a program does, the cell must serve the next one, and be clean at its
 * end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <glob.h>

#include "engine/judge/judge_verdict.h"
#include "schema/model/verdict.h"
#include "tests/support/agent_cell.h"

/* All limits together, and what a fork bomb needs to die on a host that has much else to do. */
#define WALL_MAX (60 * NS_PER_S)
#define LOOK_MAX                                                                                   \
    (200 * NS_PER_MS) /* what is waited on the way to exec may count, more on such a host */

struct expected {
    char input[64], verdicts[64], output[256];
    bool has_output;
    long low_mib, high_mib; /* 0..0: any */
};

struct program {
    const char *sources, *programs;
    char name[64];
};

/* False when the line is no `run:`. */
static bool parse(char *line, struct expected *ret)
{
    struct expected x = { 0 };
    char *run = strstr(line, "run: "), *arrow = strstr(line, "=>"), *output, *memory;

    if (!run || !arrow || strncmp(line, " * run: ", 8) != 0)
        return false;
    line[strcspn(line, "\n")] = '\0';
    *arrow = '\0';
    run += 5;
    size_t len = strlen(run);
    while (len > 0 && run[len - 1] == ' ')
        run[--len] = '\0';
    (void)snprintf(x.input, sizeof x.input, "%.60s%s", run, run[0] ? "\n" : "");
    output = strstr(arrow + 2, " : ");
    if (output) {
        *output = '\0';
        x.has_output = true;
        (void)snprintf(x.output, sizeof x.output, "%.250s\n", output + 3);
    }
    memory = strstr(arrow + 2, "memory ");
    if (memory) {
        assert_int_equal(sscanf(memory, "memory %ld..%ld", &x.low_mib, &x.high_mib), 2);
        *memory = '\0';
    }
    (void)snprintf(x.verdicts, sizeof x.verdicts, "%.60s ", arrow + 2);
    *ret = x;
    return true;
}

static const char *verdict_of(const struct cell_result *r)
{
    const struct agent_result *a = &r->agent;
    const struct judge_facts facts = {
        .cpu_ns = a->cpu_ns,
        .cpu_limit_ns = AGENT_CELL_TIME,
        .wall_passed = a->limit == AGENT_LIMIT_WALL,
        .wall_ns = a->wall_ns,
        .cpu_passed = a->limit == AGENT_LIMIT_CPU,
        .oom_kills = a->oom_kills,
        .strict_memory = true,
        .memory_bytes = (int64_t)a->memory_bytes,
        .memory_limit = AGENT_CELL_MEMORY,
        .output_exceeded = r->out_exceeded,
        .signal = WIFSIGNALED(a->status) ? WTERMSIG(a->status) : 0,
        .exit_code = WIFEXITED(a->status) ? WEXITSTATUS(a->status) : 0,
    };

    return verdict_name(judge_verdict(&facts));
}

static void check(const struct expected *x, const struct cell_result *r)
{
    const struct agent_result *a = &r->agent;
    char want[16];

    (void)snprintf(want, sizeof want, " %s ", verdict_of(r));
    print_message("    %-12.*s%swall %lld ms, cpu %lld ms, memory %llu KiB, oom %u, status %#x\n",
                  (int)strcspn(x->input, "\n"), x->input, want, (long long)(a->wall_ns / NS_PER_MS),
                  (long long)(a->cpu_ns / NS_PER_MS), (unsigned long long)a->memory_bytes / 1024,
                  a->oom_kills, (unsigned)a->status);
    assert_int_equal(a->exec_errno, 0);
    if (!strstr(x->verdicts, want))
        fail_msg("%s is not one of%s; it printed: %.300s", want, x->verdicts,
                 r->out.data ? r->out.data : "");
    if (x->has_output)
        assert_string_equal(r->out.data ? r->out.data : "", x->output);
    if (a->waited_ns > a->wall_ns + a->wall_ns / 4 + LOOK_MAX)
        fail_msg("it waited %lld ms", (long long)(a->waited_ns / NS_PER_MS));
    if (a->wall_ns - a->waited_ns > WALL_MAX)
        fail_msg("it took %lld ms to end", (long long)(a->wall_ns / NS_PER_MS));
    if (x->high_mib > 0)
        assert_in_range(a->memory_bytes, x->low_mib * MIB, x->high_mib * MIB);
}

static void run_program(void **state)
{
    const struct program *p = *state;
    const char *const argv[] = { "main", NULL };
    char path[512], line[512];
    struct expected x;
    int runs = 0;

    (void)snprintf(path, sizeof path, "%s/%s", p->programs, p->name);
    int program = agent_cell_file(path);
    (void)snprintf(path, sizeof path, "%s/%s.c", p->sources, p->name);
    FILE *source = fopen(path, "re");
    assert_non_null(source);
    while (fgets(line, sizeof line, source)) {
        if (!parse(line, &x))
            continue;
        int input = agent_cell_text(x.input);
        struct cell_request q = agent_cell_request(argv, program, input);
        struct cell_result r = agent_cell_run(&q);
        check(&x, &r);
        cell_result_clear(&r);
        (void)close(input);
        runs++;
    }
    (void)fclose(source);
    (void)close(program);
    assert_true(runs > 0);
    agent_cell_prove();
}

int main(int argc, char **argv)
{
    static struct program programs[128];
    static struct CMUnitTest tests[ARRAY_LEN(programs)];
    glob_t found = { 0 };
    char pattern[512];
    size_t count = 0;

    if (argc < 4)
        return 2;
    if (argc > 4)
        cmocka_set_test_filter(argv[4]);
    agent_cell_start(argv[1]);
    (void)snprintf(pattern, sizeof pattern, "%s/*.c", argv[2]);
    if (glob(pattern, 0, NULL, &found) != 0)
        return 2;
    for (; count < found.gl_pathc && count < ARRAY_LEN(programs); count++) {
        struct program *p = &programs[count];
        const char *name = strrchr(found.gl_pathv[count], '/') + 1;
        *p = (struct program){ .sources = argv[2], .programs = argv[3] };
        (void)snprintf(p->name, sizeof p->name, "%.*s", (int)strlen(name) - 2, name);
        tests[count] =
            (struct CMUnitTest){ .name = p->name, .test_func = run_program, .initial_state = p };
    }
    globfree(&found);
    int failed = _cmocka_run_group_tests(argv[1], tests, count, NULL, NULL);
    agent_cell_stop();
    return failed ? 1 : 0;
}
