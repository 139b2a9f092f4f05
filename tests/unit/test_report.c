/* tests/unit/test_report.c - the stored form of a report, and its size. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/err.h"
#include "schema/base/text.h"
#include "schema/model/report.h"
#include "tests/support/assert_err.h"
#include "tests/support/report_json.h"

#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define R     "\xEF\xBF\xBD"

static json_t *encode(const struct report *r)
{
    CLEANUP(freep) char *json = NULL;
    size_t len;
    struct err e;

    assert_int_equal(report_encode(r, &json, &len, &e), 0);
    return report_load(json, len);
}

/* Compares with expected JSON text, order of fields included. */
static void assert_json(const json_t *got, const char *want)
{
    CLEANUP(freep) char *text = json_dumps(got, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_string_equal(text, want);
}

static void full_report_has_every_field_in_order(void **state)
{
    char error[] = "", id[] = "s-1", language[] = "c", version[] = "0.1.0";
    char labels[] = "{\"course\":\"\\\"db\\\"\"}";
    struct test_report tests[] = {
        { .number = 1,
          .verdict = VERDICT_OK,
          .ran = true,
          .duration_ms = 5,
          .cpu_time_ms = 4,
          .memory_bytes = 4096,
          .out = LITERAL("5\n"),
          .err = LITERAL("") },
        { .number = 7,
          .verdict = VERDICT_RE,
          .ran = true,
          .exit_code = 139,
          .signal = "SIGSEGV",
          .limit_hit = "wall",
          .out = LITERAL("a\xFF"),
          .err = LITERAL("b\0c"),
          .out_truncated = true,
          .out_gap = { .marker = (char[]){ "[...]" }, .line = 9, .column = 1 },
          .difference = { .present = true,
                          .line = 2,
                          .column = 3,
                          .from_column = 1,
                          .expected = LITERAL("x\xFE"),
                          .got = LITERAL("y\"") } },
        { .number = 8, .verdict = VERDICT_NONE, .error = error },
    };
    const struct report r = { .id = id,
                              .language = language,
                              .labels = labels,
                              .verdict = VERDICT_RE,
                              .has_tests = true,
                              .ran = true,
                              .exit_code = 139,
                              .signal = "SIGSEGV",
                              .limit_hit = "wall",
                              .door = SUBMISSION_HTTP,
                              .traceparent = TRACE,
                              .limits = { .time_ms = 1000, .memory_bytes = 65536 },
                              .out = LITERAL("a\xFF"),
                              .err = LITERAL("b\0c"),
                              .duration_ms = 9,
                              .cpu_time_ms = 8,
                              .memory_bytes = 4096,
                              .tests = tests,
                              .tests_len = 3,
                              .timestamp_ms = 1736937000123,
                              .queue_ms = 1,
                              .build_ms = 2,
                              .run_ms = 3,
                              .build_log = LITERAL("warning"),
                              .attempts = 1,
                              .produced_by.version = version };
    json_t *got = encode(&r);

    (void)state;
    assert_json(
        got,
        "{\"id\":\"s-1\",\"status\":\"RE\",\"exit_code\":139,\"stdout\":\"a" R "\","
        "\"stderr\":\"b\\u0000c\",\"duration_ms\":9,\"error\":\"\",\"tests\":["
        "{\"number\":1,\"status\":\"OK\",\"exit_code\":0,\"duration_ms\":5,\"stdout\":\"5\\n\","
        "\"stderr\":\"\",\"input\":\"\",\"expected_output\":\"\",\"error\":\"\","
        "\"verdict\":\"OK\",\"signal\":null,\"cpu_time_ms\":4,\"memory_bytes\":4096,"
        "\"stdout_truncated\":false,\"stderr_truncated\":false,\"stdout_base64\":null,"
        "\"stderr_base64\":null,\"stdout_gap\":null,\"first_difference\":null,\"limit_hit\":null},"
        "{\"number\":7,\"status\":\"RE\",\"exit_code\":139,\"duration_ms\":0,\"stdout\":\"a" R
        "\",\"stderr\":\"b\\u0000c\",\"input\":\"\",\"expected_output\":\"\",\"error\":\"\","
        "\"verdict\":\"RE\",\"signal\":\"SIGSEGV\",\"cpu_time_ms\":0,\"memory_bytes\":0,"
        "\"stdout_truncated\":true,\"stderr_truncated\":false,\"stdout_base64\":\"Yf8=\","
        "\"stderr_base64\":null,\"stdout_gap\":{\"marker\":\"[...]\",\"line\":9,\"column\":1},"
        "\"first_difference\":{\"line\":2,\"column\":3,\"from_column\":1,"
        "\"expected\":\"x" R "\",\"got\":\"y\\\"\"},\"limit_hit\":\"wall\"},"
        "{\"number\":8,\"status\":\"-\",\"exit_code\":null,\"duration_ms\":null,\"stdout\":\"\","
        "\"stderr\":\"\",\"input\":\"\",\"expected_output\":\"\",\"error\":\"\","
        "\"verdict\":\"-\",\"signal\":null,\"cpu_time_ms\":null,\"memory_bytes\":null,"
        "\"stdout_truncated\":false,\"stderr_truncated\":false,\"stdout_base64\":null,"
        "\"stderr_base64\":null,\"stdout_gap\":null,\"first_difference\":null,\"limit_hit\":null}],"
        "\"timestamp\":\"2025-01-15T10:30:00.123Z\",\"verdict\":\"RE\",\"language\":\"c\","
        "\"signal\":\"SIGSEGV\",\"cpu_time_ms\":8,\"memory_bytes\":4096,\"queue_ms\":1,"
        "\"build_ms\":2,\"run_ms\":3,\"build_log\":\"warning\",\"attempts\":1,\"produced_by\":{"
        "\"version\":\"0.1.0\",\"image\":\"\",\"build\":\"\",\"run\":\"\",\"compiler\":\"\"},"
        "\"stdout_base64\":\"Yf8=\",\"stderr_base64\":null,\"limits\":{\"time_limit_ms\":1000,"
        "\"wall_time_limit_ms\":null,\"memory_limit_bytes\":65536},\"limit_hit\":\"wall\","
        "\"door\":\"http\",\"traceparent\":\"" TRACE "\","
        "\"labels\":{\"course\":\"\\\"db\\\"\"}}");
    json_decref(got);
}

static void field_names_are_the_encoded_ones(void **state)
{
    const struct report r = { .verdict = VERDICT_NONE };
    json_t *got = encode(&r);
    size_t n = 0;

    (void)state;
    for (; report_fields[n]; n++)
        assert_non_null(json_object_get(got, report_fields[n]));
    assert_int_equal(json_object_size(got), n);
    json_decref(got);
}

static void nothing_ran_means_null(void **state)
{
    const struct report r = { .verdict = VERDICT_NONE, .exit_code = 3 };
    const struct report bf = { .verdict = VERDICT_BF, .exit_code = 3 };
    json_t *got = encode(&r), *built = encode(&bf);

    (void)state;
    assert_true(json_is_null(json_object_get(got, "exit_code")));
    assert_true(json_is_null(json_object_get(got, "duration_ms")));
    assert_true(json_is_null(json_object_get(got, "cpu_time_ms")));
    assert_true(json_is_null(json_object_get(got, "memory_bytes")));
    assert_int_equal(json_integer_value(json_object_get(built, "exit_code")), 3);
    assert_true(json_is_null(json_object_get(built, "duration_ms")));
    json_decref(got);
    json_decref(built);
}

/* Every byte, alone and between others, in every text of the report. */
static void any_bytes_survive(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        char raw[3] = { 'a', (char)byte, 'z' };
        const struct bytes b = { .data = raw, .len = 3 };
        struct test_report t = {
            .number = 1,
            .verdict = VERDICT_WA,
            .ran = true,
            .out = b,
            .err = b,
            .difference = { .present = true, .line = 1, .column = 1, .expected = b, .got = b }
        };
        const struct report r = { .verdict = VERDICT_WA,
                                  .ran = true,
                                  .out = b,
                                  .err = b,
                                  .build_log = b,
                                  .tests = &t,
                                  .tests_len = 1 };
        json_t *got = encode(&r), *base64 = json_object_get(got, "stdout_base64");
        const json_t *text = json_object_get(got, "stdout");

        if (byte < 0x80) {
            assert_int_equal(json_string_length(text), 3);
            assert_memory_equal(json_string_value(text), raw, 3);
            assert_true(json_is_null(base64));
        } else {
            CLEANUP(freep) char *back = NULL;
            size_t len;
            assert_string_equal(json_string_value(text), "a" R "z");
            assert_int_equal(text_from_base64(json_string_value(base64), json_string_length(base64),
                                              &back, &len),
                             0);
            assert_int_equal(len, 3);
            assert_memory_equal(back, raw, 3);
        }
        json_decref(got);
    }
}

/* ---- size ---- */

static const char *text_of(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

static size_t encoded_len(const struct report *r)
{
    CLEANUP(freep) char *json = NULL;
    size_t len;
    struct err e;

    assert_int_equal(report_encode(r, &json, &len, &e), 0);
    return len;
}

static void sizes_are_what_is_written(void **state)
{
    const struct bytes texts[] = {
        LITERAL("plain"),    LITERAL("\0\x01\x1f\x7f"),   LITERAL("\b\f\n\r\t\"\\/"),
        LITERAL("\xC3\xA9"), LITERAL("\xFF\xFE\xE2\x82"), LITERAL("a\xFF\n\xC3\xA9")
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct test_report t = { .number = 1 };
        const struct report r = { .tests = &t, .tests_len = 1 };
        size_t before = encoded_len(&r);
        bool text = text_is_utf8(texts[i].data, texts[i].len);

        t.out = texts[i]; /* its base64 replaces a null */
        assert_int_equal(encoded_len(&r) - before, report_text_size(&texts[i]) - (text ? 0 : 2));
        t.out = (struct bytes){ .data = NULL };
        t.difference = (struct first_difference){ .present = true };
        before = encoded_len(&r) - 4; /* two pairs of quotes */
        t.difference.expected = t.difference.got = texts[i];
        assert_int_equal(encoded_len(&r) - before, report_difference_size(&t.difference));
    }
}

/* Too large to be stored: the verdicts must not be lost. */
static void a_large_report_is_stored_without_outputs(void **state)
{
    char error[] = "said before";
    struct test_report tests[] = {
        { .number = 1, .verdict = VERDICT_OK, .ran = true, .out = LITERAL("0123456789") },
        { .number = 2,
          .verdict = VERDICT_WA,
          .ran = true,
          .err = LITERAL("0123456789"),
          .difference = { .present = true, .line = 1, .column = 1, .got = LITERAL("0") } },
    };
    struct report r = { .verdict = VERDICT_WA,
                        .out = LITERAL("0123456789"),
                        .err = LITERAL("0123456789"),
                        .build_log = LITERAL("warning"),
                        .tests = tests,
                        .tests_len = 2 };
    size_t whole = encoded_len(&r), len;
    CLEANUP(freep) char *json = NULL;
    struct err e;

    (void)state;
    assert_int_equal(report_encode_within(&r, whole, &json, &len, &e), 0);
    assert_int_equal(len, whole);
    free(json);
    r.error = error;
    assert_int_equal(report_encode_within(&r, whole, &json, &len, &e), 0);
    json_t *got = report_load(json, len);
    const json_t *list = json_object_get(got, "tests");
    assert_null(strstr(json, "0123456789"));
    assert_string_equal(text_of(got, "verdict"), "WA");
    assert_string_equal(text_of(got, "build_log"), "warning");
    assert_non_null(strstr(text_of(got, "error"), "said before; its outputs were left out"));
    assert_string_equal(text_of(json_array_get(list, 0), "verdict"), "OK");
    assert_true(json_is_true(json_object_get(json_array_get(list, 0), "stdout_truncated")));
    assert_true(json_is_false(json_object_get(json_array_get(list, 0), "stderr_truncated")));
    assert_true(json_is_true(json_object_get(json_array_get(list, 1), "stderr_truncated")));
    assert_true(json_is_null(json_object_get(json_array_get(list, 1), "first_difference")));
    assert_string_equal(r.tests[0].out.data, "0123456789"); /* the caller's report is unchanged */
    json_decref(got);
}

/* ---- rendering ---- */

static void takes_null_and_incomplete(void **state)
{
    (void)state;
    assert_null(report_free(NULL));
    struct report *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->tests = calloc(2, sizeof *r->tests);
    assert_non_null(r->tests);
    r->tests_len = 2;
    assert_null(report_free(r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_report_has_every_field_in_order),
        cmocka_unit_test(field_names_are_the_encoded_ones),
        cmocka_unit_test(nothing_ran_means_null),
        cmocka_unit_test(any_bytes_survive),
        cmocka_unit_test(sizes_are_what_is_written),
        cmocka_unit_test(a_large_report_is_stored_without_outputs),
        cmocka_unit_test(takes_null_and_incomplete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
