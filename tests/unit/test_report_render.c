/* tests/unit/test_report_render.c - a stored report as it is shown: texts from the submission,
 * views, fields. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/err.h"
#include "schema/model/report.h"
#include "tests/support/assert_err.h"
#include "tests/support/report_json.h"

#define R "\xEF\xBF\xBD"

/* ---- size ---- */

static const char *text_of(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

/* ---- rendering ---- */

static const struct test sent[] = {
    { .number = 1, .input = LITERAL("1 2\n"), .expected = LITERAL("3\n") },
    { .number = 2, .input = LITERAL("\0\xFF\""), .expected = LITERAL("") },
};

/* A report whose own texts look like the members that rendering changes. */
static char *stored_report(enum verdict v, size_t tests_len, size_t *ret_len)
{
    struct bytes trap = LITERAL("\",\"status\":\"RE\",\"input\":\"\",\"tests\":[],{}[]\\");
    struct test_report tests[] = {
        { .number = 1, .verdict = VERDICT_RE, .ran = true, .out = trap, .err = trap },
        { .number = 2, .verdict = VERDICT_OL, .ran = true },
    };
    char id[] = "\"tests\":[]";
    const struct report r = { .id = id,
                              .verdict = v,
                              .ran = true,
                              .out = trap,
                              .err = trap,
                              .tests = tests,
                              .tests_len = tests_len };
    char *json;
    struct err e;

    assert_int_equal(report_encode(&r, &json, ret_len, &e), 0);
    return json;
}

static json_t *render(const char *stored, size_t len, const struct report_view *view,
                      size_t tests_len)
{
    struct submission s = { .tests_len = tests_len };
    CLEANUP(freep) char *json = NULL;
    size_t json_len;
    struct err e;

    s.tests = malloc(sizeof sent);
    assert_non_null(s.tests);
    memcpy(s.tests, sent, sizeof sent); /* a read beyond tests_len would be found */
    struct report_view lending = *view;
    lending.submission = &s;
    assert_int_equal(report_render(stored, len, &lending, &json, &json_len, &e), 0);
    free(s.tests);
    return report_load(json, json_len);
}

static void the_place_in_a_trace_is_found(void **state)
{
#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    struct bytes trap = LITERAL("\"traceparent\":\"" TRACE "\"");
    struct report r = { .verdict = VERDICT_OK, .ran = true, .out = trap };
    static const char of_an_earlier_version[] = "{\"id\":\"1\",\"tests\":[]}";
    char out[TRACEPARENT_SIZE];
    struct err e;

    (void)state;
    for (int with = 0; with <= 1; with++) {
        CLEANUP(freep) char *json = NULL;
        size_t len;
        if (with)
            memcpy(r.traceparent, TRACE, sizeof TRACE);
        assert_int_equal(report_encode(&r, &json, &len, &e), 0);
        assert_int_equal(report_traceparent(json, len, out), with);
        assert_string_equal(out, with ? TRACE : "");
        const char *member = strstr(json, "\"traceparent\":\"" TRACE);
        if (with) /* cut off in it */
            assert_false(report_traceparent(json, (size_t)(member - json) + 40, out));
    }
    assert_false(report_traceparent(of_an_earlier_version, sizeof of_an_earlier_version - 1, out));
}

static void statuses_by_view(void **state)
{
    static const struct {
        enum verdict verdict;
        enum status_set set;
        size_t tests;
        const char *status, *first, *second;
    } rows[] = {
        { VERDICT_RE, STATUS_SET_FULL, 2, "RE", "RE", "OL" },
        { VERDICT_RE, STATUS_SET_BY_EDGE, 2, "RE", "RE", "OL" },
        { VERDICT_RE, STATUS_SET_SCRC, 2, "WA", "WA", "WA" },
        { VERDICT_RE, STATUS_SET_SCRC, 0, "OK", NULL, NULL },
        { VERDICT_OL, STATUS_SET_SCRC, 0, "WA", NULL, NULL },
        { VERDICT_TL, STATUS_SET_SCRC, 0, "TL", NULL, NULL },
        { VERDICT_NONE, STATUS_SET_SCRC, 2, "-", "WA", "WA" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int io = 0; io <= 1; io++) {
            const struct report_view view = { .set = rows[i].set, .test_io = io };
            size_t len;
            CLEANUP(freep) char *stored = stored_report(rows[i].verdict, rows[i].tests, &len);
            json_t *before = report_load(stored, len),
                   *got = render(stored, len, &view, rows[i].tests);
            const json_t *tests = json_object_get(got, "tests");

            assert_string_equal(text_of(got, "status"), rows[i].status);
            assert_string_equal(text_of(got, "verdict"), verdict_name(rows[i].verdict));
            if (io || rows[i].tests == 0)
                assert_string_equal(text_of(got, "stdout"), text_of(before, "stdout"));
            assert_int_equal(json_array_size(tests), rows[i].tests);
            if (rows[i].tests > 0) {
                assert_string_equal(text_of(json_array_get(tests, 0), "status"), rows[i].first);
                assert_string_equal(text_of(json_array_get(tests, 0), "verdict"), "RE");
                assert_string_equal(text_of(json_array_get(tests, 1), "status"), rows[i].second);
            }
            /* with the status and the texts put back, nothing else has changed */
            assert_int_equal(
                json_object_set_new(got, "status", json_string(verdict_name(rows[i].verdict))), 0);
            assert_int_equal(json_object_set(got, "tests", json_object_get(before, "tests")), 0);
            if (!io && rows[i].tests > 0) { /* these are left out then */
                assert_int_equal(json_object_set(got, "stdout", json_object_get(before, "stdout")),
                                 0);
                assert_int_equal(json_object_set(got, "stderr", json_object_get(before, "stderr")),
                                 0);
            }
            assert_true(json_equal(got, before));
            json_decref(got);
            json_decref(before);
        }
    }
}

static void test_texts_come_from_the_submission(void **state)
{
    const struct report_view hidden = { .set = STATUS_SET_SCRC }, shown = { .test_io = true };
    size_t len;
    CLEANUP(freep) char *stored = stored_report(VERDICT_RE, 2, &len);
    json_t *got = render(stored, len, &shown, 2);
    const json_t *tests = json_object_get(got, "tests"), *second = json_array_get(tests, 1);

    (void)state;
    assert_string_equal(text_of(json_array_get(tests, 0), "input"), "1 2\n");
    assert_string_equal(text_of(json_array_get(tests, 0), "expected_output"), "3\n");
    assert_int_equal(json_string_length(json_object_get(second, "input")), 5);
    assert_memory_equal(text_of(second, "input"), "\0" R "\"", 6);
    assert_string_equal(text_of(second, "expected_output"), "");
    json_decref(got);

    got = render(stored, len, &hidden, 2);
    assert_string_equal(text_of(json_array_get(json_object_get(got, "tests"), 0), "input"), "");
    json_decref(got);

    got = render(stored, len, &shown, 1); /* fewer tests than reports: no read beyond them */
    tests = json_object_get(got, "tests");
    assert_string_equal(text_of(json_array_get(tests, 0), "input"), "1 2\n");
    assert_int_equal(json_string_length(json_object_get(json_array_get(tests, 1), "input")), 0);
    json_decref(got);
}

/* REPORT_TEST_IO=0: a program can print its input, and the first difference is the answer. */
static void hidden_texts_are_nowhere(void **state)
{
    static const char *const fields[] = { "stderr", "stdout_base64", "tests", NULL };
    struct test_report tests[] = {
        { .number = 1,
          .verdict = VERDICT_WA,
          .ran = true,
          .exit_code = 3,
          .out = LITERAL("SECRET\xFF"),
          .err = LITERAL("SECRET\xFE"),
          .out_truncated = true,
          .out_gap = { .marker = (char[]){ "SECRET" }, .line = 1, .column = 2 },
          .difference = { .present = true,
                          .line = 1,
                          .column = 1,
                          .expected = LITERAL("SECRET"),
                          .got = LITERAL("SECRET") } },
    };
    struct report r = { .verdict = VERDICT_WA,
                        .ran = true,
                        .out = LITERAL("SECRET\xFF"),
                        .err = LITERAL("SECRET\xFE"),
                        .build_log = LITERAL("warning"),
                        .tests = tests,
                        .tests_len = 1 };

    (void)state;
    for (int set = STATUS_SET_BY_EDGE; set <= STATUS_SET_SCRC; set++) {
        for (int narrow = 0; narrow <= 1; narrow++) {
            const struct report_view view = { .set = (enum status_set)set,
                                              .fields = narrow ? fields : NULL };
            size_t len;
            char *stored = NULL;
            struct err e;
            assert_int_equal(report_encode(&r, &stored, &len, &e), 0);
            json_t *got = render(stored, len, &view, 1);
            const json_t *test = json_array_get(json_object_get(got, "tests"), 0);
            CLEANUP(freep) char *all = json_dumps(got, 0);
            if (strstr(all, "SECRET") || strstr(all, "U0VDUkVU"))
                fail_msg("%s", all);
            assert_int_equal(json_object_size(got), narrow ? 3 : 27);
            assert_string_equal(text_of(got, "stderr"), "");
            assert_string_equal(text_of(test, "verdict"), "WA");
            assert_int_equal(json_integer_value(json_object_get(test, "exit_code")), 3);
            assert_true(json_is_true(json_object_get(test, "stdout_truncated")));
            json_decref(got);
            free(stored);
        }
    }
}

/* Texts that no test's program printed are shown: a compiler's, and a run without tests. */
static void what_is_no_test_is_not_hidden(void **state)
{
    static const char *const only[] = { "stderr", NULL };
    const struct report_view view = { .set = STATUS_SET_FULL, .fields = only };
    struct test_report none[] = { { .number = 1 } };

    (void)state;
    for (int tests = 0; tests <= 1; tests++) {
        const struct report r = { .verdict = tests ? VERDICT_BF : VERDICT_RE,
                                  .err = LITERAL("words"),
                                  .tests = none,
                                  .tests_len = (size_t)tests };
        size_t len;
        char *stored = NULL;
        struct err e;
        assert_int_equal(report_encode(&r, &stored, &len, &e), 0);
        json_t *got = render(stored, len, &view, (size_t)tests);
        assert_string_equal(text_of(got, "stderr"), "words");
        json_decref(got);
        free(stored);
    }
}

static void without_a_submission_texts_stay_empty(void **state)
{
    const struct report_view view = { .test_io = true };
    size_t len, got_len;
    CLEANUP(freep) char *stored = stored_report(VERDICT_RE, 2, &len);
    CLEANUP(freep) char *got = NULL;
    struct err e;

    (void)state;
    assert_int_equal(report_render(stored, len, &view, &got, &got_len, &e), 0);
    assert_int_equal(got_len, len);
    assert_string_equal(got, stored);
}

static void fields_narrow(void **state)
{
    static const char *const some[] = { "tests", "id", "nothing", "status", NULL };
    static const char *const none[] = { "sta", "statuses", NULL };
    struct report_view view = { .set = STATUS_SET_SCRC, .test_io = true, .fields = some };
    size_t len;
    CLEANUP(freep) char *stored = stored_report(VERDICT_RE, 2, &len);
    json_t *got = render(stored, len, &view, 2);

    (void)state;
    assert_int_equal(json_object_size(got), 3);
    assert_string_equal(text_of(got, "status"), "WA");
    assert_string_equal(text_of(got, "id"), "\"tests\":[]");
    assert_string_equal(text_of(json_array_get(json_object_get(got, "tests"), 0), "input"),
                        "1 2\n");
    json_decref(got);

    view.fields = none;
    got = render(stored, len, &view, 2);
    assert_int_equal(json_object_size(got), 0);
    json_decref(got);
}

static void damaged_reports_are_our_fault(void **state)
{
    const struct report_view view = { .set = STATUS_SET_SCRC };
    size_t len, got_len = 7;
    CLEANUP(freep) char *stored = stored_report(VERDICT_RE, 2, &len);
    char *got = NULL;

    (void)state;
    for (size_t n = 0; n < len; n++) {
        CLEANUP(freep)
        char *part = malloc(n > 0 ? n : 1); /* a block of its own, so that overruns are found */
        struct err e = { 0 };
        assert_non_null(part);
        memcpy(part, stored, n);
        if (report_render(part, n, &view, &got, &got_len, &e) == 0)
            fail_msg("cut at %zu of %zu was rendered: %s", n, len, got);
        assert_int_equal(e.kind, ERR_BUG);
        assert_null(got);
    }
    assert_int_equal(got_len, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses_by_view),
        cmocka_unit_test(test_texts_come_from_the_submission),
        cmocka_unit_test(hidden_texts_are_nowhere),
        cmocka_unit_test(what_is_no_test_is_not_hidden),
        cmocka_unit_test(without_a_submission_texts_stay_empty),
        cmocka_unit_test(fields_narrow),
        cmocka_unit_test(the_place_in_a_trace_is_found),
        cmocka_unit_test(damaged_reports_are_our_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
