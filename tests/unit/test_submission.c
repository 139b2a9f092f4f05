#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/bytes.h"
#include "schema/base/text.h"
#include "schema/model/submission.h"
#include "tests/support/assert_err.h"
#include "tests/support/sample.h"

/* ---- limits ---- */

static void limits_that_hold(void **state)
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
        { { 1001, 61001, 5001 }, 10, 20, { 1000, 61000, 5000 } }, /* ceilings came down since */
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

/* ---- hash ---- */

/* Rows of one group are one submission; every group is another. */
static const struct {
    int group;
    const char *json;
} hashed[] = {
#define HEAD "\"language\":\"c\",\"source\":\"ab\""
    { 0, "{" HEAD "}" },
    { 0, "{\"source\":\"ab\",\"language\":\"c\"}" },
    { 0, "{" HEAD ",\"type\":\"script\"}" },
    { 0, "{" HEAD ",\"id\":null,\"tests\":null,\"limits\":null,\"checker\":null}" },
    { 0, "{" HEAD ",\"id\":\"\",\"tests\":[],\"limits\":{\"time_limit_ms\":0}}" },
    { 0, "{\"language\":\"c\",\"source\":\"\\u0061\\u0062\",\"stop_on_failure\":true}" },
    { 1, "{\"language\":\"python\",\"source\":\"ab\"}" },
    { 2, "{\"language\":\"c\",\"source\":\"a\\u0000b\"}" },
    { 3, "{\"language\":\"c\",\"source\":\"ab \"}" },
    { 4, "{" HEAD ",\"id\":\"1\"}" },
    { 5, "{" HEAD ",\"id\":\"2\"}" },
    { 6, "{" HEAD ",\"limits\":{\"time_limit_ms\":1000}}" },
    { 6, "{" HEAD ",\"limits\":{\"memory_limit_bytes\":null,\"time_limit_ms\":1000}}" },
    { 7, "{" HEAD ",\"limits\":{\"memory_limit_bytes\":1000}}" },
    { 8, "{" HEAD ",\"limits\":{\"time_limit_ms\":1000,\"wall_time_limit_ms\":1000}}" },
    { 9, "{" HEAD ",\"stop_on_failure\":false}" },
    { 10, "{" HEAD ",\"tests\":[{}]}" },
    { 10, "{" HEAD ",\"tests\":[{\"number\":1,\"input\":\"\",\"expected_output\":null}]}" },
    { 10, "{" HEAD ",\"tests\":[{\"number\":-5,\"input_base64\":\"\"}]}" },
    { 11, "{" HEAD ",\"tests\":[{\"number\":2}]}" },
    { 12, "{" HEAD ",\"tests\":[{},{}]}" },
    { 12, "{" HEAD ",\"tests\":[{},{\"number\":2}]}" },
    { 13, "{" HEAD ",\"tests\":[{\"number\":2},{\"number\":1}]}" },
    { 14, "{" HEAD ",\"tests\":[{\"input\":\"x\"}]}" },
    { 14, "{" HEAD ",\"tests\":[{\"input_base64\":\"eA==\"}]}" },
    { 15, "{" HEAD ",\"tests\":[{\"expected_output\":\"x\"}]}" },
    { 16, "{" HEAD ",\"tests\":[{\"input\":\"x\",\"expected_output\":\"y\"}]}" },
    { 17, "{" HEAD ",\"tests\":[{\"input\":\"xy\"}]}" },
    { 18, "{" HEAD ",\"checker\":\"lines\"}" },
    { 18, "{" HEAD ",\"checker\":{\"name\":\"lines\"}}" },
    { 18, "{" HEAD ",\"checker\":{\"name\":\"lines\",\"case_sensitive\":true,"
          "\"absolute_tolerance\":1e-6,\"relative_tolerance\":0.000001}}" },
    { 19, "{" HEAD ",\"checker\":\"exact\"}" },
    { 20, "{" HEAD ",\"checker\":{\"name\":\"lines\",\"case_sensitive\":false}}" },
    { 21, "{" HEAD ",\"checker\":{\"name\":\"float\",\"absolute_tolerance\":0}}" },
    { 21, "{" HEAD ",\"checker\":{\"name\":\"float\",\"absolute_tolerance\":-0.0}}" },
    { 22, "{" HEAD ",\"checker\":{\"name\":\"float\",\"relative_tolerance\":0}}" },
    /* Only what is given counts. */
    { 23, "{" HEAD ",\"checker\":\"float\"}" },
    { 23, "{" HEAD ",\"checker\":{\"relative_tolerance\":null,\"name\":\"float\"}}" },
    { 23, "{" HEAD ",\"checker\":{\"name\":\"float\",\"absolute_tolerance\":1e-6,"
          "\"relative_tolerance\":1e-6}}" },
    { 24, "{" HEAD ",\"checker\":{\"name\":\"float\",\"absolute_tolerance\":1e-6}}" },
    { 25, "{" HEAD ",\"checker\":{\"name\":\"float\",\"relative_tolerance\":1e-6}}" },
    { 26, "{" HEAD ",\"checker\":{\"name\":\"float\",\"absolute_tolerance\":1e-9}}" },
    { 27, "{" HEAD ",\"checker\":{\"name\":\"float\",\"absolute_tolerance\":1e-9,"
          "\"relative_tolerance\":1e-6}}" },
    { 28, "{" HEAD ",\"checker\":{\"name\":\"float\",\"absolute_tolerance\":1e-9,"
          "\"relative_tolerance\":0}}" },
    { 29, "{" HEAD ",\"checker\":\"none\"}" },
    { 29, "{" HEAD ",\"checker\":{\"name\":\"none\"}}" },
};

static void hash_tells_submissions_apart(void **state)
{
    uint8_t hashes[ARRAY_LEN(hashed)][32];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hashed); i++) {
        struct submission *s = sample_parse(hashed[i].json);
        submission_hash(s, hashes[i]);
        /* Kept only where it will be asked for. */
        assert_int_equal(memcmp(s->hash, hashes[i], 32) == 0, s->id != NULL);
        submission_free(s);
        for (size_t j = 0; j < i; j++) {
            bool same = memcmp(hashes[i], hashes[j], 32) == 0;
            if (same != (hashed[i].group == hashed[j].group))
                fail_msg("%s and %s", hashed[i].json, hashed[j].json);
        }
    }
}

/* Ids and hashes outlive the server that made them: a change of the form is a conflict for every
 * client that sends again. The value was made by hand from the form. */
static void hash_never_changes(void **state)
{
    struct submission *s = sample_parse(hashed[0].json);
    uint8_t hash[32];
    char hex[65];

    (void)state;
    submission_hash(s, hash);
    for (size_t i = 0; i < sizeof hash; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    assert_string_equal(hex, "b989dd885f292f5036237257bd1c243ecfc94c0fda476310d401c38f484b7287");
    submission_free(s);
}

/* The first versions counted a tolerance that was not given as 1e-6, and could not tell it from one
 * that was. The value was made by hand from their form. */
#define EARLIER "26c9bc3f08cbac2b5f4180517c68a0e0a2226c751b5661b452442c8a9f24a6dc"

static void hashes_of_earlier_versions_are_known(void **state)
{
#define FLOAT "{\"language\":\"c\",\"source\":\"x\",\"id\":\"1\",\"checker\":{\"name\":\"float\","
    static const struct {
        const char *json;
        bool known;
    } rows[] = {
        { FLOAT "\"absolute_tolerance\":1e-9}}", true },
        { FLOAT "\"absolute_tolerance\":1e-9,\"relative_tolerance\":1e-6}}", true },
        { FLOAT "\"absolute_tolerance\":1e-9,\"relative_tolerance\":1e-9}}", false },
        { FLOAT "\"relative_tolerance\":1e-9}}", false },
        { "{\"language\":\"c\",\"source\":\"x\",\"id\":\"1\"}", false },
    };
#undef FLOAT
    uint8_t earlier[32];

    (void)state;
    for (size_t i = 0; i < sizeof earlier; i++) {
        unsigned byte;
        assert_int_equal(sscanf(&EARLIER[2 * i], "%2x", &byte), 1);
        earlier[i] = (uint8_t)byte;
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct submission *s = sample_parse(rows[i].json);
        assert_int_equal(submission_hash_is(s, earlier, sizeof earlier), rows[i].known);
        assert_true(submission_hash_is(s, s->hash, sizeof s->hash));
        assert_false(submission_hash_is(s, s->hash, sizeof s->hash - 1));
        assert_int_not_equal(memcmp(s->hash, earlier, sizeof earlier), 0); /* rows of this one */
        submission_free(s);
    }
}

/* The server's default is not part of what was sent. */
static void default_checker_is_not_hashed(void **state)
{
    static const char json[] = "{\"language\":\"c\",\"source\":\"x\",\"id\":\"1\"}";
    struct submission_rules rules = sample_rules;
    struct submission *a = sample_with(",\"id\":\"1\""), *b = NULL;
    struct field_errors p;
    struct err e;

    (void)state;
    rules.default_checker = (struct checker)CHECKER_INIT(CHECKER_EXACT);
    assert_int_equal(submission_parse(json, strlen(json), &rules, &b, &p, &e), 0);
    assert_int_equal(b->checker.kind, CHECKER_EXACT);
    assert_memory_equal(a->hash, b->hash, 32);
    submission_free(a);
    submission_free(b);
}

/* ---- the stored form ---- */

struct pool_class {
    const struct submission_packed *packed;
    int asked;
};

static int from_shelf(void *ctx, const uint8_t hash[32], struct bytes *ret_text, struct err *e)
{
    struct pool_class *shelf = ctx;

    shelf->asked++;
    for (size_t i = 0; shelf->packed && i < shelf->packed->texts_len; i++) {
        const struct text_ref *t = &shelf->packed->texts[i];
        if (memcmp(t->hash, hash, 32) == 0)
            return bytes_copy(t->data, t->len, ret_text);
    }
    return err_set(e, ERR_NOT_FOUND, "no such text");
}

static void assert_round_trip(const struct submission *s, size_t texts)
{
    struct submission_packed packed;
    struct submission *back = NULL;
    struct pool_class shelf = { &packed, 0 };
    struct err e;

    assert_int_equal(submission_pack(s, &packed, &e), 0);
    assert_int_equal(strlen(packed.json), packed.json_len);
    assert_true(text_is_utf8(packed.json, packed.json_len));
    assert_int_equal(packed.texts_len, texts);
    if (submission_unpack(packed.json, packed.json_len, from_shelf, &shelf, &back, &e) < 0)
        fail_msg("%s: %s", e.msg, packed.json);
    assert_int_equal(shelf.asked, texts);
    sample_assert_same(s, back);
    submission_free(back);
    submission_packed_clear(&packed);
    assert_null(packed.json);
}

static void packing_is_reversible(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hashed); i++) {
        struct submission *s = sample_parse(hashed[i].json);
        assert_round_trip(s, 0);
        submission_free(s);
    }
    struct submission *s = sample_with(
        ",\"id\":\"\xC3\xA9\\\"\",\"limits\":{\"time_limit_ms\":1,\"wall_time_limit_ms\":2,"
        "\"memory_limit_bytes\":3},\"checker\":{\"name\":\"float\",\"case_sensitive\":false,"
        "\"absolute_tolerance\":0.1,\"relative_tolerance\":1e-300},\"stop_on_failure\":false,"
        "\"tests\":[{\"number\":9223372036854775807,\"input\":\"\\u0000\\u0001\\u001f\\u007f\","
        "\"expected_output\":\"\\u00010\"},{\"input_base64\":\"/wD/\"}]");
    assert_round_trip(s, 0);
    submission_free(s);
}

static void rows_of_earlier_versions_mean_what_they_meant(void **state)
{
    static const struct {
        const char *tolerances;
        double absolute, relative;
    } rows[] = {
        { "", CHECKER_NOT_GIVEN, CHECKER_NOT_GIVEN },
        { "\"absolute_tolerance\":0.5,", 0.5, 1e-6 },
        { "\"relative_tolerance\":0,", 1e-6, 0 },
        { "\"absolute_tolerance\":0.5,\"relative_tolerance\":null,", 0.5, CHECKER_NOT_GIVEN },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(freep) char *json = NULL;
        CLEANUP(submission_freep) struct submission *s = NULL;
        struct err e;
        assert_true(asprintf(&json,
                             "{\"language\":\"c\",\"source\":\"x\",\"checker\":{\"name\":\"float\","
                             "\"case_sensitive\":true,%s\"given\":true},\"stop_on_failure\":true,"
                             "\"tests\":[]}",
                             rows[i].tolerances) > 0);
        assert_int_equal(submission_unpack(json, strlen(json), from_shelf, NULL, &s, &e), 0);
        assert_true(s->checker.absolute_tolerance == rows[i].absolute);
        assert_true(s->checker.relative_tolerance == rows[i].relative);
    }
}

/* Texts of every kind of byte, around the length from which they are kept aside. */
static void texts_of_any_bytes_and_length(void **state)
{
    static const char *const fillers[] = { "a", "\n", "\xC3\xBC", "\xFF", "\x01", "\"\\" };
    static const size_t lengths[] = { 0, 1, 6, 31, 32, 33, 4094, 4095, 4096, 4097, 9000, 100000 };

    (void)state;
    for (size_t f = 0; f < ARRAY_LEN(fillers); f++) {
        for (size_t l = 0; l < ARRAY_LEN(lengths); l++) {
            struct submission *s = sample_with(",\"tests\":[{}]");
            char *data = malloc(lengths[l] + 1);
            assert_non_null(data);
            for (size_t i = 0; i < lengths[l]; i++)
                data[i] = fillers[f][i % strlen(fillers[f])];
            data[lengths[l]] = '\0';
            if (lengths[l] > 40)
                data[20] = '\0';
            free(s->tests[0].input.data);
            s->tests[0].input = (struct bytes){ .data = data, .len = lengths[l] };
            assert_round_trip(s, lengths[l] >= SUBMISSION_INLINE_MAX);
            submission_free(s);
        }
    }
}

static void one_text_twice_has_one_hash(void **state)
{
    struct submission *s = sample_with(",\"tests\":[{}]");
    struct submission_packed packed;
    struct err e;
    char big[5000];

    (void)state;
    memset(big, 'b', sizeof big);
    bytes_clear(&s->source);
    bytes_clear(&s->tests[0].input);
    bytes_clear(&s->tests[0].expected);
    assert_int_equal(bytes_copy(big, sizeof big, &s->source), 0);
    assert_int_equal(bytes_copy(big, sizeof big, &s->tests[0].input), 0);
    assert_int_equal(bytes_copy(big, sizeof big - 1, &s->tests[0].expected), 0);
    assert_int_equal(submission_pack(s, &packed, &e), 0);
    assert_int_equal(packed.texts_len, 3);
    assert_memory_equal(packed.texts[0].hash, packed.texts[1].hash, 32);
    assert_memory_not_equal(packed.texts[0].hash, packed.texts[2].hash, 32);
    assert_ptr_equal(packed.texts[0].data, s->source.data);
    assert_true(packed.json_len < 600);
    submission_packed_clear(&packed);
    submission_free(s);
}

static void a_lost_text_is_an_error(void **state)
{
    struct submission *s = sample_with(",\"tests\":[{}]"), *back = NULL;
    struct submission_packed packed;
    struct pool_class empty = { NULL, 0 };
    struct err e = { 0 };
    char big[5000];

    (void)state;
    memset(big, 'b', sizeof big);
    bytes_clear(&s->source);
    assert_int_equal(bytes_copy(big, sizeof big, &s->source), 0);
    assert_int_equal(submission_pack(s, &packed, &e), 0);
    assert_int_equal(submission_unpack(packed.json, packed.json_len, from_shelf, &empty, &back, &e),
                     -1);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_null(back);
    submission_packed_clear(&packed);
    submission_free(s);
}

static void damaged_rows_are_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "{}",
        "[]",
        "{\"language\":\"c\"}",
        "{\"language\":1,\"source\":\"x\",\"tests\":[]}",
        "{\"language\":\"c\",\"source\":{\"hash\":\"abc\"}}",
        "{\"language\":\"c\",\"source\":{\"hash\":\"zz\"}}",
        "{\"language\":\"c\",\"source\":{\"base64\":\"*\"}}",
        "{\"language\":\"c\",\"source\":\"x\",\"time_limit_ms\":\"1\"}",
        "{\"language\":\"c\",\"source\":\"x\",\"checker\":{\"name\":\"x\"}}",
    };
    struct submission *s = sample_with(",\"id\":\"1\",\"tests\":[{\"number\":3}]"), *back = NULL;
    struct submission_packed packed;
    struct pool_class empty = { NULL, 0 };
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(submission_unpack(rows[i], strlen(rows[i]), from_shelf, &empty, &back, &e),
                         -1);
        assert_null(back);
    }
    assert_int_equal(submission_pack(s, &packed, &e), 0);
    for (size_t n = 0; n < packed.json_len; n++) {
        assert_int_equal(submission_unpack(packed.json, n, from_shelf, &empty, &back, &e), -1);
        assert_null(back);
    }
    submission_packed_clear(&packed);
    submission_free(s);
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

/* What GET /submissions/{id} shows can be sent again, and is the same submission. */
static void as_sent_is_the_same_submission(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hashed); i++) {
        struct submission *s = sample_parse(hashed[i].json), *again;
        json_t *json = submission_to_json(s);
        CLEANUP(freep) char *text = json_dumps(json, 0);
        again = sample_parse(text);
        sample_assert_same(s, again);
        json_decref(json);
        submission_free(again);
        submission_free(s);
    }
}

static int allocations_left;

static void *failing_malloc(size_t size) { return allocations_left-- > 0 ? malloc(size) : NULL; }

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
        allocations_left = n;
        json_set_alloc_funcs(failing_malloc, free);
        got = submission_to_json(s);
        json_set_alloc_funcs(malloc, free);
    }
    assert_true(n > 20);
    assert_int_equal(json_object_size(got), 7);
    json_decref(got);
    submission_free(s);
}

static void unpack_out_of_memory(void **state)
{
    struct submission *s = sample_with(",\"id\":\"i\",\"tests\":[{\"input_base64\":\"/w==\"},{}]");
    struct submission *back = NULL;
    struct submission_packed packed;
    struct pool_class shelf = { NULL, 0 };
    struct err e;
    int n = 0;

    (void)state;
    assert_int_equal(submission_pack(s, &packed, &e), 0);
    for (; !back; n++) {
        assert_true(n < 10000);
        allocations_left = n;
        json_set_alloc_funcs(failing_malloc, free);
        (void)!submission_unpack(packed.json, packed.json_len, from_shelf, &shelf, &back, &e);
        json_set_alloc_funcs(malloc, free);
    }
    assert_true(n > 20);
    sample_assert_same(s, back);
    submission_free(back);
    submission_free(s);
    submission_packed_clear(&packed);
}

static void takes_null_and_half_built(void **state)
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
        cmocka_unit_test(limits_that_hold),
        cmocka_unit_test(hash_tells_submissions_apart),
        cmocka_unit_test(hash_never_changes),
        cmocka_unit_test(hashes_of_earlier_versions_are_known),
        cmocka_unit_test(rows_of_earlier_versions_mean_what_they_meant),
        cmocka_unit_test(default_checker_is_not_hashed),
        cmocka_unit_test(packing_is_reversible),
        cmocka_unit_test(texts_of_any_bytes_and_length),
        cmocka_unit_test(one_text_twice_has_one_hash),
        cmocka_unit_test(a_lost_text_is_an_error),
        cmocka_unit_test(damaged_rows_are_refused),
        cmocka_unit_test(as_sent),
        cmocka_unit_test(as_sent_is_the_same_submission),
        cmocka_unit_test(as_sent_out_of_memory),
        cmocka_unit_test(unpack_out_of_memory),
        cmocka_unit_test(takes_null_and_half_built),
    };
    return text_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
