/* tests/unit/test_submission_parse.c - what is a submission, and what is read of it. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/text.h"
#include "schema/model/submission.h"
#include "tests/support/assert_err.h"
#include "tests/support/memory.h"
#include "tests/support/sample.h"

static void kafka_counts_unknown_fields(void **state)
{
    static const char json[] =
        "{\"language\":\"c\",\"source\":\"x\",\"trace\":{\"a\":[1,\"\\u0001\"]},"
        "\"limits\":{\"x\":null},\"tests\":[{\"weight\":2}]}";
    struct submission_rules rules = sample_rules;
    struct submission *s = NULL, *plain;
    struct field_errors p;
    struct err e;

    (void)state;
    rules.refuse_unknown = false;
    assert_int_equal(submission_parse(json, strlen(json), &rules, &s, &p, &e), 0);
    assert_int_equal(p.len, 0);
    assert_int_equal(p.ignored_fields, 3);
    plain = sample_with(",\"tests\":[{}]");
    sample_assert_same(s, plain);
    submission_free(s);
    submission_free(plain);
    field_errors_clear(&p);
}

static void defaults(void **state)
{
    struct submission *s = sample_with("");

    (void)state;
    assert_null(s->id);
    assert_string_equal(s->language, "c");
    sample_assert_bytes(&s->source.files[0].bytes, "x", 1);
    assert_int_equal(s->limits.time_ms, 0);
    assert_int_equal(s->limits.wall_ms, 0);
    assert_int_equal(s->limits.memory_bytes, 0);
    assert_int_equal(s->in_force.time_ms, sample_rules.default_time_ms);
    assert_int_equal(s->in_force.wall_ms, 0);
    assert_int_equal(s->in_force.memory_bytes, sample_rules.default_memory_bytes);
    assert_false(s->checker_given);
    assert_int_equal(s->checker.kind, CHECKER_LINES);
    assert_true(s->stop_on_failure);
    assert_null(s->tests);
    assert_int_equal(s->tests_len, 0);
    submission_free(s);
}

static void every_field_is_read(void **state)
{
    struct submission *s = sample_parse(
        " {\"type\":\"script\",\"id\":\"\xC3\xA9/1 ..\",\"language\":\"python\","
        "\"source\":\"a\\u0000b\\n\\u20ac\\ud83d\\ude00\",\"limits\":{\"time_limit_ms\":1000,"
        "\"wall_time_limit_ms\":1000,\"memory_limit_bytes\":1000000000},\"tests\":["
        "{\"number\":-4,\"input\":\"1\\u00002\",\"expected_output\":\"3\"},"
        "{\"number\":9,\"input_base64\":\"AP8=\",\"expected_output_base64\":\"\"},"
        "{\"number\":null,\"input\":null,\"input_base64\":\"eA==\",\"expected_output\":null}],"
        "\"checker\":{\"name\":\"float\",\"case_sensitive\":false,\"absolute_tolerance\":0.5,"
        "\"relative_tolerance\":3},\"stop_on_failure\":false}\n");

    (void)state;
    assert_string_equal(s->id, "\xC3\xA9/1 ..");
    assert_string_equal(s->language, "python");
    sample_assert_bytes(&s->source.files[0].bytes, "a\0b\n\xE2\x82\xAC\xF0\x9F\x98\x80", 11);
    assert_int_equal(s->limits.time_ms, 1000);
    assert_int_equal(s->limits.wall_ms, 1000);
    assert_int_equal(s->limits.memory_bytes, 1000000000);
    assert_int_equal(s->in_force.time_ms, 1000);
    assert_int_equal(s->in_force.wall_ms, 1000);
    assert_int_equal(s->in_force.memory_bytes, 1000000000);
    assert_int_equal(s->tests_len, 3);
    assert_int_equal(s->tests[0].number, 1);
    sample_assert_bytes(&s->tests[0].input, "1\0002", 3);
    sample_assert_bytes(&s->tests[0].expected, "3", 1);
    assert_int_equal(s->tests[1].number, 9);
    sample_assert_bytes(&s->tests[1].input, "\0\xFF", 2);
    sample_assert_bytes(&s->tests[1].expected, "", 0);
    assert_int_equal(s->tests[2].number, 3);
    sample_assert_bytes(&s->tests[2].input, "x", 1);
    sample_assert_bytes(&s->tests[2].expected, "", 0);
    assert_true(s->checker_given);
    assert_int_equal(s->checker.kind, CHECKER_FLOAT);
    assert_false(s->checker.case_sensitive);
    assert_true(s->checker.absolute_tolerance == 0.5);
    assert_true(s->checker.relative_tolerance == 3);
    assert_false(s->stop_on_failure);
    submission_free(s);
}

static void legal_edges(void **state)
{
    static const char *const rows[] = {
        ",\"id\":\"\"",
        ",\"id\":null",
        ",\"type\":\"\"",
        ",\"type\":null",
        ",\"limits\":null",
        ",\"limits\":{}",
        ",\"limits\":{\"time_limit_ms\":0,\"memory_limit_bytes\":0,\"wall_time_limit_ms\":0}",
        ",\"limits\":{\"time_limit_ms\":null}",
        ",\"tests\":null",
        ",\"tests\":[]",
        ",\"checker\":null",
        ",\"stop_on_failure\":null",
        ",\"stop_on_failure\":true",
    };
    struct submission *plain = sample_with("");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct submission *s = sample_with(rows[i]);
        sample_assert_same(s, plain);
        submission_free(s);
    }
    submission_free(plain);

    static const char *const others[] = {
        ",\"limits\":{\"wall_time_limit_ms\":10000}",
        ",\"limits\":{\"wall_time_limit_ms\":360000}",
        ",\"limits\":{\"time_limit_ms\":300000,\"memory_limit_bytes\":1000000000}",
        ",\"tests\":[{},{},{},{},{},{},{},{},{},{}]",
        ",\"tests\":[{\"number\":9223372036854775807}]",
        ",\"tests\":[{\"number\":3},{\"number\":1},{\"number\":2}]",
        ",\"checker\":{\"name\":\"lines\",\"absolute_tolerance\":99999999999999999999}",
        ",\"id\":\"\\u0020\"",
    };
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        submission_free(sample_with(others[i]));
}

/* JSON does not distinguish integers from other numbers. */
static void one_number_in_many_spellings(void **state)
{
    static const char *const spellings[] = { "2000", "2000.0", "2e3", "2E+3", "0.2e4", "20000e-1" };
    struct submission *plain = sample_with(",\"limits\":{\"time_limit_ms\":2000}");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
        char more[100];
        (void)snprintf(more, sizeof more, ",\"limits\":{\"time_limit_ms\":%s}", spellings[i]);
        struct submission *s = sample_with(more);
        assert_int_equal(s->limits.time_ms, 2000);
        sample_assert_same(s, plain);
        submission_free(s);
    }
    submission_free(plain);
}

static void a_byte_order_mark_is_skipped(void **state)
{
    static const char marked[] = "\xEF\xBB\xBF{\"language\":\"c\",\"source\":\"x\"}",
                      twice[] = "\xEF\xBB\xBF\xEF\xBB\xBF{\"language\":\"c\",\"source\":\"x\"}";
    CLEANUP(field_errors_clear) struct field_errors p = { 0 };
    struct submission *s = NULL;
    struct err e;

    (void)state;
    assert_int_equal(submission_parse(marked, sizeof marked - 1, &sample_rules, &s, &p, &e), 0);
    assert_string_equal(s->language, "c");
    submission_free(s);
    field_errors_clear(&p);
    assert_int_equal(submission_parse(twice, sizeof twice - 1, &sample_rules, &s, &p, &e), -1);
    assert_int_equal(e.kind, ERR_SYNTAX);
}

static void ids_and_sources_of_the_largest_size(void **state)
{
    char json[11000], text[10002];

    (void)state;
    for (size_t n = 255; n <= 256; n++) {
        memset(text, 'i', n);
        text[n] = '\0';
        (void)snprintf(json, sizeof json, "{\"id\":\"%s\",\"language\":\"c\",\"source\":\"x\"}",
                       text);
        if (n == 255)
            submission_free(sample_parse(json));
        else
            sample_assert_error(json, "/id");
    }
    for (size_t n = 10000; n <= 10001; n++) {
        memset(text, 's', n);
        text[n] = '\0';
        (void)snprintf(json, sizeof json, "{\"language\":\"c\",\"source\":\"%s\"}", text);
        if (n == 10000)
            submission_free(sample_parse(json));
        else
            sample_assert_error(json, "/source");
    }
}

static void out_of_memory_at_every_step_of_jansson(void **state)
{
    struct submission *s = NULL;
    struct err e = { 0 };
    int n = 0;

    (void)state;
    for (; !s; n++) {
        struct field_errors p;
        assert_true(n < 10000);
        memory_ends_after(n);
        int result =
            submission_parse(SAMPLE_WHOLE, strlen(SAMPLE_WHOLE), &sample_rules, &s, &p, &e);
        memory_restore();
        /* jansson reports some failed allocations as a syntax error */
        if (result < 0)
            assert_true(e.kind == ERR_NOMEM || e.kind == ERR_SYNTAX);
        field_errors_clear(&p);
    }
    assert_true(n > 50);
    submission_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kafka_counts_unknown_fields),
        cmocka_unit_test(defaults),
        cmocka_unit_test(every_field_is_read),
        cmocka_unit_test(legal_edges),
        cmocka_unit_test(one_number_in_many_spellings),
        cmocka_unit_test(a_byte_order_mark_is_skipped),
        cmocka_unit_test(ids_and_sources_of_the_largest_size),
        cmocka_unit_test(out_of_memory_at_every_step_of_jansson),
    };
    return text_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
