/* A report that is too large for its topic: what is removed, in which order, and how it is marked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "bridge/publish/truncate.h"
#include "schema/base/err.h"

static char *long_text(size_t len)
{
    char *text = malloc(len + 1);

    assert_non_null(text);
    memset(text, 'x', len);
    text[len] = '\0';
    return text;
}

/* A report with `tests` tests whose texts have these lengths. */
static char *report(int tests, size_t out, size_t in)
{
    char *o = long_text(out), *i = long_text(in);
    json_t *list = json_array();

    for (int n = 1; n <= tests; n++)
        (void)json_array_append_new(
            list,
            json_pack("{s:i s:s s:s s:s s:s s:s s:b s:b s:n s:n s:{s:i s:s} s:s}", "number", n,
                      "status", "OK", "stdout", o, "stderr", "", "input", i, "expected_output", i,
                      "stdout_truncated", 0, "stderr_truncated", 0, "stdout_base64",
                      "stderr_base64", "first_difference", "line", 1, "got", "g", "error", ""));
    json_t *root = json_pack("{s:s s:s s:s s:s s:s s:o s:s s:{s:s}}", "id", "a", "status", "OK",
                             "stdout", o, "stderr", "", "error", "", "tests", list, "build_log", "",
                             "produced_by", "build", "cc -O2");
    char *json = json_dumps(root, JSON_COMPACT);
    assert_non_null(json);
    json_decref(root);
    free(o);
    free(i);
    return json;
}

static json_t *truncate_to(const char *json, size_t max)
{
    char *shorter = NULL;
    size_t len = 0;
    struct err e = { 0 };

    if (truncate_report(json, strlen(json), max, &shorter, &len, &e) < 0)
        fail_msg("%s", e.msg);
    assert_true(len <= max);
    assert_int_equal(strlen(shorter), len);
    json_t *root = json_loads(shorter, 0, NULL);
    assert_non_null(root);
    free(shorter);
    return root;
}

static const char *text_of(const json_t *root, const char *name)
{
    return json_string_value(json_object_get(root, name));
}

static json_t *first_test(const json_t *root)
{
    return json_array_get(json_object_get(root, "tests"), 0);
}

static void outputs_are_cut_first(void **state)
{
    char *json = report(2, 50000, 500);
    json_t *root = truncate_to(json, 30000), *test = first_test(root);
    (void)state;

    assert_int_equal(strlen(text_of(test, "stdout")), 4096);
    assert_true(json_is_true(json_object_get(test, "stdout_truncated")));
    assert_true(json_is_false(json_object_get(test, "stderr_truncated")));
    assert_int_equal(strlen(text_of(test, "input")), 500);
    assert_string_equal(text_of(root, "error"), ""); /* *_truncated marks it */
    json_decref(root);
    free(json);
}

static void inputs_are_cut_next_with_a_note(void **state)
{
    char *json = report(2, 100, 50000);
    json_t *root = truncate_to(json, 12000), *test = first_test(root);
    (void)state;

    assert_string_equal(text_of(test, "stdout"), "");
    assert_int_equal(strlen(text_of(test, "input")), 1024);
    assert_non_null(strstr(text_of(root, "error"), "cut to fit"));
    assert_string_equal(text_of(root, "status"), "OK");
    json_decref(root);
    free(json);
}

static void tests_are_removed_last(void **state)
{
    char *json = report(1000, 10, 10);
    json_t *root = truncate_to(json, 20000);
    (void)state;

    size_t left = json_array_size(json_object_get(root, "tests"));
    assert_in_range(left, 20, 200);
    assert_int_equal(json_integer_value(json_object_get(first_test(root), "number")), 1);
    assert_string_equal(text_of(root, "id"), "a");
    json_decref(root);
    free(json);
}

/* produced_by is removed first. */
static void produced_by_is_removed_first(void **state)
{
    char *json = report(1, 100, 100);
    json_t *root = truncate_to(json, strlen(json) - 4), *test = first_test(root);
    (void)state;

    assert_string_equal(text_of(json_object_get(root, "produced_by"), "build"), "");
    assert_int_equal(strlen(text_of(test, "stdout")), 100);
    assert_int_equal(strlen(text_of(test, "input")), 100);
    assert_string_equal(text_of(root, "error"), "");
    json_decref(root);
    free(json);
}

/* Id and result fit into a very small limit. */
static void id_and_result_are_kept(void **state)
{
    static const struct {
        size_t max, members;
        bool own_error;
    } rows[] = { { 190, 8, true }, { 140, 4, true }, { 90, 4, false } };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *full = json_pack("{s:s s:s s:s s:s s:s s:s s:s s:[{s:s}] s:{s:s} s:s s:n s:s}",
                                 "id", "a", "status", "WA", "verdict", "RE", "stdout", "xxx",
                                 "stderr", "yyy", "error", "why it is so", "build_log", "z",
                                 "tests", "stdout", "xxx", "produced_by", "image", "i", "timestamp",
                                 "2026-01-01T00:00:00Z", "limits", "signal", "SIGABRT");
        char *json = json_dumps(full, JSON_COMPACT);
        json_t *root = truncate_to(json, rows[i].max);
        assert_int_equal(json_object_size(root), rows[i].members);
        assert_string_equal(text_of(root, "id"), "a");
        assert_string_equal(text_of(root, "status"), "WA");
        assert_string_equal(text_of(root, "verdict"), "RE");
        assert_non_null(strstr(text_of(root, "error"), "cut to fit"));
        assert_int_equal(!strstr(text_of(root, "error"), "why"), !rows[i].own_error);
        json_decref(root);
        json_decref(full);
        free(json);
    }
}

static void a_report_without_tests_has_a_note(void **state)
{
    char *json = report(0, 50000, 0);
    json_t *root = truncate_to(json, 3000);
    (void)state;

    assert_int_equal(strlen(text_of(root, "stdout")), 1024);
    assert_non_null(strstr(text_of(root, "error"), "cut to fit"));
    json_decref(root);
    free(json);
}

/* A cut text loses its *_base64 member. */
static void base64_is_removed_with_its_text(void **state)
{
    char *o = long_text(40000);
    json_t *root = json_pack("{s:s s:s s:s s:[{s:s s:s s:b}] s:s s:{}}", "id", "a", "stdout", "?",
                             "error", "broken", "tests", "stdout", "short", "stdout_base64", o,
                             "stdout_truncated", 0, "build_log", "", "produced_by");
    char *json = json_dumps(root, JSON_COMPACT);
    (void)state;

    json_decref(root);
    root = truncate_to(json, 2000);
    assert_true(json_is_null(json_object_get(first_test(root), "stdout_base64")));
    assert_true(json_is_true(json_object_get(first_test(root), "stdout_truncated")));
    assert_string_equal(text_of(root, "error"), "broken");
    json_decref(root);
    free(json);
    free(o);
}

/* stdout_gap stays as long as its marker is in stdout. */
static void a_gap_is_removed_with_its_marker(void **state)
{
    static const size_t sizes[] = { 30000, 8000, 1500 };
    char *o = long_text(20000), *rest = long_text(10000), *out = NULL;
    (void)state;

    memcpy(o + 5000, "\n[gap]\n", 7);
    assert_true(asprintf(&out, "%s%s", o, rest) > 0);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        json_t *root =
            json_pack("{s:s s:s s:s s:[{s:s s:b s:{s:s s:i s:i}}] s:{}}", "id", "a", "stdout", "",
                      "error", "", "tests", "stdout", out, "stdout_truncated", 1, "stdout_gap",
                      "marker", "[gap]", "line", 9, "column", 1, "produced_by");
        char *json = json_dumps(root, JSON_COMPACT);
        json_decref(root);
        root = truncate_to(json, sizes[i]);
        const char *text = text_of(first_test(root), "stdout");
        const json_t *gap = json_object_get(first_test(root), "stdout_gap");
        assert_int_equal(json_is_null(gap), !strstr(text, "[gap]"));
        assert_int_equal(json_is_null(gap), i > 0);
        json_decref(root);
        free(json);
    }
    free(out);
    free(rest);
    free(o);
}

static void no_room_is_an_error(void **state)
{
    char *json = report(1, 10, 10), *shorter = NULL;
    size_t len;
    struct err e = { 0 };
    (void)state;

    assert_int_equal(truncate_report(json, strlen(json), 20, &shorter, &len, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    assert_null(shorter);
    free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_are_cut_first),
        cmocka_unit_test(inputs_are_cut_next_with_a_note),
        cmocka_unit_test(tests_are_removed_last),
        cmocka_unit_test(produced_by_is_removed_first),
        cmocka_unit_test(id_and_result_are_kept),
        cmocka_unit_test(a_report_without_tests_has_a_note),
        cmocka_unit_test(base64_is_removed_with_its_text),
        cmocka_unit_test(a_gap_is_removed_with_its_marker),
        cmocka_unit_test(no_room_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
