/* tests/unit/test_submission.c - what every submission has: limits, the form in which it is sent.
 */
#include <jansson.h>
#include <stdlib.h>

#include "schema/base/text.h"
#include "schema/model/submission.h"
#include "tests/support/assert_err.h"
#include "tests/support/memory.h"
#include "tests/support/sample.h"

/* ---- limits ---- */

static void effective_limits(void **state)
{
    static const struct {
        struct limits sent;
        int64_t default_time, default_memory;
        struct limits held;
    } rows[] = {
        { { 0, 0, 0 }, 10, 20, { 10, 0, 20 } },
        { { 0, 0, 0 }, 0, 0, { 1000, 0, 5000 } },
        { { 7, 0, 8 }, 10, 20, { 7, 0, 8 } },
        { { 7, 9, 8 }, 0, 0, { 7, 9, 8 } },
        { { 1000, 61000, 5000 }, 10, 20, { 1000, 61000, 5000 } },
        { { 1001, 61001, 5001 },
          10,
          20,
          { 1000, 61000, 5000 } }, /* the ceilings were lowered since */
        { { 0, 0, 0 }, 2000, 6000, { 1000, 0, 5000 } },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct submission s = { .limits = rows[i].sent };
        struct limits l =
            submission_limits(&s, rows[i].default_time, rows[i].default_memory, 1000, 5000);
        assert_int_equal(l.time_ms, rows[i].held.time_ms);
        assert_int_equal(l.wall_ms, rows[i].held.wall_ms);
        assert_int_equal(l.memory_bytes, rows[i].held.memory_bytes);
    }
}

/* ---- as sent ---- */

static void as_sent(void **state)
{
    struct submission *s = sample_with(
        ",\"id\":\"i\",\"type\":\"script\",\"limits\":{\"time_limit_ms\":5},\"tests\":[{\"input\":"
        "\"a\\u0000\",\"expected_output_base64\":\"/w==\"}],\"checker\":\"exact\"");
    json_t *got = submission_to_json(s);
    CLEANUP(freep) char *text = json_dumps(got, JSON_COMPACT | JSON_REAL_PRECISION(6));

    (void)state;
    assert_string_equal(
        text, "{\"id\":\"i\",\"language\":\"c\",\"source\":\"x\",\"limits\":{\"time_limit_ms\":5},"
              "\"tests\":[{\"number\":1,\"input\":\"a\\u0000\",\"expected_output_base64\":"
              "\"/w==\"}],\"checker\":{\"name\":\"exact\",\"case_sensitive\":true},"
              "\"stop_on_failure\":true}");
    json_decref(got);
    submission_free(s);
}

/* The JSON of GET /submissions/{id} can be sent again and is the same submission. */
static void as_sent_is_the_same_submission(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLE_FORMS; i++) {
        struct submission *s = sample_parse(sample_forms[i].json), *again;
        json_t *json = submission_to_json(s);
        CLEANUP(freep) char *text = json_dumps(json, 0);
        again = sample_parse(text);
        sample_assert_same(s, again);
        json_decref(json);
        submission_free(again);
        submission_free(s);
    }
}

static void as_sent_out_of_memory(void **state)
{
    struct submission *s = sample_with(
        ",\"id\":\"i\",\"tests\":[{\"input\":\"a\",\"expected_output_base64\":\"/w==\"},"
        "{}],\"checker\":\"exact\",\"limits\":{\"time_limit_ms\":5}");
    json_t *got = NULL;
    int n = 0;

    (void)state;
    for (; !got; n++) {
        assert_true(n < 10000);
        memory_ends_after(n);
        got = submission_to_json(s);
        memory_restore();
    }
    assert_true(n > 20);
    assert_int_equal(json_object_size(got), 7);
    json_decref(got);
    submission_free(s);
}

static void takes_null_and_incomplete(void **state)
{
    struct submission_packed nothing = { 0 };

    (void)state;
    assert_null(submission_free(NULL));
    assert_null(submission_free(calloc(1, sizeof(struct submission))));
    submission_packed_clear(&nothing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(effective_limits),
        cmocka_unit_test(as_sent),
        cmocka_unit_test(as_sent_is_the_same_submission),
        cmocka_unit_test(as_sent_out_of_memory),
        cmocka_unit_test(takes_null_and_incomplete),
    };
    return text_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
