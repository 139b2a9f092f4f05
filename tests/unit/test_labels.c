/* tests/unit/test_labels.c - labels of a submission: which are legal, their text, what a filter
 * finds in it. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/text.h"
#include "schema/model/labels.h"
#include "schema/model/submission.h"
#include "tests/support/assert_err.h"
#include "tests/support/sample.h"

#define NAME_63 "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc"
#define VALUE_85                                                                                   \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234"
#define VALUE_255 VALUE_85 VALUE_85 VALUE_85

static void labels_have_one_text(void **state)
{
    static const struct {
        const char *sent, *text;
    } rows[] = {
        { "null", NULL },
        { "{}", NULL },
        { "{\"a\":null}", NULL },
        { "{\"a\":\"\"}", "{\"a\":\"\"}" },
        { "{\"b\":\"2\",\"a\":\"1\",\"c\":null}", "{\"a\":\"1\",\"b\":\"2\"}" },
        { "{\"Team/x.y-z_0\":\"\\u00e9 /\\\"\\\\\"}", "{\"Team/x.y-z_0\":\"\xC3\xA9 /\\\"\\\\\"}" },
        { "{\"" NAME_63 "\":\"" VALUE_255 "\"}", "{\"" NAME_63 "\":\"" VALUE_255 "\"}" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char more[500];
        (void)snprintf(more, sizeof more, ",\"labels\":%s", rows[i].sent);
        struct submission *s = sample_with(more);
        assert_string_equal(s->labels ? s->labels : "none", rows[i].text ? rows[i].text : "none");
        submission_free(s);
    }
}

static void a_wrong_label_is_named(void **state)
{
    static const struct {
        const char *labels, *pointer;
    } rows[] = {
        { "[]", "/labels" },
        { "\"a:b\"", "/labels" },
        { "{\"course\":7}", "/labels/course" },
        { "{\"course\":{}}", "/labels/course" },
        { "{\"course\":\"a\\nb\"}", "/labels/course" },
        { "{\"course\":\"a\\u0000b\"}", "/labels/course" },
        { "{\"course\":\"\\u0085\"}", "/labels/course" },
        { "{\"course\":\"" VALUE_255 "x\"}", "/labels/course" },
        { "{\"\":\"x\"}", "/labels/" },
        { "{\"a b\":\"x\"}", "/labels/a b" },
        { "{\"a:b\":\"x\"}", "/labels/a:b" },
        { "{\".a\":\"x\"}", "/labels/.a" },
        { "{\"/a\":\"x\"}", "/labels/~1a" },
        { "{\"\\u00e9\":\"x\"}", "/labels/\xC3\xA9" },
        { "{\"x" NAME_63 "\":\"x\"}", "/labels/x" NAME_63 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char json[500];
        (void)snprintf(json, sizeof json, "{\"language\":\"c\",\"source\":\"x\",\"labels\":%s}",
                       rows[i].labels);
        sample_assert_error(json, rows[i].pointer);
    }
}

static void sixteen_labels_are_most(void **state)
{
    char json[600];

    (void)state;
    for (int most = 16; most <= 17; most++) {
        int n = snprintf(json, sizeof json, "{\"language\":\"c\",\"source\":\"x\",\"labels\":{");
        for (int i = 0; i < most; i++)
            n += snprintf(json + n, sizeof json - (size_t)n, "%s\"l%d\":\"\"", i ? "," : "", i);
        (void)snprintf(json + n, sizeof json - (size_t)n, "}}");
        if (most == 16)
            submission_free(sample_parse(json));
        else
            sample_assert_error(json, "/labels");
    }
}

/* The bound on a text with labels that are as long as they can be. */
static void no_text_is_longer(void **state)
{
    json_auto_t *labels = json_object();
    char value[256] = "";

    (void)state;
    memset(value, '"', 255);
    for (int i = 0; i < LABELS_MAX; i++) {
        char name[80];
        (void)snprintf(name, sizeof name, "%.61s%02d", NAME_63, i);
        (void)json_object_set_new(labels, name, json_string(value));
    }
    json_auto_t *sent =
        json_pack("{s:s,s:s,s:O}", "language", "c", "source", "x", "labels", labels);
    CLEANUP(freep) char *json = json_dumps(sent, 0);
    struct submission *s = sample_parse(json);
    assert_in_range(strlen(s->labels), LABELS_TEXT_MAX - 100, LABELS_TEXT_MAX);
    submission_free(s);
}

static void a_filter_finds_the_whole_label_only(void **state)
{
    static const struct {
        const char *labels, *wanted;
        bool found;
    } rows[] = {
        { "{\"a\":\"1\",\"b\":\"2\"}", "a:1", true },
        { "{\"a\":\"1\",\"b\":\"2\"}", "b:2", true },
        { "{\"a\":\"1\",\"b\":\"2\"}", "a:2", false },
        { "{\"a\":\"1\",\"b\":\"2\"}", "a:", false },
        { "{\"a\":\"\"}", "a:", true },
        { "{\"a\":\"12\"}", "a:1", false },
        { "{\"aa\":\"1\"}", "a:1", false },
        { "{\"a\":\"x:y\"}", "a:x:y", true },
        { "{\"a\":\"A\"}", "a:a", false },
        { "{\"a\":\"\\\"\\\\\"}", "a:\"\\", true },
        { "{\"a\":\"\\\"\\\\\"}", "a:\"", false },
        { "{\"a\":\"\\\\\\\"x\"}", "a:\\", false },
        /* a value that looks like a label */
        { "{\"a\":\"x\\\"b\\\":\\\"2\"}", "b:2", false },
        { "{\"a\":\"\\\"b\\\":\\\"2\\\"\"}", "b:2", false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char more[200];
        struct labels_wanted w;
        struct err e = { 0 };
        (void)snprintf(more, sizeof more, ",\"labels\":%s", rows[i].labels);
        struct submission *s = sample_with(more);
        print_message("    %s in %s\n", rows[i].wanted, s->labels);
        assert_int_equal(labels_wanted_read(rows[i].wanted, &w, &e), 0);
        assert_string_equal(w.label, rows[i].wanted);
        assert_int_equal(labels_have(s->labels, strlen(s->labels), &w), rows[i].found);
        labels_wanted_clear(&w);
        submission_free(s);
    }
}

static void what_is_no_label_is_refused(void **state)
{
    static const char *const rows[] = { "",
                                        "a",
                                        ":",
                                        ":b",
                                        "a b:c",
                                        "-a:b",
                                        "a\n:b",
                                        "a:\n",
                                        "a:\xFF",
                                        "\xC3\xA9:x",
                                        "a:\x7F",
                                        "x" NAME_63 ":",
                                        "a:" VALUE_255 "x" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct labels_wanted w;
        struct err e = { 0 };
        assert_int_equal(labels_wanted_read(rows[i], &w, &e), -1);
        assert_int_equal(e.kind, ERR_INPUT);
        assert_true(strlen(e.msg) > 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_have_one_text),
        cmocka_unit_test(a_wrong_label_is_named),
        cmocka_unit_test(sixteen_labels_are_most),
        cmocka_unit_test(no_text_is_longer),
        cmocka_unit_test(a_filter_finds_the_whole_label_only),
        cmocka_unit_test(what_is_no_label_is_refused),
    };
    return text_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
