#include "engine/judge/judge_tests.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "engine/build/build_outcome.h"
#include "engine/build/executable.h"
#include "engine/build/toolchain.h"
#include "engine/cell/cell_memfd.h"
#include "engine/engine_config.h"
#include "engine/judge/judge_compare.h"
#include "engine/judge/judge_report.h"
#include "engine/judge/judge_verdict.h"
#include "engine/judge/signal_name.h"
#include "engine/pool/lease.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/metrics.h"
#include "schema/base/text.h"
#include "schema/model/report.h"

/* Kept of stderr at least: of a source that is no program it becomes the build log. */
#define ERR_KEEP   BUILD_LOG_MAX
#define FILE_BYTES (64 * MIB)

struct judge_tests {
    struct lease *b;
    const struct judge_tests_request *o;
    struct lease_cell *cell;
    struct judge_results *results;
};

/* A source or a tree is a file of every test's box; an ELF file is executed from its descriptor. */
static struct cell_request request_of(const struct judge_tests *run, char *const *argv,
                                      int stdin_fd, struct cell_file *file)
{
    const struct judge_tests_request *o = run->o;
    const struct executable *x = o->program;
    const struct toolchain *p = x->toolchain;
    bool elf = p->row->collect == AGENT_COLLECT_FILE;
    int64_t keep = run->b->config->report_output_bytes;

    if (p->row->collect == AGENT_COLLECT_TREE)
        *file = (struct cell_file){ .name = "", .fd = x->artefact_fd, .kind = AGENT_FILE_TREE };
    else
        *file = executable_source_file(x);
    return (struct cell_request){ .argv = (const char *const *)argv,
                                  .env = (const char *const *)p->run_env,
                                  .exec_fd = elf ? x->artefact_fd : -1,
                                  .stdio = CELL_STDIO_ALONE(stdin_fd),
                                  .files = file,
                                  .files_len = elf ? 0 : 1,
                                  .cpu_limit_ns = o->limits.time_ms * NS_PER_MS,
                                  .wall_limit_ns = o->limits.wall_ms * NS_PER_MS,
                                  .memory_limit = o->limits.memory_bytes,
                                  .file_bytes = FILE_BYTES,
                                  .out_max = run->b->config->output_bytes,
                                  .err_keep = keep > ERR_KEEP ? keep : ERR_KEEP };
}

static int run_once(struct judge_tests *run, char *const *argv, const struct bytes *input,
                    struct cell_result *ret_result, struct err *e)
{
    CLEANUP(closep) int stdin_fd = -1;
    struct cell_file file;

    if (input && input->len > 0 && (stdin_fd = cell_memfd("stdin", input->data, input->len, e)) < 0)
        return -1;
    struct cell_request q = request_of(run, argv, stdin_fd, &file);
    if (cell_run(run->cell->cell, run->b->docker, &q, ret_result, e) < 0) {
        run->cell->dead = true;
        return -1;
    }
    /* A program that the build made and the kernel refuses may be the program's fault; a runtime
     * that does not start, though the self-test has seen it start, is not. */
    int number = ret_result->agent.exec_errno;
    if (number != 0 && (q.exec_fd < 0 || !judge_program_refused(number))) {
        cell_result_clear(ret_result);
        return err_errno(e, ERR_CELL, number, "start '%s'", argv[0]);
    }
    return 0;
}

static enum verdict judge(const struct judge_tests *run, const struct cell_result *c,
                          const struct test_report *t)
{
    const struct judge_tests_request *o = run->o;
    bool failed = c->agent.limit != AGENT_LIMIT_NONE || t->signal || t->exit_code != 0;
    const struct buf *err = c->err_end.len > 0 ? &c->err_end : &c->err;
    const struct toolchain *p = o->program->toolchain;
    int64_t memory_max = toolchain_memory(p, o->limits.memory_bytes);
    bool near_limit = (int64_t)c->agent.memory_bytes >= memory_max - memory_max / 4;
    struct judge_facts f = {
        .cpu_ns = c->agent.cpu_ns,
        .cpu_limit_ns = o->limits.time_ms * NS_PER_MS,
        .wall_passed = c->agent.limit == AGENT_LIMIT_WALL,
        .wall_ns = c->agent.wall_ns,
        .wall_limit_ns = o->limits.wall_ms * NS_PER_MS,
        .cpu_passed = c->agent.limit == AGENT_LIMIT_CPU,
        .oom_kills = c->agent.oom_kills,
        .runtime_oom = failed && language_out_of_memory(p->row, err->data ? err->data : "",
                                                        err->len, near_limit),
        .strict_memory = p->row->strict_memory,
        .memory_bytes = (int64_t)c->agent.memory_bytes,
        .memory_limit = o->limits.memory_bytes,
        .out_flooded = c->out_flooded,
        .signal = t->signal ? WTERMSIG(c->agent.status) : 0,
        .exit_code = t->exit_code,
    };
    return judge_verdict(&f);
}

static int64_t to_ms(int64_t ns) { return (ns + NS_PER_MS / 2) / NS_PER_MS; }

static int fill_status(const struct cell_result *c, struct test_report *t, struct err *e)
{
    int status = c->agent.status;

    if (c->agent.exec_errno != 0) {
        char reason[80];
        t->exit_code = 126; /* a shell's word for it */
        if (asprintf(&t->error, "the program could not be started: %s",
                     strerror_r(c->agent.exec_errno, reason, sizeof reason)) < 0) {
            t->error = NULL;
            return err_set(e, ERR_NOMEM, "a test's report");
        }
    } else if (WIFSIGNALED(status)) {
        t->exit_code = 128 + WTERMSIG(status);
        t->signal = signal_name(WTERMSIG(status));
    } else {
        t->exit_code = WEXITSTATUS(status);
    }
    return 0;
}

static const char *limit_hit(const struct judge_tests *run, const struct cell_result *c,
                             enum verdict v)
{
    const struct agent_result *a = &c->agent;

    if (v == VERDICT_ML)
        return "memory";
    if (v == VERDICT_OL)
        return "output";
    if (v != VERDICT_TL)
        return NULL;
    bool cpu = a->limit == AGENT_LIMIT_CPU || a->cpu_ns > run->o->limits.time_ms * NS_PER_MS;
    return a->limit != AGENT_LIMIT_WALL && cpu ? "cpu" : "wall";
}

/* Asks the checker about what ran well; true when it is content. */
static bool is_right(const struct checker *checker, const struct bytes *expected,
                     const struct buf *got, struct first_difference *ret_difference)
{
    int64_t began = clock_mono_ns();
    bool right = judge_compare(checker, expected->data, expected->len, got->data ? got->data : "",
                               got->len, ret_difference);

    metrics_time(METRICS_CHECK, clock_mono_ns() - began);
    return right;
}

/* All but the outputs, and whether they are right. */
static int measure(const struct judge_tests *run, const struct cell_result *c,
                   struct test_report *t, struct err *e)
{
    t->ran = true;
    t->duration_ms = to_ms(c->agent.wall_ns);
    t->cpu_time_ms = to_ms(c->agent.cpu_ns);
    t->memory_bytes =
        c->agent.oom_kills > 0 ? run->o->limits.memory_bytes : (int64_t)c->agent.memory_bytes;
    if (fill_status(c, t, e) < 0)
        return -1;
    t->verdict = judge(run, c, t);
    t->limit_hit = limit_hit(run, c, t->verdict);
    return 0;
}

/* The first run may have failed because its source is no program: 1. 0: it is one; -1. */
static int ask_syntax(struct judge_tests *run, const struct test_report *t,
                      const struct cell_result *first, struct err *e)
{
    char *const *check = run->o->program->check;
    struct cell_result c;

    /* ML too: a parser says "out of memory" of a source that is too deep for it. */
    if (!check[0] || (t->verdict != VERDICT_RE && t->verdict != VERDICT_ML) || t->signal ||
        t->exit_code != run->o->program->toolchain->row->check_exit_code ||
        first->agent.oom_kills > 0)
        return 0;
    if (run_once(run, check, NULL, &c, e) < 0)
        return -1;
    bool refused = c.agent.limit == AGENT_LIMIT_NONE && c.agent.oom_kills == 0 &&
                   WIFEXITED(c.agent.status) && WEXITSTATUS(c.agent.status) != 0;
    cell_result_clear(&c);
    return refused;
}

/* A syntax error has run no statement, so what the first run said is all there is to say. */
static int fail_build(struct judge_tests *run, struct cell_result *first, int exit_code,
                      struct err *e)
{
    if (build_log_cut(&first->err, first->err_truncated, e) < 0)
        return -1;
    judge_results_fail_build(run->results, &first->err, exit_code);
    return 0;
}

/* What one run gave; a build that has failed gives nothing. */
static int take_result(struct judge_tests *run, const struct test *test, struct cell_result *c,
                       struct test_report *t, struct err *e)
{
    bool first = run->results->tests_len == 0;

    if (measure(run, c, t, e) < 0)
        return -1;
    int no_program = first ? ask_syntax(run, t, c, e) : 0;
    if (no_program != 0)
        return no_program < 0 ? -1 : fail_build(run, c, t->exit_code, e);
    if (t->verdict == VERDICT_OK && test &&
        !is_right(&run->o->submission->checker, &test->expected, &c->out, &t->difference))
        t->verdict = VERDICT_WA;
    if (judge_report_keep(&run->results->room, c, t, e) < 0)
        return -1;
    judge_results_add(run->results, t);
    return 0;
}

/* test NULL: there are none. */
static int run_test(struct judge_tests *run, const struct test *test, struct err *e)
{
    struct test_report t = { .number = test ? test->number : 0 };
    struct cell_result c;

    if (run_once(run, run->o->program->run, test ? &test->input : NULL, &c, e) < 0)
        return -1;
    int rc = take_result(run, test, &c, &t, e);
    cell_result_clear(&c);
    report_clear_test(&t);
    return rc;
}

static void tell_test(const struct judge_tests *run, const struct test_report *t)
{
    const struct engine_event event = { .seq = run->b->seq,
                                        .kind = ENGINE_TESTED,
                                        .number = t->number,
                                        .duration_ms = t->duration_ms,
                                        .cpu_time_ms = t->cpu_time_ms,
                                        .memory_bytes = t->memory_bytes,
                                        .verdict = t->verdict,
                                        .exit_code = t->exit_code,
                                        .signal = t->signal };
    engine_tell(run->b->config, &event);
}

static int run_each(struct judge_tests *run, struct err *e)
{
    const struct submission *s = run->o->submission;

    for (size_t i = 0; i < s->tests_len; i++) {
        if (run_test(run, &s->tests[i], e) < 0)
            return err_wrap(e, "test %lld", (long long)s->tests[i].number);
        if (run->results->build_failed)
            return 0;
        const struct test_report *t = &run->results->tests[i];
        tell_test(run, t);
        if (t->verdict != VERDICT_OK && s->stop_on_failure)
            return 0;
    }
    return 0;
}

static int uses_max(const struct lease *b)
{
    return b->config->cell_uses < INT32_MAX ? (int)b->config->cell_uses : INT32_MAX;
}

void judge_tests_prefetch(struct lease *b, const struct toolchain *p, const struct limits *limits)
{
    if (limits->memory_bytes != b->config->default_memory_bytes)
        lease_prefetch(b, &p->run, toolchain_memory(p, limits->memory_bytes), uses_max(b));
}

int judge_tests(struct lease *b, const struct judge_tests_request *o, struct judge_results *results,
                struct err *e)
{
    const struct toolchain *p = o->program->toolchain;
    size_t tests = o->submission->tests_len;
    struct judge_tests run = { .b = b, .o = o, .results = results };

    if (judge_results_open(results, tests, e) < 0)
        return -1;
    results->room = judge_report_room(b->config, &results->build_log, tests);
    if (lease_acquire(b, &p->run, toolchain_memory(p, o->limits.memory_bytes), uses_max(b),
                      &run.cell, e) < 0)
        return -1;
    /* The cell goes back when the report is on the disk (lease_end): nobody waits for its proof. */
    return tests > 0 ? run_each(&run, e) : run_test(&run, NULL, e);
}
