/* application/problem+json: shape, hostile bytes, and the status of every kind of error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "schema/json/field_errors.h"
#include "server/http/problem.h"

extern const char http_openapi[];
extern const size_t http_openapi_size;

static json_t *render(const struct problem_text *p)
{
    size_t len = 0;
    char *text = problem_render(p, &len);

    assert_non_null(text);
    assert_int_equal(len, strlen(text));
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    free(text);
    return json;
}

static const char *text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    assert_non_null(text);
    return text;
}

static void test_plain(void **state)
{
    (void)state;
    json_auto_t *json =
        render(&(struct problem_text){ .code = PROBLEM_NOT_FOUND, .detail = "no such id" });
    assert_string_equal(text_of(json, "type"), "about:blank");
    assert_string_equal(text_of(json, "title"), "Not found");
    assert_string_equal(text_of(json, "code"), "not_found");
    assert_string_equal(text_of(json, "detail"), "no such id");
    assert_int_equal(json_integer_value(json_object_get(json, "status")), 404);
    assert_null(json_object_get(json, "errors"));
}

static void test_parameter(void **state)
{
    (void)state;
    json_auto_t *json = render(&(struct problem_text){
        .code = PROBLEM_INVALID, .detail = "too large", .parameter = "limit" });
    json_t *error = json_array_get(json_object_get(json, "errors"), 0);
    assert_string_equal(text_of(error, "parameter"), "limit");
    assert_string_equal(text_of(error, "detail"), "too large");
    assert_string_equal(text_of(json, "detail"), "limit: too large");
}

static void test_fields(void **state)
{
    char pointers[2][20] = { "/tests/3/number", "/a~1b" }, details[2][20] = { "twice", "\xff x" };
    struct field_errors problems = {
        .len = 2, .list = { { pointers[0], details[0] }, { pointers[1], details[1] } }
    };

    (void)state;
    json_auto_t *json = render(
        &(struct problem_text){ .code = PROBLEM_INVALID, .detail = "x", .fields = &problems });
    json_t *errors = json_object_get(json, "errors");
    assert_int_equal(json_array_size(errors), 2);
    assert_string_equal(text_of(json_array_get(errors, 0), "pointer"), "/tests/3/number");
    assert_string_equal(text_of(json_array_get(errors, 0), "detail"), "twice");
    assert_string_equal(text_of(json_array_get(errors, 1), "detail"), "\xef\xbf\xbd x");
}

/* Details quote what the client sent. */
static void test_hostile_bytes(void **state)
{
    static const char *const cases[] = { "\xff\xfe", "a\"b\\c",      "\r\nX: y",
                                         "\x1b[31m", "\xed\xa0\x80", "" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_auto_t *json = render(&(struct problem_text){
            .code = PROBLEM_INVALID, .detail = cases[i], .parameter = cases[i] });
        assert_int_equal(json_array_size(json_object_get(json, "errors")), 1);
    }
}

static void test_kinds(void **state)
{
    static const struct {
        enum err_kind kind;
        unsigned status;
    } cases[] = {
        { ERR_SYNTAX, 400 },    { ERR_INPUT, 422 },       { ERR_NOT_FOUND, 404 },
        { ERR_CONFLICT, 409 },  { ERR_FINAL, 409 },       { ERR_QUEUE_FULL, 429 },
        { ERR_DISK, 507 },      { ERR_UNAVAILABLE, 503 }, { ERR_NOMEM, 503 },
        { ERR_CANCELLED, 503 }, { ERR_TIMEOUT, 503 },     { ERR_IMAGE, 503 },
        { ERR_HOST, 503 },      { ERR_BUG, 500 },         { ERR_DOCKER, 500 },
        { ERR_CELL, 500 },      { ERR_PLATFORM, 500 },    { ERR_SETTING, 503 },
        { ERR_NONE, 500 },      { ERR_AGAIN, 503 },
    };

    (void)state;
    assert_int_equal(ARRAY_LEN(cases), ERR_KIND_COUNT);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(problem_code_status(problem_of_kind(cases[i].kind)), cases[i].status);
}

/* Clients rely on them: openapi.yaml lists them all. */
static void test_codes(void **state)
{
    CLEANUP(freep) char *text = strndup(http_openapi, http_openapi_size);
    char *list = strstr(text, "    ProblemCode:\n"), word[64];

    (void)state;
    assert_non_null(list);
    char *end = strchr(list, ']'); /* of its enum */
    assert_non_null(end);
    memcpy(end, ",", 2);
    for (int i = 0; i < PROBLEM_CODE_COUNT; i++) {
        enum problem_code code = (enum problem_code)i;
        (void)snprintf(word, sizeof word, " %s,", problem_code_name(code));
        if (!strstr(list, word))
            fail_msg("openapi.yaml lacks the code %s", word);
        assert_in_range(problem_code_status(code), 400, 599);
        assert_int_equal(problem_code_status(problem_of_status(problem_code_status(code))),
                         problem_code_status(code));
    }
    assert_int_equal(problem_of_status(599), PROBLEM_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),  cmocka_unit_test(test_parameter),
        cmocka_unit_test(test_fields), cmocka_unit_test(test_hostile_bytes),
        cmocka_unit_test(test_kinds),  cmocka_unit_test(test_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
