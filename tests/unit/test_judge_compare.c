/* Comparing outputs: what passes, and where the first difference is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/judge/judge_compare.h"
#include "schema/base/base.h"
#include "schema/base/text.h"

enum { L = CHECKER_LINES, X = CHECKER_EXACT, T = CHECKER_TOKENS, F = CHECKER_FLOAT };

static struct checker checker_of(int kind)
{
    return (struct checker)CHECKER_INIT((enum checker_kind)kind);
}

struct check_case {
    int kind;
    bool passes;
    const char *expected, *got;
};

static const struct check_case cases[] = {
    { X, true, "", "" },
    { X, true, "a\nb\n", "a\nb\n" },
    { X, false, "a\n", "a" },
    { X, false, "a", "a\n" },
    { X, false, "a\n", "a\r\n" },
    { X, false, "A", "a" },
    { X, false, "", "\n" },

    { L, true, "", "" },
    { L, true, "", "\n\n \t\n" },
    { L, true, " \n", "" },
    { L, true, "12\n", "12" },
    { L, true, "12", "12\n\n\n" },
    { L, true, "1 2\n3\n", "1 2  \n3\t\r\n" },
    { L, true, "1\r\n2\r\n", "1\n2\n" },
    { L, true, "a\n\nb", "a\n \nb\n" },
    { L, false, "1 2", "1  2" },
    { L, false, "1", " 1" },
    { L, false, "a\nb", "a\n\nb" },
    { L, false, "a\nb", "a" },
    { L, false, "a", "a\nb" },
    { L, false, "", "x" },
    { L, false, "x", "" },
    { L, false, "Yes", "yes" },
    { L, false, "a", "a\n\n\nb" },

    { T, true, "1 2\n3\n", "1\n2\n3" },
    { T, true, "", " \n\t" },
    { T, true, "a b", "\v\fa\r\n b  " },
    { T, false, "1 2", "12" },
    { T, false, "1 2", "1" },
    { T, false, "1", "1 2" },
    { T, false, "1.0", "1" },
    { T, false, "Yes", "YES" },

    { F, true, "1.0", "1" },
    { F, true, "1", "1.0000009" },
    { F, true, "1", "0.99999905" },
    { F, false, "1", "1.0000011" },
    { F, true, "1000000", "1000000.9" },
    { F, false, "1000000", "1000001.1" },
    { F, true, "0", "0.0000009" },
    { F, false, "0", "0.0000011" },
    { F, true, "0", "-0" },
    { F, true, "-.5", "-5e-1" },
    { F, true, "5.", "5" },
    { F, true, "+7", "7" },
    { F, true, "1e3", "1000" },
    { F, true, "1E+3", "1000" },
    { F, false, "1e3", "1e" },
    { F, false, "1", "-1" },
    { F, false, "-1.0", "1" },
    { F, false, "1e999", "5" },
    { F, false, "5", "1e999" },
    { F, false, "1", "1x" },
    { F, false, "1", "" },
    { F, false, "1", "." },
    { F, false, "1", "-" },
    { F, false, "1", "--1" },
    { F, false, "1", "1,0" },
    { F, false, "8", "0x8" },
    { F, false, "8", "0x1p3" },
    { F, true, "0x8", "0x8" },
    { F, false, "0x8", "8" },
    { F, true, "x 1 y", "x 1.0 y" },
    { F, false, "x 1", "X 1" },
    { F, true, "nan", "-NaN" },
    { F, true, "NaN", "+nan" },
    { F, false, "nan", "nan(1)" },
    { F, false, "nan", "1" },
    { F, false, "1", "nan" },
    { F, false, "0", "nan" },
    { F, true, "inf", "+Infinity" },
    { F, true, "-inf", "-INF" },
    { F, false, "inf", "-inf" },
    { F, false, "inf", "nan" },
    { F, false, "inf", "1e999" },
    { F, false, "1e308", "inf" },
    { F, false, "1e308", "1e999" },
    { F, true, "1e999999999999999999999", "1e999999999999999999999" },
    { F, false, "1e999", "1e1000" },
    { F, true, "0", "1e-999999999999999999999" },
    { F, true, "0", "0e999999999999999999999" },
    { F, true, "12345678901234567890123456789", "12345678901234567890123456788" },
    { F, true, "0.1", "0.1000000000000000055511151231257827021181583404541015625" },
    { F, true, "123456789.987654321", "123456789987654321e-9" },
    { F, true, "1e28", "10000000000000000000000000000" },
    { F, false, "1e28", "10001000000000000000000000000" },
    { F, true, "4.9e-324", "0" },
    { F, false,
      "\xc2\xa0"
      "1",
      "1" },
};

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct checker checker = checker_of(cases[i].kind);
        struct first_difference d = { 0 };
        bool passes = judge_compare(&checker, cases[i].expected, strlen(cases[i].expected),
                                    cases[i].got, strlen(cases[i].got), &d);
        if (passes != cases[i].passes || d.present == passes)
            fail_msg("%s: \"%s\" and \"%s\": %d", checker_kind_name(checker.kind),
                     cases[i].expected, cases[i].got, passes);
        free(d.expected.data);
        free(d.got.data);
    }
}

/* Only the tolerance that is given counts. */
static void test_tolerances(void **state)
{
    static const double none = CHECKER_NOT_GIVEN;
    static const struct {
        double absolute, relative;
        const char *expected, *got;
        bool passes;
    } rows[] = {
        { none, none, "1000000", "1000000.9", true },
        { none, none, "0", "0.0000009", true },
        { 1e-9, none, "1000000", "1000000.9", false },
        { 1e-9, none, "1000000", "1000000.0000000005", true },
        { 1e-9, none, "0", "0.0000009", false },
        { 0.5, none, "1000000", "1000000.4", true },
        { 0.5, none, "1000000", "1000000.6", false },
        { none, 1e-9, "0", "0.0000009", false },
        { none, 1e-9, "1000000", "1000000.0009", true },
        { none, 1e-9, "1000000", "1000000.002", false },
        { none, 0, "1", "1.0", true },
        { 0, none, "1", "1.0", true },
        { 0, none, "0", "1e-300", false },
        { none, 0, "0", "1e-300", false },
        { 0, 1e-6, "1000000", "1000000.9", true },
        { 1e-6, 0, "1000000", "1000000.9", false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct checker checker = { .kind = CHECKER_FLOAT,
                                         .case_sensitive = true,
                                         .absolute_tolerance = rows[i].absolute,
                                         .relative_tolerance = rows[i].relative };
        struct first_difference d = { 0 };
        if (judge_compare(&checker, rows[i].expected, strlen(rows[i].expected), rows[i].got,
                          strlen(rows[i].got), &d) != rows[i].passes)
            fail_msg("row %zu", i);
        free(d.expected.data);
        free(d.got.data);
    }
}

static void test_none_takes_anything(void **state)
{
    const struct checker checker = CHECKER_INIT(CHECKER_NONE);
    struct first_difference d = { 0 };

    (void)state;
    assert_true(judge_compare(&checker, "", 0, "\xff\0x", 3, &d));
    assert_true(judge_compare(&checker, "1\n", 2, "", 0, &d));
    assert_false(d.present);
}

/* A line too long for the report: UTF-8 of at most REPORT_DIFFERENCE_MAX bytes, both from the
 * same column, with the difference in it. */
static void test_windows(void **state)
{
    static const struct {
        const char *piece; /* the line repeats it */
        size_t len, wrong; /* in bytes */
        int64_t from_column;
    } rows[] = {
        { "a", 5000, 64, 1 },
        { "a", 5000, 65, 2 },
        { "a", 5000, 3000, 2937 },
        { "a", 256, 255, 1 }, /* the whole line fits */
        { "a", 257, 256, 193 },
        { "\xc3\xa9", 5000, 3000, 2937 },
        { "\xc3\xa9", 5000, 3001, 2939 },     /* the second byte of a character */
        { "\xe2\x82\xac", 6000, 3000, 2938 }, /* 2936 is in the middle of a character */
        { "\xf0\x9f\x98\x80", 6000, 3003, 2941 },
        { "\xff", 5000, 3000, 2937 }, /* no valid UTF-8 */
        { "\xff", 200, 199, 136 },    /* 200 bytes, but 600 as UTF-8 */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (int kind = 0; kind < CHECKER_NONE; kind++) {
            struct checker checker = checker_of(kind);
            struct first_difference d = { 0 };
            size_t len = rows[i].len, n = strlen(rows[i].piece);
            char *e = malloc(len + 10), *g = malloc(len + 10);
            assert_true(e && g);
            memcpy(e, "head\n", 5);
            for (size_t k = 0; k < len; k++)
                e[5 + k] = rows[i].piece[k % n];
            memcpy(g, e, len + 5);
            g[5 + rows[i].wrong] = n == 1 ? 'Z' : (char)(g[5 + rows[i].wrong] ^ 1);
            assert_false(judge_compare(&checker, e, len + 5, g, len + 5, &d));
            bool words = kind == T || kind == F;
            assert_int_equal(d.line, 2);
            assert_int_equal(d.column, words ? 1 : rows[i].wrong + 1);
            if (d.from_column != rows[i].from_column)
                fail_msg("row %zu: from %ld", i, (long)d.from_column);
            assert_int_equal(d.got_offset, 5 + rows[i].wrong);
            assert_true(d.expected.len <= REPORT_DIFFERENCE_MAX);
            assert_true(d.got.len <= REPORT_DIFFERENCE_MAX);
            assert_true(text_is_utf8(d.expected.data, d.expected.len));
            assert_true(text_is_utf8(d.got.data, d.got.len));
            assert_string_not_equal(d.expected.data, d.got.data);
            bool mended =
                strstr(d.expected.data, "\xEF\xBF\xBD") || strstr(d.got.data, "\xEF\xBF\xBD");
            assert_int_equal(mended,
                             rows[i].piece[0] == '\xFF'); /* else all characters are whole */
            free(d.expected.data);
            free(d.got.data);
            free(e);
            free(g);
        }
    }
}

/* 256 bytes end within a character; its first bytes are not shown as a replacement character. */
static void test_window_ends_with_a_character(void **state)
{
    const struct checker checker = CHECKER_INIT(CHECKER_LINES);
    struct first_difference d = { 0 };
    char e[401], g[401];

    (void)state;
    for (size_t i = 0; i < 400; i++)
        e[1 + i] = "\xf0\x9f\x98\x80"[i % 4];
    memcpy(g, e, sizeof g);
    e[0] = 'a';
    g[0] = 'b';
    assert_false(judge_compare(&checker, e, sizeof e, g, sizeof g, &d));
    assert_int_equal(d.expected.len, 253);
    assert_int_equal(d.got.len, 253);
    assert_memory_equal(d.got.data, g, 253);
    free(d.expected.data);
    free(d.got.data);
}

/* README: only the case of ASCII letters is ignored. */
static void test_letter_case_beyond_ascii(void **state)
{
    (void)state;
    for (int kind = 0; kind < CHECKER_NONE; kind++) {
        struct checker checker = checker_of(kind);
        struct first_difference d = { 0 };
        checker.case_sensitive = false;
        assert_false(
            judge_compare(&checker, "\xc3\x89", 2, "\xc3\xa9", 2, &d)); /* E and e, acute */
        free(d.expected.data);
        free(d.got.data);
    }
}

struct difference_case {
    int kind;
    const char *expected, *got;
    int64_t line, column;
    const char *says_expected, *says_got;
}; /* short ones: from the start of the line or word */

static const struct difference_case differences[] = {
    { X, "ab\ncd\n", "ab\nce\n", 2, 2, "cd", "ce" },
    { X, "ab\n", "ab", 1, 3, "ab", "ab" },
    { X, "", "x", 1, 1, "", "x" },
    { X, "a\nb", "a\n", 2, 1, "b", "" },
    { X, "a\nb", "a\n\nb", 2, 1, "b", "" },
    { L, "1\n2\n3\n", "1\n2\n4\n", 3, 1, "3", "4" },
    { L, "1\n2\n", "1\n", 2, 1, "2", "" },
    { L, "1\n", "1\n2\n", 2, 1, "", "2" },
    { L, "abc  \n", "abd\t\n", 1, 3, "abc", "abd" },
    { L, "abc", "ab  ", 1, 3, "abc", "ab" },
    { L, "a\nb", "a\n\nb", 2, 1, "b", "" },
    { L, "", "x", 1, 1, "", "x" },
    { L, "a", "a\n\nb", 3, 1, "", "b" },
    { L, "a\n\nb", "a", 3, 1, "b", "" },
    { L, "\xc3\xa4x", "\xc3\xa4y", 1, 3, "\xc3\xa4x", "\xc3\xa4y" },
    { T, "1 2 3", "1\n 2 4", 2, 4, "3", "4" },
    { T, "1 2", "1 ", 1, 3, "2", "" },
    { T, "1", "1\n\n  22", 3, 3, "", "22" },
    { F, "1.0 2.0", "1 2.5", 1, 3, "2.0", "2.5" },
};

static void test_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof differences / sizeof *differences; i++) {
        const struct difference_case *t = &differences[i];
        struct checker checker = checker_of(t->kind);
        struct first_difference d = { 0 };
        assert_false(
            judge_compare(&checker, t->expected, strlen(t->expected), t->got, strlen(t->got), &d));
        if (d.line != t->line || d.column != t->column ||
            strcmp(d.expected.data, t->says_expected) || strcmp(d.got.data, t->says_got))
            fail_msg("case %zu: %ld:%ld \"%s\" \"%s\"", i, (long)d.line, (long)d.column,
                     d.expected.data, d.got.data);
        bool words = t->kind == T || t->kind == F;
        assert_int_equal(d.from_column, words ? t->column : 1);
        assert_int_equal(d.expected.len, strlen(t->says_expected));
        free(d.expected.data);
        free(d.got.data);
    }
}

static void test_letter_case(void **state)
{
    (void)state;
    for (int kind = 0; kind < CHECKER_NONE; kind++) { /* NONE passes all */
        struct checker checker = checker_of(kind);
        struct first_difference d = { 0 };
        checker.case_sensitive = false;
        assert_true(judge_compare(&checker, "YES Zz\n", 7, "yes zZ\n", 7, &d));
        assert_false(judge_compare(&checker, "YES\n@", 5, "yes\n`", 5, &d)); /* 0x40 and 0x60 */
        assert_int_equal(d.line, 2);
        assert_int_equal(d.column, 1);
        free(d.expected.data);
        free(d.got.data);
    }
}

static void test_bytes(void **state)
{
    (void)state;
    static const char e[] = "a\0b \xff\n", g[] = "a\0c \xff\n";
    for (int kind = 0; kind < CHECKER_NONE; kind++) { /* NONE passes all */
        struct checker checker = checker_of(kind);
        struct first_difference d = { 0 };
        assert_true(judge_compare(&checker, e, sizeof e - 1, e, sizeof e - 1, &d));
        assert_false(judge_compare(&checker, e, sizeof e - 1, g, sizeof g - 1, &d));
        assert_memory_equal(d.expected.data, "a\0b", 3);
        free(d.expected.data);
        free(d.got.data);
    }
}

static void test_cut(void **state)
{
    (void)state;
    char e[1000], g[1000];
    memset(e, 'a', sizeof e);
    memset(g, 'a', sizeof g);
    g[999] = 'b';
    for (int kind = 0; kind < CHECKER_NONE; kind++) { /* NONE passes all */
        struct checker checker = checker_of(kind);
        struct first_difference d = { 0 };
        assert_false(judge_compare(&checker, e, sizeof e, g, sizeof g, &d));
        bool words = kind == T || kind == F;
        assert_int_equal(d.column, words ? 1 : 1000);
        assert_int_equal(d.from_column, 1000 - 64);
        assert_int_equal(d.got_offset, 999);
        assert_int_equal(d.expected.len, 65);
        assert_int_equal(d.got.len, 65);
        assert_int_equal(d.expected.data[64], 'a');
        assert_int_equal(d.got.data[64], 'b');
        free(d.expected.data);
        free(d.got.data);
    }
}

/* Texts of 8 MB that a simple implementation is slow with, different in the last byte, under
 * every checker. */
static int64_t cpu_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* Nanoseconds to compare `size` bytes that repeat piece, the last one different. */
static int64_t cost(int kind, const char *piece, size_t size)
{
    size_t len = strlen(piece);
    char *e = malloc(size), *g = malloc(size);
    struct checker checker = checker_of(kind);
    struct first_difference d = { 0 };

    assert_non_null(e);
    assert_non_null(g);
    for (size_t i = 0; i < size; i++)
        e[i] = g[i] = piece[i % len];
    e[size - 1] = '3';
    g[size - 1] = '4';
    for (size_t i = 0; len > 1 && i + len < size; i += len)
        g[i] = g[i] == '1' ? '+' : g[i]; /* so no token is equal byte by byte */
    int64_t start = cpu_ns();
    (void)judge_compare(&checker, e, size, g, size, &d);
    int64_t ns = cpu_ns() - start;
    free(d.expected.data);
    free(d.got.data);
    free(e);
    free(g);
    return ns;
}

/* Eight times the bytes take about eight times as long; in a quadratic checker it would be 64
 * times. Measured as CPU time of the process, so that a busy host does not matter. */
static void test_linear(void **state)
{
    static const char *const pieces[] = { "\n",  " ",   "1 ",
                                          "7",   "0.",  "1e9999999 ",
                                          "a\n", " \n", "1234567890.12345678901234567890123 " };
    enum { SIZE = 256 << 10 };
    (void)state;

    for (size_t p = 0; p < ARRAY_LEN(pieces); p++) {
        for (int kind = 0; kind < CHECKER_NONE; kind++) { /* NONE passes all */
            int64_t small = cost(kind, pieces[p], SIZE), large = cost(kind, pieces[p], 8 * SIZE);
            if (large > 24 * small + 20 * NS_PER_MS)
                fail_msg("%s, pieces \"%s\": %ld us, then %ld us", checker_kind_name(kind),
                         pieces[p], (long)(small / 1000), (long)(large / 1000));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_differences),
        cmocka_unit_test(test_letter_case),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_tolerances),
        cmocka_unit_test(test_none_takes_anything),
        cmocka_unit_test(test_window_ends_with_a_character),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_letter_case_beyond_ascii),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
