/* tests/unit/test_judge_compare_difference.c - where an output differs first, and the window round
 * it that a report shows. */
#include <stdlib.h>
#include <string.h>

#include "engine/judge/judge_compare.h"
#include "schema/base/base.h"
#include "schema/base/text.h"
#include "tests/support/assert_err.h"

enum { L = CHECKER_LINES, X = CHECKER_EXACT, T = CHECKER_TOKENS, F = CHECKER_FLOAT };

static struct checker checker_of(int kind)
{
    return (struct checker)CHECKER_INIT((enum checker_kind)kind);
}

/* Where it is too long to be shown whole: UTF-8 of at most REPORT_DIFFERENCE_MAX bytes, both from
 * one column, with what differs in it. */
static void test_windows(void **state)
{
    static const struct {
        const char *piece; /* of which the line is made */
        size_t len, wrong; /* in bytes */
        int64_t from_column;
    } rows[] = {
        { "a", 5000, 64, 1 },
        { "a", 5000, 65, 2 },
        { "a", 5000, 3000, 2937 },
        { "a", 256, 255, 1 }, /* all of it can be shown */
        { "a", 257, 256, 193 },
        { "\xc3\xa9", 5000, 3000, 2937 },
        { "\xc3\xa9", 5000, 3001, 2939 },     /* the second byte of a character */
        { "\xe2\x82\xac", 6000, 3000, 2938 }, /* 2936 is in the middle of one */
        { "\xf0\x9f\x98\x80", 6000, 3003, 2941 },
        { "\xff", 5000, 3000, 2937 }, /* not one character */
        { "\xff", 200, 199, 136 },    /* 200 bytes, but shown they are 600 */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (int kind = 0; kind < CHECKER_NONE; kind++) {
            struct checker c = checker_of(kind);
            struct first_difference d = { 0 };
            size_t len = rows[i].len, n = strlen(rows[i].piece);
            char *e = malloc(len + 10), *g = malloc(len + 10);
            assert_true(e && g);
            memcpy(e, "head\n", 5);
            for (size_t k = 0; k < len; k++)
                e[5 + k] = rows[i].piece[k % n];
            memcpy(g, e, len + 5);
            g[5 + rows[i].wrong] = n == 1 ? 'Z' : (char)(g[5 + rows[i].wrong] ^ 1);
            assert_false(judge_compare(&c, e, len + 5, g, len + 5, &d));
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
            assert_int_equal(mended, rows[i].piece[0] == '\xFF'); /* else characters are whole */
            free(d.expected.data);
            free(d.got.data);
            free(e);
            free(g);
        }
    }
}

/* 256 bytes end within a character here, and what is left of it is no character of its own. */
static void test_window_ends_with_a_character(void **state)
{
    const struct checker c = CHECKER_INIT(CHECKER_LINES);
    struct first_difference d = { 0 };
    char e[401], g[401];

    (void)state;
    for (size_t i = 0; i < 400; i++)
        e[1 + i] = "\xf0\x9f\x98\x80"[i % 4];
    memcpy(g, e, sizeof g);
    e[0] = 'a';
    g[0] = 'b';
    assert_false(judge_compare(&c, e, sizeof e, g, sizeof g, &d));
    assert_int_equal(d.expected.len, 253);
    assert_int_equal(d.got.len, 253);
    assert_memory_equal(d.got.data, g, 253);
    free(d.expected.data);
    free(d.got.data);
}

struct difference_case {
    int kind;
    const char *expected, *got;
    int64_t line, column;
    const char *says_expected, *says_got;
}; /* short ones: they begin with the line, or the word */

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
        struct checker c = checker_of(t->kind);
        struct first_difference d = { 0 };
        assert_false(
            judge_compare(&c, t->expected, strlen(t->expected), t->got, strlen(t->got), &d));
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

static void test_bytes(void **state)
{
    (void)state;
    static const char e[] = "a\0b \xff\n", g[] = "a\0c \xff\n";
    for (int kind = 0; kind < CHECKER_NONE; kind++) { /* it is never wrong */
        struct checker c = checker_of(kind);
        struct first_difference d = { 0 };
        assert_true(judge_compare(&c, e, sizeof e - 1, e, sizeof e - 1, &d));
        assert_false(judge_compare(&c, e, sizeof e - 1, g, sizeof g - 1, &d));
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
    for (int kind = 0; kind < CHECKER_NONE; kind++) { /* it is never wrong */
        struct checker c = checker_of(kind);
        struct first_difference d = { 0 };
        assert_false(judge_compare(&c, e, sizeof e, g, sizeof g, &d));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_differences), cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_cut),         cmocka_unit_test(test_window_ends_with_a_character),
        cmocka_unit_test(test_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
