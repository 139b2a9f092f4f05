/* One submission from its source to its report: plan, build, run and trial on the real pool and
 * bench, with a Docker of the test's own whose programs do what a table says. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "engine/build/build_outcome.h"
#include "engine/build/toolchain.h"
#include "engine/cell/cell.h"
#include "engine/docker/docker.h"
#include "engine/judge/judge.h"
#include "engine/language/language.h"
#include "engine/pool/lease.h"
#include "engine/pool/pool.h"
#include "schema/base/clock.h"
#include "schema/model/report.h"
#include "schema/model/submission.h"
#include "tests/support/assert_err.h"
#include "tests/support/fake_docker.h"
#include "tests/support/fake_pool.h"

/* What a source does; found by its text. */
struct program {
    const char *source;
    const char *out, *err;
    int exit_code, signal, exec_errno;
    uint32_t limit, oom_kills, pids_hits;
    int64_t memory_bytes;
    bool echo;                     /* prints its input */
    const char *lost_on;           /* with this input the runtime does not start */
    const char *log_out, *log_err; /* of its build, NULL: "" */
    int build_exit;                /* not 0: the build fails */
    int check_exit;                /* of the syntax check */
    int build_errno;
    enum agent_collected collected; /* 0: AGENT_COLLECTED */
};

static char long_log[256 * 1024]; /* filled with one letter */

static const struct program programs[] = {
    { .source = "right", .out = "6\n" },
    { .source = "wrong", .out = "7\n" },
    { .source = "echoes", .echo = true },
    { .source = "exits", .out = "6\n", .exit_code = 3 },
    { .source = "crashes", .signal = SIGSEGV },
    { .source = "spins", .limit = AGENT_LIMIT_CPU, .signal = SIGKILL },
    { .source = "sleeps", .limit = AGENT_LIMIT_WALL, .signal = SIGKILL },
    { .source = "eats", .oom_kills = 1, .signal = SIGKILL },
    { .source = "forks", .exit_code = 1, .pids_hits = 3 },
    { .source = "forks, wrong", .out = "7\n", .pids_hits = 3 },
    { .source = "forks, right", .out = "6\n", .pids_hits = 3 },
    { .source = "forks, spins", .limit = AGENT_LIMIT_CPU, .signal = SIGKILL, .pids_hits = 3 },
    { .source = "fat", .out = "6\n", .memory_bytes = 65 * MIB },
    { .source = "odd", .exec_errno = ENOEXEC },
    { .source = "bad", .build_exit = 1, .log_out = "on stdout", .log_err = "on stderr" },
    { .source = "warns", .out = "6\n", .log_err = "a warning" },
    { .source = "chatters", .build_exit = 1, .log_out = long_log, .log_err = "the error is here" },
    { .source = "shouts", .build_exit = 1, .log_out = long_log, .log_err = long_log },
    { .source = "leaves nothing", .collected = AGENT_COLLECTED_MISSING },
    { .source = "too big", .collected = AGENT_COLLECTED_TOO_BIG },
    { .source = "no compiler", .build_errno = ENOENT },
    { .source = "syntax", .exit_code = 1, .err = "SyntaxError", .check_exit = 1 },
    { .source = "fails to parse", .exit_code = 255, .err = "SyntaxError", .check_exit = 1 },
    { .source = "gets lost", .echo = true, .lost_on = "b" },
    { .source = "raises", .exit_code = 1, .err = "ValueError", .check_exit = 0 },
};

static const struct program *find(const char *source)
{
    for (size_t i = 0; i < ARRAY_LEN(programs); i++)
        if (strcmp(programs[i].source, source) == 0)
            return &programs[i];
    return NULL; /* hello of the self-test, or none */
}

static void answer_build(struct fake_run *r, const struct program *p)
{
    r->out = p->log_out;
    r->err = p->log_err;
    r->status = p->build_exit << 8;
    r->exec_errno = p->build_errno;
    r->collected = p->collected ? p->collected : AGENT_COLLECTED;
}

static void on_run(struct fake_run *r)
{
    const struct program *p = find(r->source);
    const char *second = r->argv0 + strlen(r->argv0) + 1;

    if (!p)
        return;
    if (r->order->collect != AGENT_COLLECT_NONE) {
        answer_build(r, p);
        return;
    }
    bool check = r->order->argc > 1 && strcmp(second, "-c") == 0;
    r->out = check ? "" : p->echo ? r->input : p->out;
    r->err = p->err;
    r->status = check ? p->check_exit << 8 : p->signal ? p->signal : p->exit_code << 8;
    r->exec_errno = p->lost_on && strcmp(r->input, p->lost_on) == 0 ? ENOENT : p->exec_errno;
    r->limit = p->limit;
    r->oom_kills = p->oom_kills;
    r->pids_hits = p->pids_hits;
    r->cpu_ns = p->limit == AGENT_LIMIT_CPU ? 2 * NS_PER_S : 7 * NS_PER_MS;
    r->memory_bytes = p->memory_bytes ? p->memory_bytes : MIB;
}

/* ---- */

static struct place {
    struct language_table *languages;
    struct pool *pool;
    struct lease lease;
    struct toolchain *c, *python;
    char events[200];
} place;

static void on_event(void *ctx, const struct engine_event *event)
{
    static const char *const names[] = { "builds ", "runs ", "tested " };
    (void)ctx;
    assert_int_equal(event->seq, 5);
    (void)strncat(place.events, names[event->kind], sizeof place.events - strlen(place.events) - 1);
}

static int open_place(void **state)
{
    place = (struct place){ .pool = NULL };
    memset(long_log, 'x', sizeof long_log - 1);
    if (fake_open(state) < 0)
        return -1;
    fake.on_run = on_run;
    fake.config.on_event = on_event;
    place.pool = fake_pool(2);
    ASSERT_OK(language_table_open(NULL, NULL, 0, &place.languages, e));
    ASSERT_OK(lease_init(&place.lease, &fake.config, &fake.cell_host, e));
    place.c = fake_plan(place.languages, "c", place.pool);
    place.python = fake_plan(place.languages, "python", place.pool);
    return 0;
}

static int close_place(void **state)
{
    lease_clear(&place.lease);
    place.pool = pool_stop(place.pool);
    (void)toolchain_free(place.c);
    (void)toolchain_free(place.python);
    place.languages = language_table_free(place.languages);
    return fake_close(state);
}
#define ON_PLACE(test) cmocka_unit_test_setup_teardown(test, open_place, close_place)

static struct bytes bytes_of(const char *text)
{
    return (struct bytes){ .data = (char *)(uintptr_t)text, .len = strlen(text) };
}

static int judge(const struct toolchain *toolchain, const char *source, struct test *tests,
                 size_t len, struct report **ret_report, struct err *e)
{
    struct submission s = { .language = (char *)(uintptr_t)toolchain->language->name,
                            .source = { .files = &(struct source_file){ .bytes = bytes_of(source) },
                                        .len = 1 },
                            .checker = { .kind = CHECKER_LINES, .case_sensitive = true },
                            .stop_on_failure = true,
                            .tests = tests,
                            .tests_len = len };

    place.events[0] = '\0';
    lease_begin(&place.lease, place.pool, 5);
    int rc = judge_submission(&place.lease, toolchain, &s, ret_report, e);
    lease_end(&place.lease);
    return rc;
}

/* The report with one test that expects a 6. The caller owns it. */
static struct report *report_on(const struct toolchain *toolchain, const char *source)
{
    struct test test = { .number = 1, .input = bytes_of("1 2 3"), .expected = bytes_of("6") };
    struct report *r = NULL;
    ASSERT_OK(judge(toolchain, source, &test, 1, &r, e));
    return r;
}

static void verdicts(void **state)
{
    (void)state;
    static const struct {
        const char *source;
        enum verdict verdict;
        int exit_code;
    } cases[] = {
        { "right", VERDICT_OK, 0 },   { "wrong", VERDICT_WA, 0 },
        { "exits", VERDICT_RE, 3 },   { "crashes", VERDICT_RE, 139 },
        { "spins", VERDICT_TL, 137 }, { "sleeps", VERDICT_TL, 137 },
        { "eats", VERDICT_ML, 137 },  { "fat", VERDICT_ML, 0 },
        { "odd", VERDICT_RE, 126 },   { "bad", VERDICT_BF, 1 },
        { "warns", VERDICT_OK, 0 },   { "leaves nothing", VERDICT_BF, 1 },
        { "too big", VERDICT_BF, 1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(report_freep) struct report *r = report_on(place.c, cases[i].source);
        if (r->verdict != cases[i].verdict || r->exit_code != cases[i].exit_code)
            fail_msg("%s: %s, exit code %d", cases[i].source, verdict_name(r->verdict),
                     r->exit_code);
        assert_int_equal(r->tests_len, 1);
        assert_int_equal(r->tests[0].number, 1);
        assert_int_equal(r->tests[0].verdict, r->verdict == VERDICT_BF ? VERDICT_NONE : r->verdict);
        assert_true(r->timestamp_ms > 0);
        assert_string_equal(r->produced_by.version, "test");
        assert_string_equal(r->produced_by.run, "./main");
    }
}

static void which_limit_was_hit(void **state)
{
    static const struct {
        const char *source, *hit;
    } cases[] = {
        { "right", "" },        { "wrong", "" },           { "exits", "" },
        { "spins", "cpu" },     { "sleeps", "wall" },      { "eats", "memory" },
        { "fat", "memory" },    { "forks", "processes" },  { "forks, wrong", "processes" },
        { "forks, right", "" }, { "forks, spins", "cpu" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(report_freep) struct report *r = report_on(place.c, cases[i].source);
        const char *hit = r->limit_hit ? r->limit_hit : "";
        const char *of_test = r->tests[0].limit_hit ? r->tests[0].limit_hit : "";
        if (strcmp(hit, cases[i].hit) != 0 || strcmp(of_test, cases[i].hit) != 0)
            fail_msg("%s: %s, of the test %s", cases[i].source, hit, of_test);
    }
}

static void events_on_the_way(void **state)
{
    (void)state;
    struct report *r = report_on(place.c, "right");
    assert_string_equal(place.events, "builds runs tested ");
    (void)report_free(r);
    r = report_on(place.c, "bad");
    assert_string_equal(place.events, "builds ");
    (void)report_free(r);
    r = report_on(place.python, "right");
    assert_string_equal(place.events, "runs tested ");
    (void)report_free(r);
}

static void tests_in_order(void **state)
{
    (void)state;
    struct test tests[] = {
        { .number = 4, .input = bytes_of("a"), .expected = bytes_of("a") },
        { .number = 5, .input = bytes_of("b"), .expected = bytes_of("c") },
        { .number = 6, .input = bytes_of("d"), .expected = bytes_of("d") },
    };
    static const enum verdict want[] = { VERDICT_OK, VERDICT_WA, VERDICT_NONE };
    CLEANUP(report_freep) struct report *r = NULL;
    ASSERT_OK(judge(place.c, "echoes", tests, 3, &r, e));
    assert_int_equal(r->verdict, VERDICT_WA);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(r->tests[i].number, tests[i].number);
        assert_int_equal(r->tests[i].verdict, want[i]);
        assert_int_equal(r->tests[i].ran, want[i] != VERDICT_NONE);
    }
    assert_int_equal(r->cpu_time_ms, 2 * 7);
    assert_int_equal(r->memory_bytes, MIB);
    assert_string_equal(r->out.data, "b");
}

static void without_tests(void **state)
{
    (void)state;
    struct report *r = NULL;
    ASSERT_OK(judge(place.c, "wrong", NULL, 0, &r, e)); /* nothing to compare with */
    assert_int_equal(r->verdict, VERDICT_OK);
    assert_string_equal(r->out.data, "7\n");
    assert_int_equal(r->tests_len, 0);
    (void)report_free(r);
    ASSERT_OK(judge(place.c, "odd", NULL, 0, &r, e));
    assert_int_equal(r->verdict, VERDICT_RE);
    assert_non_null(strstr(r->error, "could not be started"));
    (void)report_free(r);
}

static void a_syntax_error_is_no_program(void **state)
{
    (void)state;
    struct report *r = report_on(place.python, "syntax");
    assert_int_equal(r->verdict, VERDICT_BF);
    assert_string_equal(r->build_log.data, "SyntaxError");
    assert_int_equal(r->tests[0].verdict, VERDICT_NONE);
    (void)report_free(r);
    r = report_on(place.python, "fails to parse"); /* not the check_exit_code of the language */
    assert_int_equal(r->verdict, VERDICT_RE);
    (void)report_free(r);
    for (size_t i = 0; i < place.languages->len; i++)
        place.languages->rows[i].check_exit_code = 255;
    r = report_on(place.python, "fails to parse");
    assert_int_equal(r->verdict, VERDICT_BF);
    assert_int_equal(r->exit_code, 255);
    (void)report_free(r);
    r = report_on(place.python, "raises");
    assert_int_equal(r->verdict, VERDICT_RE);
    assert_string_equal(r->tests[0].err.data, "ValueError");
    (void)report_free(r);
}

/* Output of a compiler on stdout does not hide its output on stderr. */
static void both_streams_are_in_the_log(void **state)
{
    (void)state;
    struct report *r = report_on(place.c, "bad");
    assert_string_equal(r->build_log.data, "on stdouton stderr");
    (void)report_free(r);

    r = report_on(place.c, "chatters");
    const char *log = r->build_log.data, *note = strstr(log, "\nscrc: the rest of stdout");
    assert_non_null(strstr(log, "the error is here"));
    assert_true(note && note < strstr(log, "the error is here"));
    assert_true(note - log > BUILD_LOG_MAX - 200); /* stdout has what stderr does not need */
    (void)report_free(r);

    r = report_on(place.c, "shouts");
    log = r->build_log.data;
    note = strstr(log, "\nscrc: the rest of stdout");
    assert_in_range(note - log, BUILD_LOG_MAX / 2 - 100, BUILD_LOG_MAX / 2);
    assert_non_null(strstr(note, "xxxx"));
    assert_non_null(strstr(note, "scrc: the rest of the log is cut off"));
    assert_in_range(r->build_log.len, BUILD_LOG_MAX - 100, BUILD_LOG_MAX + 200);
    (void)report_free(r);
}

/* A fault of ours is an error and no report; the stage is in the lease. */
static void faults_of_ours(void **state)
{
    struct test test = { .number = 1, .input = bytes_of(""), .expected = bytes_of("") };
    struct report *r = NULL;
    (void)state;

    ASSERT_ERR(ERR_CELL, judge(place.c, "no compiler", &test, 1, &r, e));
    assert_int_equal(place.lease.stage, LEASE_USES);
    ASSERT_ERR(ERR_CELL, judge(place.python, "odd", &test, 1, &r, e));
    assert_int_equal(place.lease.stage, LEASE_USES);
    assert_null(r);
}

/* A run that is aborted makes no report, whatever its first tests gave. */
static void a_run_cut_short_has_no_report(void **state)
{
    struct test tests[] = {
        { .number = 1, .input = bytes_of("a"), .expected = bytes_of("a") },
        { .number = 2, .input = bytes_of("b"), .expected = bytes_of("b") },
    };
    struct report *r = NULL;
    (void)state;

    ASSERT_ERR(ERR_CELL, judge(place.python, "gets lost", tests, 2, &r, e));
    assert_string_equal(place.events, "runs tested ");
    assert_null(r);
}

static void internal_error(void **state)
{
    struct test tests[] = { { .number = 3 }, { .number = 9 } };
    struct submission s = { .language = (char *)(uintptr_t) "c",
                            .source = { .files = &(struct source_file){ .bytes = bytes_of("x") },
                                        .len = 1 },
                            .tests = tests,
                            .tests_len = 2 };
    CLEANUP(report_freep) struct report *r = NULL;
    (void)state;

    ASSERT_OK(judge_internal_error(&place.lease, place.c, &s, "could not be judged", &r, e));
    assert_int_equal(r->verdict, VERDICT_NONE);
    assert_false(r->ran);
    assert_string_equal(r->error, "could not be judged");
    assert_int_equal(r->tests[1].number, 9);
    assert_int_equal(r->tests[1].verdict, VERDICT_NONE);
    assert_false(r->tests[0].ran);
}

/* ---- toolchain ---- */

static void a_toolchain_needs_its_images(void **state)
{
    struct toolchain *toolchain = NULL;
    CLEANUP(docker_freep) struct docker *d = NULL;
    (void)state;

    ASSERT_OK(docker_open(fake.host, &d, e));
    fake_refuse("GET", "/images/gcc:14/", 404, -1, NULL);
    ASSERT_ERR(ERR_IMAGE, toolchain_make(place.c->language, d, &fake.config, &toolchain, e));
    fake_refuse("GET", "/images/gcc:14/", 404, 0, NULL);
    fake_refuse("GET", "/images/alpine:3.20/", 404, -1, NULL);
    ASSERT_ERR(ERR_IMAGE, toolchain_make(place.c->language, d, &fake.config, &toolchain, e));
    assert_null(toolchain);
}

static void what_a_toolchain_knows(void **state)
{
    const struct toolchain *c = place.c, *python = place.python;
    (void)state;

    assert_string_equal(c->build_image, "sha256:gcc:14");
    assert_string_equal(c->images, "gcc:14@sha256:gcc:14, alpine:3.20@sha256:alpine:3.20");
    assert_null(python->build_image);
    assert_int_equal(python->build.number, -1);
    assert_string_equal(c->build_env[0], "PATH=/bin");
    assert_int_equal(toolchain_memory(c, 64 * MIB), 64 * MIB + c->memory_overhead);
    assert_int_equal(toolchain_memory(c, 1), CELL_MEMORY_MIN);
    assert_true(c->run.number >= 0 && c->run.number != c->build.number);
}

static int64_t idle_cells(void)
{
    struct pool_stats s;
    pool_stats(place.pool, &s);
    return s.idle;
}

/* An image was replaced: the classes of the new toolchain are filled, those of the old one are
 * emptied and stay empty. */
static void a_replaced_toolchain_keeps_no_cells(void **state)
{
    (void)state;
    FAKE_UNTIL(idle_cells() == 3); /* two of C and one of Python */
    fake_image("sha256:new");
    struct toolchain *next = fake_plan(place.languages, "python", place.pool);
    assert_int_not_equal(next->run.number, place.python->run.number);
    toolchain_remove_classes(place.python, place.pool);
    FAKE_AWAIT(fake.removed == 1);
    FAKE_UNTIL(idle_cells() == 3);

    /* With the old toolchain a cell can still be acquired, but it is not released into the pool. */
    struct report *r = report_on(place.python, "right");
    assert_int_equal(r->verdict, VERDICT_OK);
    (void)report_free(r);
    FAKE_AWAIT(fake.removed == 2);
    FAKE_UNTIL(idle_cells() == 3);
    assert_int_equal(fake_count(&fake.created), 5);

    /* The same image again: the same class. */
    fake_image(NULL);
    struct toolchain *again = fake_plan(place.languages, "python", place.pool);
    assert_int_equal(again->run.number, place.python->run.number);
    FAKE_UNTIL(idle_cells() == 4);
    (void)toolchain_free(next);
    (void)toolchain_free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_PLACE(verdicts),
        ON_PLACE(which_limit_was_hit),
        ON_PLACE(events_on_the_way),
        ON_PLACE(tests_in_order),
        ON_PLACE(without_tests),
        ON_PLACE(a_syntax_error_is_no_program),
        ON_PLACE(both_streams_are_in_the_log),
        ON_PLACE(faults_of_ours),
        ON_PLACE(a_run_cut_short_has_no_report),
        ON_PLACE(internal_error),
        ON_PLACE(a_toolchain_needs_its_images),
        ON_PLACE(what_a_toolchain_knows),
        ON_PLACE(a_replaced_toolchain_keeps_no_cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
