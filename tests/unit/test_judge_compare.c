/* tests/unit/test_judge_compare.c - checkers: what passes and what does not, and what it costs. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/judge/judge_compare.h"
#include "schema/base/base.h"
#include "schema/base/clock.h"
#include "tests/support/assert_err.h"

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

/* README: ASCII letters alone are folded. */
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

/* 8 MB of what hurts a careless reader, one byte apart at the end, under every checker. */
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
        cmocka_unit_test(test_letter_case),
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_tolerances),
        cmocka_unit_test(test_none_takes_anything),
        cmocka_unit_test(test_letter_case_beyond_ascii),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
