/* How a report is made of results, and how much of all outputs goes into it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/cell/cell.h"
#include "engine/engine.h"
#include "engine/judge/judge_compare.h"
#include "engine/judge/judge_report.h"
#include "schema/base/buf.h"
#include "schema/base/bytes.h"
#include "schema/base/err.h"
#include "schema/model/report.h"
#include "schema/model/submission.h"
#include "tests/support/repeated.h"

static const struct buf no_log;

/* A submission with tests numbered from 1; at most 3000. */
static struct submission submission_of(size_t tests)
{
    static struct test numbered[3000];
    static char id[] = "id", language[] = "c";

    for (size_t i = 0; i < ARRAY_LEN(numbered); i++)
        numbered[i].number = (int64_t)i + 1;
    return (
        struct submission){ .id = id, .language = language, .tests = numbered, .tests_len = tests };
}

static struct report *make_report(const struct submission *s, struct judge_results *results)
{
    const struct limits limits = { .time_ms = 1000, .memory_bytes = 64 * MIB };
    struct report *r = NULL;
    struct err e;

    assert_int_equal(judge_report_make(s, &limits, results, &r, &e), 0);
    judge_results_clear(results);
    return r;
}

/* ---- the room ---- */

static size_t stored_size(const struct report *r)
{
    CLEANUP(freep) char *json = NULL;
    size_t len;
    struct err e;

    assert_int_equal(report_encode(r, &json, &len, &e), 0);
    return len;
}

/* Tests that fill both outputs with the bytes that take most room in a report, and are wrong at
 * the end of a long line. */
static struct report *filled(size_t tests, int64_t report_bytes, const char *piece,
                             size_t piece_len)
{
    const struct engine_config c = { .report_output_bytes = 64 * KIB,
                                     .report_bytes = report_bytes };
    const struct checker exact = CHECKER_INIT(CHECKER_EXACT);
    struct buf text = repeated(piece, piece_len, 100000),
               other = repeated(piece, piece_len, 100000);
    const struct cell_result result = { .out = text, .err = other };
    const struct submission s = submission_of(tests);
    struct judge_results results = { .tests = NULL };
    struct err e;

    other.data[99999] ^= 1;
    assert_int_equal(judge_results_open(&results, tests, &e), 0);
    results.room = judge_report_room(&c, &no_log, tests);
    for (size_t i = 0; i < tests; i++) {
        struct test_report t = { .number = (int64_t)i + 1, .ran = true };
        assert_false(
            judge_compare(&exact, other.data, other.len, text.data, text.len, &t.difference));
        assert_int_equal(judge_report_keep(&results.room, &result, &t, &e), 0);
        assert_true(t.out_truncated && t.err_truncated);
        judge_results_add(&results, &t);
    }
    buf_clear(&text);
    buf_clear(&other);
    return make_report(&s, &results);
}

static void a_report_stays_within_its_bytes(void **state)
{
    static const struct {
        const char *piece;
        size_t len;
    } pieces[] = { { "a", 1 }, { "\0", 1 }, { "\xFF", 1 }, { "\n", 1 }, { "\"\x01\xC3\xA9", 4 } };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        for (int64_t bytes = 1 * MIB; bytes <= 4 * MIB; bytes *= 4) {
            CLEANUP(report_freep)
            struct report *r = filled(100, bytes, pieces[i].piece, pieces[i].len);
            size_t size = stored_size(r);
            if (size > (size_t)bytes || (bytes > MIB && size < (size_t)bytes * 6 / 10))
                fail_msg("piece %zu: %zu of %lld", i, size, (long long)bytes);
        }
    }
}

static void the_first_tests_keep_all_and_the_last_their_share(void **state)
{
    CLEANUP(report_freep) struct report *r = filled(1000, 16 * MIB, "a", 1);

    (void)state;
    assert_in_range(r->tests[0].out.len, 60 * KIB, 64 * KIB);
    assert_int_equal(r->tests[0].err.len, 64 * KIB);
    assert_in_range(r->tests[999].out.len, 2 * KIB, 16 * KIB);
    assert_in_range(r->tests[999].err.len, 2 * KIB, 16 * KIB);
    assert_non_null(r->tests[999].out_gap.marker); /* the difference is still shown */
    assert_int_equal(r->out.len, r->tests[999].out.len);
    assert_int_equal(r->err.len, r->tests[999].err.len);
}

/* Room that one output does not need is for the other; room that one test does not need is for
 * the next. */
static void unused_room_is_for_others(void **state)
{
    const struct engine_config c = { .report_output_bytes = 4 * MIB, .report_bytes = 2 * MIB };
    const struct submission s = submission_of(2);
    struct buf big = repeated("a", 1, 4 * MIB), small = repeated("b", 1, 100);
    const struct cell_result runs[] = { { .out = small }, { .out = small, .err = big } };
    struct judge_results results = { .tests = NULL };
    struct err e;

    (void)state;
    assert_int_equal(judge_results_open(&results, 2, &e), 0);
    results.room = judge_report_room(&c, &no_log, 2);
    for (size_t i = 0; i < ARRAY_LEN(runs); i++) {
        struct test_report t = { .number = (int64_t)i + 1, .ran = true };
        assert_int_equal(judge_report_keep(&results.room, &runs[i], &t, &e), 0);
        judge_results_add(&results, &t);
    }
    CLEANUP(report_freep) struct report *r = make_report(&s, &results);
    assert_false(r->tests[0].out_truncated);
    assert_int_equal(r->tests[1].out.len, 100);
    assert_false(r->tests[1].out_truncated);
    assert_true(r->tests[1].err_truncated);
    assert_in_range(r->tests[1].err.len, 3 * MIB / 2, 2 * MIB);
    assert_true(stored_size(r) <= 2 * MIB);
    assert_true(r->err.len > 0);
    buf_clear(&big);
    buf_clear(&small);
}

/* More tests than there is room for: verdicts stay, texts are dropped. */
static void no_room_is_no_error(void **state)
{
    CLEANUP(report_freep) struct report *r = filled(3000, 1 * MIB, "a", 1);

    (void)state;
    assert_int_equal(r->tests[2999].out.len, 0);
    assert_int_equal(r->out.len, 0);
}

/* ---- made from results ---- */

static void add(struct judge_results *results, struct test_report t, const char *out)
{
    t.ran = true;
    assert_int_equal(bytes_copy(out, strlen(out), &t.out), 0);
    assert_int_equal(bytes_copy("", 0, &t.err), 0);
    judge_results_add(results, &t);
    assert_null(t.out.data); /* owned by the results */
}

static struct judge_results opened(size_t max)
{
    const struct engine_config c = { .report_output_bytes = 64 * KIB, .report_bytes = 16 * MIB };
    struct judge_results results = { .tests = NULL };
    struct err e;

    assert_int_equal(judge_results_open(&results, max, &e), 0);
    results.room = judge_report_room(&c, &no_log, max);
    return results;
}

/* The report has the verdict of the first test that fails and the exit code of the last one; a
 * test that did not run has only its number. */
static void the_tests_make_the_report(void **state)
{
    const struct submission s = submission_of(4);
    struct judge_results results = opened(4);
    (void)state;

    results.build_ms = 5;
    results.run_ms = 60;
    assert_int_equal(buf_printf(&results.build_log, "a warning"), 0);
    add(&results,
        (struct test_report){ .number = 1,
                              .verdict = VERDICT_OK,
                              .duration_ms = 10,
                              .cpu_time_ms = 7,
                              .memory_bytes = 3 * MIB },
        "one");
    add(&results,
        (struct test_report){ .number = 2,
                              .verdict = VERDICT_TL,
                              .duration_ms = 20,
                              .cpu_time_ms = 8,
                              .memory_bytes = 5 * MIB,
                              .exit_code = 137,
                              .signal = "SIGKILL",
                              .limit_hit = "cpu" },
        "two");
    add(&results,
        (struct test_report){ .number = 3,
                              .verdict = VERDICT_RE,
                              .duration_ms = 1,
                              .cpu_time_ms = 1,
                              .memory_bytes = MIB,
                              .exit_code = 3 },
        "");
    CLEANUP(report_freep) struct report *r = make_report(&s, &results);
    assert_true(r->ran && r->has_tests);
    assert_int_equal(r->verdict, VERDICT_TL);
    assert_string_equal(r->limit_hit, "cpu");
    assert_int_equal(r->exit_code, 3);
    assert_null(r->signal);
    assert_int_equal(r->duration_ms, 31);
    assert_int_equal(r->cpu_time_ms, 16);
    assert_int_equal(r->memory_bytes, 5 * MIB);
    assert_int_equal(r->build_ms, 5);
    assert_int_equal(r->run_ms, 60);
    assert_string_equal(r->build_log.data, "a warning");
    assert_string_equal(r->out.data, "two");
    assert_int_equal(r->tests_len, 4);
    assert_string_equal(r->tests[0].out.data, "one");
    assert_false(r->tests[3].ran);
    assert_int_equal(r->tests[3].number, 4);
    assert_int_equal(r->tests[3].verdict, VERDICT_NONE);
    assert_string_equal(r->tests[3].out.data, "");
}

/* Tests that ran before the build was found to have failed are not in the report. */
static void a_failed_build_has_no_tests(void **state)
{
    const struct submission s = submission_of(2);
    struct judge_results results = opened(2);
    struct buf log = { .data = NULL };
    (void)state;

    results.run_ms = 9;
    assert_int_equal(buf_printf(&log, "no program"), 0);
    add(&results, (struct test_report){ .number = 1, .verdict = VERDICT_RE, .exit_code = 1 }, "x");
    judge_results_fail_build(&results, &log, 2);
    assert_null(log.data); /* owned by the results */
    CLEANUP(report_freep) struct report *r = make_report(&s, &results);
    assert_int_equal(r->verdict, VERDICT_BF);
    assert_false(r->ran);
    assert_int_equal(r->exit_code, 2);
    assert_int_equal(r->duration_ms, 0);
    assert_int_equal(r->run_ms, 9);
    assert_string_equal(r->build_log.data, "no program");
    assert_string_equal(r->err.data, "no program");
    assert_string_equal(r->out.data, "");
    for (size_t i = 0; i < 2; i++) {
        assert_false(r->tests[i].ran);
        assert_int_equal(r->tests[i].verdict, VERDICT_NONE);
        assert_string_equal(r->tests[i].out.data, "");
    }
}

static void one_run_without_tests(void **state)
{
    const struct submission s = submission_of(0);
    struct judge_results results = opened(0);
    (void)state;

    add(&results,
        (struct test_report){
            .verdict = VERDICT_RE, .exit_code = 139, .signal = "SIGSEGV", .error = strdup("why") },
        "said");
    CLEANUP(report_freep) struct report *r = make_report(&s, &results);
    assert_int_equal(r->tests_len, 0);
    assert_false(r->has_tests);
    assert_int_equal(r->verdict, VERDICT_RE);
    assert_string_equal(r->signal, "SIGSEGV");
    assert_string_equal(r->out.data, "said");
    assert_string_equal(r->error, "why");
}

static void not_judged(void **state)
{
    const struct submission s = submission_of(2);
    const struct limits limits = { .time_ms = 1000, .memory_bytes = 64 * MIB };
    CLEANUP(report_freep) struct report *r = NULL;
    struct err e;
    (void)state;

    assert_int_equal(judge_report_unjudged(&s, &limits, "why", &r, &e), 0);
    assert_int_equal(r->verdict, VERDICT_NONE);
    assert_false(r->ran);
    assert_string_equal(r->error, "why");
    assert_int_equal(r->limits.time_ms, 1000);
    assert_int_equal(r->tests_len, 2);
    assert_int_equal(r->tests[1].number, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_stays_within_its_bytes),
        cmocka_unit_test(the_first_tests_keep_all_and_the_last_their_share),
        cmocka_unit_test(unused_room_is_for_others),
        cmocka_unit_test(no_room_is_no_error),
        cmocka_unit_test(the_tests_make_the_report),
        cmocka_unit_test(a_failed_build_has_no_tests),
        cmocka_unit_test(one_run_without_tests),
        cmocka_unit_test(not_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
