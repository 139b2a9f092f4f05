#include "engine/judge/judge_tests.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "engine/build/build_outcome.h"
#include "engine/build/executable.h"
#include "engine/build/toolchain.h"
#include "engine/cell/cell_memfd.h"
#include "engine/engine_config.h"
#include "engine/judge/judge_ahead.h"
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

/* At least so much of stderr is kept: after a syntax error it becomes the build log. */
#define STDERR_KEPT_MIN BUILD_LOG_MAX
#define FILE_BYTES      (64 * MIB)

struct judge_tests {
    struct lease *lease;
    const struct judge_tests_request *request;
    struct judge_ahead ahead;
    struct judge_results *results;
};

/* A source or a tree is put into the box of every test; an ELF file is executed from its
 * descriptor. */
static struct cell_request make_request(const struct judge_tests *run, char *const *argv,
                                        int stdin_fd, bool last, struct cell_file *file)
{
    const struct judge_tests_request *request = run->request;
    const struct executable *program = request->program;
    const struct toolchain *toolchain = program->toolchain;
    bool elf = toolchain->language->collect == AGENT_COLLECT_FILE;
    int64_t keep = run->lease->config->report_output_bytes;

    if (toolchain->language->collect == AGENT_COLLECT_TREE)
        *file =
            (struct cell_file){ .name = "", .fd = program->artefact_fd, .kind = AGENT_FILE_TREE };
    else
        *file = executable_source_file(program);
    return (struct cell_request){ .argv = (const char *const *)argv,
                                  .env = (const char *const *)toolchain->run_env,
                                  .exec_fd = elf ? program->artefact_fd : -1,
                                  .stdio = CELL_STDIO_ALONE(stdin_fd),
                                  .files = file,
                                  .files_len = elf ? 0 : 1,
                                  .cpu_limit_ns = request->limits.time_ms * NS_PER_MS,
                                  .wall_limit_ns = request->limits.wall_ms * NS_PER_MS,
                                  .memory_limit = request->limits.memory_bytes,
                                  .file_bytes = FILE_BYTES,
                                  .out_max = run->lease->config->output_bytes,
                                  .err_keep = keep > STDERR_KEPT_MIN ? keep : STDERR_KEPT_MIN,
                                  .last = last };
}

/* As judge_ahead_begin(); input NULL: none. */
static int begin_run(struct judge_tests *run, char *const *argv, const struct bytes *input,
                     bool last, struct err *e)
{
    CLEANUP(closep) int stdin_fd = -1;
    struct cell_file file;

    if (input && input->len > 0 && (stdin_fd = cell_memfd("stdin", input->data, input->len, e)) < 0)
        return -1;
    struct cell_request request = make_request(run, argv, stdin_fd, last, &file);
    return judge_ahead_begin(&run->ahead, &request, e);
}

/* Of the oldest run. */
static int finish_oldest(struct judge_tests *run, char *const *argv, struct cell_result *ret_result,
                         struct err *e)
{
    const struct language *language = run->request->program->toolchain->language;

    if (judge_ahead_finish(&run->ahead, ret_result, e) < 0)
        return -1;
    /* If the kernel refuses what the build made, it may be the program's fault; if a runtime
     * does not start, it is ours: it started in the self-test. */
    int number = ret_result->agent.exec_errno;
    bool elf = language->collect == AGENT_COLLECT_FILE;
    if (number != 0 && (!elf || !judge_program_refused(number))) {
        cell_result_clear(ret_result);
        return err_errno(e, ERR_CELL, number, "start '%s'", argv[0]);
    }
    return 0;
}

static enum verdict decide_verdict(const struct judge_tests *run, const struct cell_result *result,
                                   const struct test_report *t)
{
    const struct judge_tests_request *request = run->request;
    bool failed = result->agent.limit != AGENT_LIMIT_NONE || t->signal || t->exit_code != 0;
    const struct buf *err = result->err_end.len > 0 ? &result->err_end : &result->err;
    const struct toolchain *toolchain = request->program->toolchain;
    int64_t memory_max = toolchain_memory(toolchain, request->limits.memory_bytes);
    bool near_limit = (int64_t)result->agent.memory_bytes >= memory_max - memory_max / 4;
    struct judge_facts facts = {
        .cpu_ns = result->agent.cpu_ns,
        .cpu_limit_ns = request->limits.time_ms * NS_PER_MS,
        .wall_passed = result->agent.limit == AGENT_LIMIT_WALL,
        .wall_ns = result->agent.wall_ns,
        .wall_limit_ns = request->limits.wall_ms * NS_PER_MS,
        .cpu_passed = result->agent.limit == AGENT_LIMIT_CPU,
        .oom_kills = result->agent.oom_kills,
        .runtime_oom =
            failed && language_out_of_memory(toolchain->language, err->data ? err->data : "",
                                             err->len, near_limit),
        .strict_memory = toolchain->language->strict_memory,
        .memory_bytes = (int64_t)result->agent.memory_bytes,
        .memory_limit = request->limits.memory_bytes,
        .output_exceeded = result->out_exceeded,
        .signal = t->signal ? WTERMSIG(result->agent.status) : 0,
        .exit_code = t->exit_code,
    };
    return judge_verdict(&facts);
}

static int64_t to_ms(int64_t ns) { return (ns + NS_PER_MS / 2) / NS_PER_MS; }

static int fill_status(const struct cell_result *result, struct test_report *t, struct err *e)
{
    int status = result->agent.status;

    if (result->agent.exec_errno != 0) {
        char reason[80];
        t->exit_code = 126; /* as a shell returns it */
        if (asprintf(&t->error, "the program could not be started: %s",
                     strerror_r(result->agent.exec_errno, reason, sizeof reason)) < 0) {
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

/* Without a process or thread that it asked for a program may fail in any way, also by a wrong
 * answer; one that is right in spite of that has met no limit that matters. */
static const char *limit_hit(const struct judge_tests *run, const struct cell_result *result,
                             enum verdict v)
{
    const struct agent_result *a = &result->agent;

    if (v == VERDICT_ML)
        return "memory";
    if (v == VERDICT_OL)
        return "output";
    if (v == VERDICT_RE || v == VERDICT_WA)
        return a->pids_hits > 0 ? "processes" : NULL;
    if (v != VERDICT_TL)
        return NULL;
    bool cpu = a->limit == AGENT_LIMIT_CPU || a->cpu_ns > run->request->limits.time_ms * NS_PER_MS;
    return a->limit != AGENT_LIMIT_WALL && cpu ? "cpu" : "wall";
}

/* Compares the output of a run that went well; true when it passes. */
static bool is_output_right(const struct checker *checker, const struct bytes *expected,
                            const struct buf *got, struct first_difference *ret_difference)
{
    int64_t began = clock_mono_ns();
    bool right = judge_compare(checker, expected->data, expected->len, got->data ? got->data : "",
                               got->len, ret_difference);

    metrics_time(METRICS_CHECK, clock_mono_ns() - began);
    return right;
}

/* Fills everything but the outputs, whether they are right, and the limit that was hit. */
static int measure_run(const struct judge_tests *run, const struct cell_result *result,
                       struct test_report *t, struct err *e)
{
    t->ran = true;
    t->duration_ms = to_ms(result->agent.wall_ns);
    t->cpu_time_ms = to_ms(result->agent.cpu_ns);
    t->memory_bytes = result->agent.oom_kills > 0 ? run->request->limits.memory_bytes
                                                  : (int64_t)result->agent.memory_bytes;
    if (fill_status(result, t, e) < 0)
        return -1;
    t->verdict = decide_verdict(run, result, t);
    return 0;
}

/* Did the first run fail because of a syntax error? 1: yes, 0: no, -1. */
static int check_syntax(struct judge_tests *run, const struct test_report *t,
                        const struct cell_result *first, struct err *e)
{
    char *const *check = run->request->program->check;
    struct cell_result result;

    /* ML too: a parser runs out of memory on a source that is nested too deep. */
    if (!check[0] || (t->verdict != VERDICT_RE && t->verdict != VERDICT_ML) || t->signal ||
        t->exit_code != run->request->program->toolchain->language->check_exit_code ||
        first->agent.oom_kills > 0)
        return 0;
    if (begin_run(run, check, NULL, false, e) < 0 || finish_oldest(run, check, &result, e) < 0)
        return -1;
    bool failed = result.agent.limit == AGENT_LIMIT_NONE && result.agent.oom_kills == 0 &&
                  WIFEXITED(result.agent.status) && WEXITSTATUS(result.agent.status) != 0;
    cell_result_clear(&result);
    return failed;
}

/* A source with a syntax error has run no statement, so stderr of the first run holds the
 * complete message. */
static int fail_build(struct judge_tests *run, struct cell_result *first, int exit_code,
                      struct err *e)
{
    if (build_log_cut(&first->err, first->err_truncated, e) < 0)
        return -1;
    judge_results_fail_build(run->results, &first->err, exit_code);
    return 0;
}

/* Appends the result of one run; none if the build has failed. */
static int take_result(struct judge_tests *run, const struct test *test, struct cell_result *result,
                       struct test_report *t, struct err *e)
{
    bool first = run->results->tests_len == 0;

    if (measure_run(run, result, t, e) < 0)
        return -1;
    int no_program = first ? check_syntax(run, t, result, e) : 0;
    if (no_program != 0)
        return no_program < 0 ? -1 : fail_build(run, result, t->exit_code, e);
    if (t->verdict == VERDICT_OK && test &&
        !is_output_right(&run->request->submission->checker, &test->expected, &result->out,
                         &t->difference))
        t->verdict = VERDICT_WA;
    t->limit_hit = limit_hit(run, result, t->verdict);
    if (judge_report_keep(&run->results->room, result, t, e) < 0)
        return -1;
    judge_results_add(run->results, t);
    return 0;
}

/* Of the oldest run. test NULL: the submission has none. */
static int finish_test(struct judge_tests *run, const struct test *test, struct err *e)
{
    struct test_report t = { .number = test ? test->number : 0 };
    struct cell_result result;

    if (finish_oldest(run, run->request->program->run, &result, e) < 0)
        return -1;
    int rc = take_result(run, test, &result, &t, e);
    cell_result_clear(&result);
    report_clear_test(&t);
    return rc;
}

static void notify_test(const struct judge_tests *run, const struct test_report *t)
{
    const struct engine_event event = { .seq = run->lease->seq,
                                        .kind = ENGINE_TESTED,
                                        .number = t->number,
                                        .duration_ms = t->duration_ms,
                                        .cpu_time_ms = t->cpu_time_ms,
                                        .memory_bytes = t->memory_bytes,
                                        .verdict = t->verdict,
                                        .exit_code = t->exit_code,
                                        .signal = t->signal };
    engine_notify(run->lease->config, &event);
}

/* Begins as many of the tests from *begun on as there is room for: at least one when none is in
 * progress. One that fails to begin ahead of its turn is begun again at its turn. */
static int begin_tests(struct judge_tests *run, size_t *begun, struct err *e)
{
    const struct submission *s = run->request->submission;

    for (; *begun < s->tests_len && judge_ahead_room(&run->ahead, s->tests_len - *begun); ++*begun)
        if (begin_run(run, run->request->program->run, &s->tests[*begun].input,
                      *begun == s->tests_len - 1, e) < 0)
            return run->ahead.runs_len > 0 ? 0 : -1;
    return 0;
}

static int run_each(struct judge_tests *run, struct err *e)
{
    const struct submission *s = run->request->submission;
    size_t begun = 0;

    for (size_t i = 0; i < s->tests_len; i++) {
        if (begin_tests(run, &begun, e) < 0 || finish_test(run, &s->tests[i], e) < 0)
            return err_wrap(e, "test %lld", (long long)s->tests[i].number);
        if (run->results->build_failed)
            return 0;
        const struct test_report *t = &run->results->tests[i];
        notify_test(run, t);
        if (t->verdict != VERDICT_OK && s->stop_on_failure)
            return 0;
    }
    return 0;
}

static int run_alone(struct judge_tests *run, struct err *e)
{
    return begin_run(run, run->request->program->run, NULL, true, e) < 0
               ? -1
               : finish_test(run, NULL, e);
}

static int uses_max(const struct lease *lease)
{
    return lease->config->cell_uses < INT32_MAX ? (int)lease->config->cell_uses : INT32_MAX;
}

void judge_tests_prefetch(struct lease *lease, const struct toolchain *toolchain,
                          const struct limits *limits)
{
    if (limits->memory_bytes != lease->config->default_memory_bytes)
        lease_prefetch(lease, &toolchain->run, toolchain_memory(toolchain, limits->memory_bytes),
                       uses_max(lease));
}

int judge_tests(struct lease *lease, const struct judge_tests_request *request,
                struct judge_results *results, struct err *e)
{
    const struct toolchain *toolchain = request->program->toolchain;
    size_t tests = request->submission->tests_len;
    struct judge_tests run = { .lease = lease, .request = request, .results = results };

    if (judge_results_open(results, tests, e) < 0)
        return -1;
    results->room = judge_report_room(lease->config, &results->build_log, tests);
    if (judge_ahead_open(&run.ahead, lease, &toolchain->run,
                         toolchain_memory(toolchain, request->limits.memory_bytes), uses_max(lease),
                         e) < 0)
        return -1;
    int rc = tests > 0 ? run_each(&run, e) : run_alone(&run, e);
    judge_ahead_close(&run.ahead);
    /* lease_end() releases the cell after the report is stored: the client does not wait until
     * it is verified clean. */
    return rc;
}
