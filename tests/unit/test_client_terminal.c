#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/difference.h"
#include "client/term.h"
#include "schema/base/base.h"

/* What show() writes, without a terminal; utf8: as in a locale that has it. */
static char *written(bool utf8, void (*show)(const struct term *t, const void *ctx),
                     const void *ctx)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    struct term t;

    assert_non_null(f);
    term_open(f, &t);
    assert_false(t.is_tty || t.colour);
    t.utf8 = utf8;
    show(&t, ctx);
    assert_int_equal(fclose(f), 0);
    return text;
}

struct sample {
    const char *data;
    size_t len;
    const char *plain, *ascii;
};

static void show_sample(const struct term *t, const void *ctx)
{
    const struct sample *s = ctx;
    term_text(t, s->data, s->len);
}

static void nothing_commands_the_terminal(void **state)
{
#define SAMPLE(s, plain, ascii)                                                                    \
    {                                                                                              \
        s, sizeof s - 1, plain, ascii                                                              \
    }
    static const struct sample samples[] = {
        SAMPLE("plain", "plain", "plain"),
        SAMPLE("\033[31mred\033]0;t\a", "\\x1b[31mred\\x1b]0;t\\x07", "\\x1b[31mred\\x1b]0;t\\x07"),
        SAMPLE("a\0b\x7f", "a\\x00b\\x7f", "a\\x00b\\x7f"),
        SAMPLE("\n\t\r", "\\n\\t\\r", "\\n\\t\\r"),
        SAMPLE("\xc2\x9b"
               "31m",
               "\\u009b31m", "\\u009b31m"), /* CSI in one character */
        SAMPLE("\x9b"
               "31m",
               "\\x9b31m", "\\x9b31m"),               /* the same as a byte */
        SAMPLE("\xe2\x80\xae", "\\u202e", "\\u202e"), /* right to left */
        SAMPLE("\xe2\x81\xa6", "\\u2066", "\\u2066"),
        SAMPLE("\xe2\x80\xa8", "\\u2028", "\\u2028"),             /* line separator */
        SAMPLE("\xf3\xa0\x80\x81", "\\U000e0001", "\\U000e0001"), /* a tag */
        SAMPLE("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", "gr\\u00fc\\u00df"),
        SAMPLE("\xe2\x82", "\\xe2\\x82", "\\xe2\\x82"), /* cut */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        CLEANUP(freep) char *plain = written(true, show_sample, &samples[i]);
        CLEANUP(freep) char *ascii = written(false, show_sample, &samples[i]);
        assert_string_equal(plain, samples[i].plain);
        assert_string_equal(ascii, samples[i].ascii);
    }
}

static void show_difference(const struct term *t, const void *ctx)
{
    json_auto_t *test = json_loads(ctx, 0, NULL);

    assert_non_null(test);
    difference_show(t, test, "test 2");
}

#define DIFFERENCE(line, column, from, expected, got)                                              \
    "\"first_difference\":{\"line\":" #line ",\"column\":" #column ",\"from_column\":" #from       \
    ",\"expected\":\"" expected "\",\"got\":\"" got "\"}"

static void lines_stand_below_each_other(void **state)
{
    static const struct {
        const char *test, *shown;
    } cases[] = {
        { "{\"stdout\":\"a\\nb\\nc\\n1 2 4\\n\"," DIFFERENCE(4, 5, 1, "1 2 3", "1 2 4") "}",
          "test 2, line 4, column 5\n"
          "        2 | b\n"
          "        3 | c\n"
          "expected  | 1 2 3\n"
          "got       | 1 2 4\n"
          "          |     ^\n" },
        /* blanks are what differs */
        { "{\"stdout\":\"\"," DIFFERENCE(1, 2, 1, "1 2", "1  2") "}",
          "test 2, line 1, column 2\n"
          "expected  | 1\xC2\xB7"
          "2\n"
          "got       | 1\xC2\xB7\xC2\xB7"
          "2\n"
          "          |  ^\n" },
        { "{\"stdout\":\"\"," DIFFERENCE(1, 2, 1, "1", "1 \\t") "}",
          "test 2, line 1, column 2\n"
          "expected  | 1\n"
          "got       | 1\xC2\xB7\xE2\x86\x92\n"
          "          |  ^\n" },
        /* wide and spelled characters before it */
        { "{\"stdout\":\"\"," DIFFERENCE(1, 5, 1, "\xE4\xB8\xAD\\u001bx",
                                         "\xE4\xB8\xAD\\u001by") "}",
          "test 2, line 1, column 5\n"
          "expected  | \xE4\xB8\xAD\\x1bx\n"
          "got       | \xE4\xB8\xAD\\x1by\n"
          "          |       ^\n" },
        /* a window into a long line, behind a gap */
        { "{\"stdout\":\"a\\nb\\n\",\"stdout_gap\":{\"line\":9,\"column\":1,\"marker\":\"m\"}"
          "," DIFFERENCE(3, 102, 100, "abc", "abd") "}",
          "test 2, line 3, column 102 (the part around it)\n"
          "expected  | abc\n"
          "got       | abd\n"
          "          |   ^\n" },
        { "{\"stdout\":\"\"," DIFFERENCE(1, 1, 1, "x", "") "}", "test 2, line 1, column 1\n"
                                                                "expected  | x\n"
                                                                "got       | \n"
                                                                "          | ^\n" },
        { "{\"first_difference\":null}", "" },
        { "{\"stdout\":\"\"," DIFFERENCE(1, 1, 2, "x", "y") "}", "" }, /* no answer of a scrc */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(freep) char *shown = written(true, show_difference, cases[i].test);
        assert_string_equal(shown, cases[i].shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_commands_the_terminal),
        cmocka_unit_test(lines_stand_below_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
