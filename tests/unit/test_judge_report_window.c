/* What of a long output goes into its report: the start, and a window around the first difference.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/cell/cell.h"
#include "engine/engine.h"
#include "engine/judge/judge_compare.h"
#include "engine/judge/judge_report.h"
#include "schema/base/buf.h"
#include "schema/base/err.h"
#include "schema/base/text.h"
#include "schema/model/report.h"
#include "tests/support/repeated.h"

static const struct buf no_log;

static struct buf numbered_lines(int lines, int wrong)
{
    struct buf b = { .data = NULL };

    for (int i = 1; i <= lines; i++)
        assert_int_equal(buf_printf(&b, i == wrong ? "bad %d\n" : "line %d\n", i), 0);
    return b;
}

/* One test alone, whose output should have been `expected`. */
static void keep_one(int64_t kept_max, const struct buf *expected, const struct buf *got,
                     struct test_report *t)
{
    const struct engine_config c = { .report_output_bytes = kept_max, .report_bytes = 16 * MIB };
    const struct checker lines = CHECKER_INIT(CHECKER_LINES);
    const struct cell_result result = { .out = *got };
    struct judge_report_room room = judge_report_room(&c, &no_log, 1);
    struct err e;

    (void)judge_compare(&lines, expected->data, expected->len, got->data, got->len, &t->difference);
    assert_int_equal(judge_report_keep(&room, &result, t, &e), 0);
}

static void a_late_difference_has_a_window(void **state)
{
    struct buf expected = numbered_lines(100000, 0), got = numbered_lines(100000, 77777);
    struct test_report t = { .ran = true };

    (void)state;
    keep_one(64 * KIB, &expected, &got, &t);
    assert_true(t.out_truncated);
    assert_in_range(t.out.len, 48 * KIB, 64 * KIB);
    assert_memory_equal(t.out.data, "line 1\nline 2\n", 14);
    assert_non_null(t.out_gap.marker);
    char *marker = strstr(t.out.data, t.out_gap.marker);
    assert_non_null(marker);
    assert_int_equal(marker[-1], '\n');
    assert_int_equal(marker[strlen(t.out_gap.marker)], '\n');
    char *window = marker + strlen(t.out_gap.marker) + 1, first[40];
    assert_non_null(strstr(window, "line 77776\nbad 77777\nline 77778\n"));
    assert_int_equal(t.out_gap.column, 1); /* from the start of a line, and it is that line */
    (void)snprintf(first, sizeof first, "line %lld\n", (long long)t.out_gap.line);
    assert_memory_equal(window, first, strlen(first));
    (void)snprintf(first, sizeof first, "on to line %lld, column 1", (long long)t.out_gap.line);
    assert_non_null(strstr(t.out_gap.marker, first));
    assert_int_equal(t.difference.line, 77777);
    report_clear_test(&t);
    buf_clear(&expected);
    buf_clear(&got);
}

/* One line of two-byte characters: the window begins and ends with whole ones. */
static void a_long_line_has_a_window_too(void **state)
{
    struct buf expected = repeated("\xC3\xA9", 2, 1 * MIB), got = repeated("\xC3\xA9", 2, 1 * MIB);
    struct test_report t = { .ran = true };

    (void)state;
    got.data[700000] = 'x';
    got.data[700001] = 'y';
    keep_one(64 * KIB, &expected, &got, &t);
    assert_non_null(t.out_gap.marker);
    assert_true(text_is_utf8(t.out.data, t.out.len));
    assert_in_range(t.out.len, 48 * KIB, 64 * KIB);
    char *window = strstr(t.out.data, t.out_gap.marker) + strlen(t.out_gap.marker) + 1;
    const char *wrong = strstr(window, "xy");
    assert_non_null(wrong);
    assert_int_equal(t.out_gap.line, 1);
    assert_int_equal(t.out_gap.column + (wrong - window), 700001);
    report_clear_test(&t);
    buf_clear(&expected);
    buf_clear(&got);
}

static void only_a_late_difference_has_one(void **state)
{
    static const struct {
        int64_t kept_max;
        size_t len, wrong;
        bool gap;
    } rows[] = {
        { 64 * KIB, 100000, 5, false },    { 64 * KIB, 100000, 60000, false },
        { 64 * KIB, 100000, 65000, true }, { 64 * KIB, 100000, 65536, true },
        { 64 * KIB, 100000, 99999, true }, { 64 * KIB, 60000, 59999, false },
        { 64 * KIB, 65536, 65535, false }, { 64 * KIB, 65537, 65536, true },
        { 1023, 100000, 99999, false },    { 1024, 100000, 99999, true },
        { 0, 100000, 99999, false },       { 4096, 16000000, 15999999, true },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (int newlines = 0; newlines <= 1; newlines++) {
            const char *piece = newlines ? "0123456\n" : "0123456.";
            struct buf expected = repeated(piece, 8, rows[i].len);
            struct buf got = repeated(piece, 8, rows[i].len);
            struct test_report t = { .ran = true };

            got.data[rows[i].wrong] = 'X';
            keep_one(rows[i].kept_max, &expected, &got, &t);
            if (!t.out_gap.marker == rows[i].gap)
                fail_msg("row %zu: %s", i, t.out_gap.marker ? t.out_gap.marker : "no gap");
            assert_true((int64_t)t.out.len <= rows[i].kept_max);
            assert_int_equal(t.out_truncated, (int64_t)rows[i].len > rows[i].kept_max);
            if (rows[i].gap)
                assert_non_null(strchr(strstr(t.out.data, t.out_gap.marker), 'X'));
            report_clear_test(&t);
            buf_clear(&expected);
            buf_clear(&got);
        }
    }
}

/* The output ends too early: the window shows its end. */
static void a_short_output_shows_its_end(void **state)
{
    struct buf expected = numbered_lines(30000, 0), got = numbered_lines(20000, 0);
    struct test_report t = { .ran = true };

    (void)state;
    keep_one(64 * KIB, &expected, &got, &t);
    assert_non_null(t.out_gap.marker);
    assert_memory_equal(t.out.data + t.out.len - 11, "line 20000\n", 11);
    assert_int_equal(t.difference.line, 20001);
    report_clear_test(&t);
    buf_clear(&expected);
    buf_clear(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_late_difference_has_a_window),
        cmocka_unit_test(a_long_line_has_a_window_too),
        cmocka_unit_test(only_a_late_difference_has_one),
        cmocka_unit_test(a_short_output_shows_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
