/* tests/unit/test_submission_refused.c - what is no submission, and what its sender is told of it.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/text.h"
#include "schema/model/submission.h"
#include "tests/support/assert_err.h"
#include "tests/support/sample.h"

/* Members after a language and a source, and the pointer of the only error. */
static const struct {
    const char *more, *pointer;
} bad_members[] = {
    /* unknown fields */
    { ",\"extra\":1", "/extra" },
    { ",\"a/b~c\":null", "/a~1b~0c" },
    { ",\"\":1", "/" },
    { ",\"Language\":\"c\"", "/Language" },
    { ",\"limits\":{\"time_limit\":1}", "/limits/time_limit" },
    { ",\"tests\":[{},{\"expected\":\"\"}]", "/tests/1/expected" },
    { ",\"checker\":{\"name\":\"float\",\"eps\":1}", "/checker/eps" },
    /* id and type */
    { ",\"id\":7", "/id" },
    { ",\"id\":[]", "/id" },
    { ",\"id\":\"a\\u0000b\"", "/id" },
    { ",\"id\":\"a\\nb\"", "/id" },
    { ",\"id\":\"a\\u007fb\"", "/id" },
    { ",\"id\":\"a\\u0085b\"", "/id" },
    { ",\"type\":\"done\"", "/type" },
    { ",\"type\":\"Script\"", "/type" },
    { ",\"type\":\"script\\u0000\"", "/type" },
    { ",\"type\":true", "/type" },
    /* limits */
    { ",\"limits\":[]", "/limits" },
    { ",\"limits\":5", "/limits" },
    { ",\"limits\":{\"time_limit_ms\":-1}", "/limits/time_limit_ms" },
    { ",\"limits\":{\"time_limit_ms\":1.5}", "/limits/time_limit_ms" },
    { ",\"limits\":{\"time_limit_ms\":1e-3}", "/limits/time_limit_ms" },
    { ",\"limits\":{\"time_limit_ms\":-1.0}", "/limits/time_limit_ms" },
    { ",\"tests\":[{\"number\":1.5}]", "/tests/0/number" },
    { ",\"limits\":{\"time_limit_ms\":1e18}", "/limits/time_limit_ms" },
    { ",\"limits\":{\"time_limit_ms\":\"1000\"}", "/limits/time_limit_ms" },
    { ",\"limits\":{\"time_limit_ms\":true}", "/limits/time_limit_ms" },
    { ",\"limits\":{\"time_limit_ms\":300001}", "/limits/time_limit_ms" },
    { ",\"limits\":{\"time_limit_ms\":9223372036854775807}", "/limits/time_limit_ms" },
    { ",\"limits\":{\"time_limit_ms\":9223372036854775808}", "/limits/time_limit_ms" },
    { ",\"limits\":{\"time_limit_ms\":99999999999999999999}", "/limits/time_limit_ms" },
    { ",\"limits\":{\"time_limit_ms\":-99999999999999999999}", "/limits/time_limit_ms" },
    { ",\"limits\":{\"time_limit_ms\":1e400}", "" },
    { ",\"limits\":{\"memory_limit_bytes\":-5}", "/limits/memory_limit_bytes" },
    { ",\"limits\":{\"memory_limit_bytes\":1000000001}", "/limits/memory_limit_bytes" },
    { ",\"limits\":{\"memory_limit_bytes\":1125899906842624}", "/limits/memory_limit_bytes" },
    { ",\"limits\":{\"wall_time_limit_ms\":-1}", "/limits/wall_time_limit_ms" },
    { ",\"limits\":{\"wall_time_limit_ms\":360001}", "/limits/wall_time_limit_ms" },
    { ",\"limits\":{\"wall_time_limit_ms\":9999}", "/limits/wall_time_limit_ms" },
    { ",\"limits\":{\"time_limit_ms\":100,\"wall_time_limit_ms\":99}",
      "/limits/wall_time_limit_ms" },
    { ",\"limits\":{\"wall_time_limit_ms\":99,\"time_limit_ms\":100}",
      "/limits/wall_time_limit_ms" },
    { ",\"limits\":{\"time_limit_ms\":-1,\"wall_time_limit_ms\":99}", "/limits/time_limit_ms" },
    /* tests */
    { ",\"tests\":{}", "/tests" },
    { ",\"tests\":\"\"", "/tests" },
    { ",\"tests\":[{},{},{},{},{},{},{},{},{},{},{}]", "/tests" },
    { ",\"tests\":[1]", "/tests/0" },
    { ",\"tests\":[null]", "/tests/0" },
    { ",\"tests\":[{},[]]", "/tests/1" },
    { ",\"tests\":[{\"number\":1.5}]", "/tests/0/number" },
    { ",\"tests\":[{\"number\":\"1\"}]", "/tests/0/number" },
    { ",\"tests\":[{\"number\":3},{\"number\":3}]", "/tests/1/number" },
    { ",\"tests\":[{\"number\":2},{}]", "/tests/1/number" },
    { ",\"tests\":[{},{\"number\":5},{\"number\":1}]", "/tests/2/number" },
    { ",\"tests\":[{\"input\":7}]", "/tests/0/input" },
    { ",\"tests\":[{\"expected_output\":[]}]", "/tests/0/expected_output" },
    { ",\"tests\":[{\"input_base64\":\"*\"}]", "/tests/0/input_base64" },
    { ",\"tests\":[{\"input_base64\":\"Zg\"}]", "/tests/0/input_base64" },
    { ",\"tests\":[{\"input_base64\":\"Zg==\\n\"}]", "/tests/0/input_base64" },
    { ",\"tests\":[{\"expected_output_base64\":5}]", "/tests/0/expected_output_base64" },
    { ",\"tests\":[{\"input\":\"\",\"input_base64\":\"\"}]", "/tests/0/input_base64" },
    { ",\"tests\":[{\"input_base64\":\"\",\"input\":\"\"}]", "/tests/0/input" },
    { ",\"tests\":[{},{\"expected_output_base64\":\"\",\"expected_output\":\"x\"}]",
      "/tests/1/expected_output" },
    /* checker */
    { ",\"checker\":1", "/checker" },
    { ",\"checker\":\"Lines\"", "/checker" },
    { ",\"checker\":\"\"", "/checker" },
    { ",\"checker\":\"lines\\u0000\"", "/checker" },
    { ",\"checker\":[]", "/checker" },
    { ",\"checker\":{}", "/checker/name" },
    { ",\"checker\":{\"name\":null}", "/checker/name" },
    { ",\"checker\":{\"name\":\"x\"}", "/checker/name" },
    { ",\"checker\":{\"name\":1}", "/checker/name" },
    { ",\"checker\":{\"name\":\"float\",\"case_sensitive\":1}", "/checker/case_sensitive" },
    { ",\"checker\":{\"name\":\"float\",\"absolute_tolerance\":-1}",
      "/checker/absolute_tolerance" },
    { ",\"checker\":{\"name\":\"float\",\"relative_tolerance\":\"1\"}",
      "/checker/relative_tolerance" },
    { ",\"checker\":{\"name\":\"float\",\"relative_tolerance\":true}",
      "/checker/relative_tolerance" },
    /* priority and owner */
    { ",\"priority\":11", "/priority" },
    { ",\"priority\":-11", "/priority" },
    { ",\"priority\":0.5", "/priority" },
    { ",\"priority\":\"1\"", "/priority" },
    { ",\"priority\":1e400", "" },
    { ",\"owner\":7", "/owner" },
    { ",\"owner\":\"a\\nb\"", "/owner" },
    { ",\"owner\":\"a\\u0000b\"", "/owner" },
    /* stop_on_failure */
    { ",\"stop_on_failure\":0", "/stop_on_failure" },
    { ",\"stop_on_failure\":\"true\"", "/stop_on_failure" },
};

/* Documents that are JSON, and the pointer of their only error. */
static const struct {
    const char *json, *pointer;
} bad_documents[] = {
    { "[]", "" },
    { "null", "" }, /* a document of one value is JSON */
    { "7", "" },
    { " \"0123456789012345678901234567890123456789\" ", "" },
    { "\"\\u00010\"", "" },
    { "[{\"language\":\"c\",\"source\":\"x\"}]", "" },
    { "{\"source\":\"x\"}", "/language" },
    { "{\"language\":null,\"source\":\"x\"}", "/language" },
    { "{\"language\":\"\",\"source\":\"x\"}", "/language" },
    { "{\"language\":\"cobol\",\"source\":\"x\"}", "/language" },
    { "{\"language\":\"c\\u0000\",\"source\":\"x\"}", "/language" },
    { "{\"language\":7,\"source\":\"x\"}", "/language" },
    { "{\"language\":\"c\"}", "/source" },
    { "{\"language\":\"c\",\"source\":null}", "/source" },
    { "{\"language\":\"c\",\"source\":\"\"}", "/source" },
    { "{\"language\":\"c\",\"source\":[]}", "/source" },
};

static const char *const not_json[] = {
    "",
    " ",
    "x",
    "nul",
    "{",
    "{\"language\":\"c\",\"source\":\"x\"",
    "{\"language\":\"c\",\"source\":\"x\"}}",
    "{\"language\":\"c\",\"source\":\"x\"} x",
    "{\"language\":\"c\",\"source\":\"x\"}{}",
    "{\"language\":\"c\",\"source\":\"x\",}",
    "{\"language\":\"c\" \"source\":\"x\"}",
    "{\"language\":\"c\",\"language\":\"c\",\"source\":\"x\"}",
    "{\"language\":\"c\",\"source\":\"x\",\"limits\":{\"time_limit_ms\":NaN}}",
    "{\"language\":\"c\",\"source\":\"x\",\"limits\":{\"time_limit_ms\":Infinity}}",
    "{\"language\":\"c\",\"source\":\"x\",\"limits\":{\"time_limit_ms\":01}}",
    "{\"language\":\"c\",\"source\":\"x\",\"limits\":{\"time_limit_ms\":+1}}",
    "{\"language\":\"c\",\"source\":\"\xFF\"}",
    "{\"language\":\"c\",\"source\":\"\\ud800\"}",
    "{\"language\":\"c\",\"source\":\"\\udc00\"}",
    "{\"language\":\"c\",\"source\":\"\\q\"}",
    "{\"language\":\"c\",\"source\":\"a\nb\"}",
    "{\"language\":\"c\",\"source\":\"0123456789012345678901234567890123456789\xFF\"}",
    "{\"language\":\"c\",\"source\":\"0123456789012345678901234567890123456789\\ud800\"}",
    "{\"language\":\"c\",\"source\":\"0123456789012345678901234567890123456789\\u12\"}",
    "{\"language\":\"c\",\"source\":\"0123456789012345678901234567890123456789\n\"}",
    "{\"language\":\"c\",\"source\":\"0123456789012345678901234567890123456789\\x\"}",
    "{\"language\":\"c\",\"source\":\"x\",\"a\\u0000b\":1}",
    "{'language':'c'}",
    "[[[[[[[[[]]]]]]]]]", /* deeper than the rules allow */
};

static void wrong_fields_are_named(void **state)
{
    char json[1000];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_members); i++) {
        (void)snprintf(json, sizeof json, "{\"language\":\"c\",\"source\":\"x\"%s}",
                       bad_members[i].more);
        sample_assert_error(json, bad_members[i].pointer);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad_documents); i++)
        sample_assert_error(bad_documents[i].json, bad_documents[i].pointer);
}

static void what_is_not_json_is_syntax(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(not_json); i++) {
        struct submission *s = NULL;
        struct field_errors p;
        struct err e = { 0 };

        if (submission_parse(not_json[i], strlen(not_json[i]), &sample_rules, &s, &p, &e) == 0)
            fail_msg("accepted: %s", not_json[i]);
        if (e.kind != ERR_SYNTAX)
            fail_msg("%s ('%s'): %s", err_kind_name(e.kind), e.msg, not_json[i]);
        assert_int_equal(p.len, 0);
        assert_true(text_is_utf8(e.msg, strlen(e.msg)));
        field_errors_clear(&p);
    }
}

static void several_errors_are_returned_at_once(void **state)
{
    static const char json[] = "{\"id\":1,\"language\":\"x\",\"limits\":{\"time_limit_ms\":-1,"
                               "\"memory_limit_bytes\":1.5},\"tests\":[{\"input\":1}]}";
    static const char *const pointers[] = { "/id",
                                            "/language",
                                            "/limits/time_limit_ms",
                                            "/limits/memory_limit_bytes",
                                            "/tests/0/input",
                                            "/source" };
    struct submission *s;
    struct field_errors p;
    struct err e;

    (void)state;
    assert_int_equal(submission_parse(json, strlen(json), &sample_rules, &s, &p, &e), -1);
    assert_int_equal(p.len, ARRAY_LEN(pointers));
    for (size_t i = 0; i < p.len; i++)
        assert_string_equal(p.list[i].pointer, pointers[i]);
    field_errors_clear(&p);
}

static void errors_are_bounded(void **state)
{
    char json[8000] = "{\"language\":\"c\",\"source\":\"x\"";
    struct submission *s;
    struct field_errors p;
    struct err e;

    (void)state;
    for (int i = 0; i < 50; i++)
        (void)snprintf(json + strlen(json), 100, ",\"k%dx\xC3\xBC~\":1", i);
    strcat(json, ",\"");
    memset(json + strlen(json), '~', 5000);
    strcat(json, "\":1}");
    assert_int_equal(submission_parse(json, strlen(json), &sample_rules, &s, &p, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    assert_int_equal(p.len, FIELD_ERRORS_MAX);
    field_errors_clear(&p);
}

/* The longest name that is shown, all of it escaped, at the deepest place. */
static void long_names_are_cut_whole(void **state)
{
    char json[4000] = "{\"language\":\"c\",\"source\":\"x\",\"tests\":[{\"";
    struct submission *s;
    struct field_errors p;
    struct err e;

    (void)state;
    for (int i = 0; i < 200; i++)
        strcat(json, i % 2 ? "~" : "\xE2\x82\xAC");
    strcat(json, "\":1}]}");
    assert_int_equal(submission_parse(json, strlen(json), &sample_rules, &s, &p, &e), -1);
    assert_int_equal(p.len, 1);
    assert_memory_equal(p.list[0].pointer, "/tests/0/\xE2\x82\xAC~0\xE2\x82\xAC", 17);
    assert_true(strlen(p.list[0].pointer) < 230);
    assert_true(text_is_utf8(p.list[0].pointer, strlen(p.list[0].pointer)));
    assert_true(text_is_utf8(e.msg, strlen(e.msg)));
    field_errors_clear(&p);
}

static void too_many_values_are_refused_before_they_cost_memory(void **state)
{
    size_t n = 1000000, size = 3 * n + 100;
    CLEANUP(freep) char *json = malloc(size);
    struct submission *s;
    struct field_errors p;
    struct err e;

    (void)state;
    assert_non_null(json);
    memset(json, '[', n);
    assert_int_equal(submission_parse(json, n, &sample_rules, &s, &p, &e), -1);
    assert_int_equal(e.kind, ERR_SYNTAX);
    field_errors_clear(&p);

    char *at = json + sprintf(json, "{\"language\":\"c\",\"source\":\"x\",\"tests\":[");
    for (size_t i = 0; i < n; i++, at += 3)
        memcpy(at, "{},", 3);
    (void)strcpy(at - 1, "]}");
    assert_int_equal(submission_parse(json, strlen(json), &sample_rules, &s, &p, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    assert_string_equal(p.list[0].pointer, "/tests");
    assert_non_null(strstr(p.list[0].detail, "values")); /* not the test that counts tests */
    field_errors_clear(&p);
}

static void every_prefix_is_syntax(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof SAMPLE_WHOLE - 1; n++) {
        CLEANUP(freep) char *part = malloc(n > 0 ? n : 1);
        struct submission *s = NULL;
        struct field_errors p;
        struct err e = { 0 };

        assert_non_null(part);
        memcpy(part, SAMPLE_WHOLE, n);
        assert_int_equal(submission_parse(part, n, &sample_rules, &s, &p, &e), -1);
        if (e.kind != ERR_SYNTAX)
            fail_msg("cut at %zu: %s, %s", n, err_kind_name(e.kind), e.msg);
        assert_null(s);
        field_errors_clear(&p);
    }
    submission_free(sample_parse(SAMPLE_WHOLE));
}

/* Each byte replaced by each of some others: no crash, and always one of the three results. */
static void any_changed_byte_is_answered(void **state)
{
    static const char bytes[] = "\"\\{}[],:0-.eutx\n\x01\xC3\xFF";
    char json[sizeof SAMPLE_WHOLE];

    (void)state;
    for (size_t at = 0; at < sizeof SAMPLE_WHOLE - 1; at++) {
        for (size_t i = 0; i < sizeof bytes; i++) {
            struct submission *s = NULL;
            struct field_errors p;
            struct err e = { 0 };

            memcpy(json, SAMPLE_WHOLE, sizeof json);
            json[at] = bytes[i];
            if (submission_parse(json, sizeof json - 1, &sample_rules, &s, &p, &e) < 0)
                assert_true(e.kind == ERR_SYNTAX || (e.kind == ERR_INPUT && p.len > 0));
            field_errors_clear(&p);
            submission_free(s);
        }
    }
}

static void positions_are_those_of_the_document(void **state)
{
    static const char json[] =
        "{\"language\":\"c\",\"source\":\"0123456789012345678901234567890123456789\""
        ",\"id\":\"0123456789012345678901234567890123456789\",?}";
    struct submission *s;
    struct field_errors p;
    struct err e;
    char want[32];

    (void)state;
    assert_int_equal(submission_parse(json, strlen(json), &sample_rules, &s, &p, &e), -1);
    (void)snprintf(want, sizeof want, "byte %zu:", (size_t)(strchr(json, '?') - json) + 1);
    if (!strstr(e.msg, want))
        fail_msg("no '%s' in '%s'", want, e.msg);
    field_errors_clear(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_fields_are_named),
        cmocka_unit_test(what_is_not_json_is_syntax),
        cmocka_unit_test(several_errors_are_returned_at_once),
        cmocka_unit_test(errors_are_bounded),
        cmocka_unit_test(long_names_are_cut_whole),
        cmocka_unit_test(too_many_values_are_refused_before_they_cost_memory),
        cmocka_unit_test(every_prefix_is_syntax),
        cmocka_unit_test(any_changed_byte_is_answered),
        cmocka_unit_test(positions_are_those_of_the_document),
    };
    return text_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
