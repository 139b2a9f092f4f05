/* tests/unit/test_submission_pack.c - the stored form of a submission, there and back. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/bytes.h"
#include "schema/base/text.h"
#include "schema/model/submission.h"
#include "tests/support/assert_err.h"
#include "tests/support/memory.h"
#include "tests/support/sample.h"

/* ---- the stored form ---- */

struct packed_blobs {
    const struct submission_packed *packed;
    int asked;
};

static int find_packed_blob(void *ctx, const uint8_t hash[32], struct bytes *ret_text,
                            struct err *e)
{
    struct packed_blobs *stored = ctx;

    stored->asked++;
    for (size_t i = 0; stored->packed && i < stored->packed->blobs_len; i++) {
        const struct blob_ref *t = &stored->packed->blobs[i];
        if (memcmp(t->hash, hash, 32) == 0)
            return bytes_copy(t->data, t->len, ret_text);
    }
    return err_set(e, ERR_NOT_FOUND, "no such text");
}

static void assert_round_trip(const struct submission *s, size_t texts)
{
    struct submission_packed packed;
    struct submission *back = NULL;
    struct packed_blobs stored = { &packed, 0 };
    struct err e;

    assert_int_equal(submission_pack(s, &packed, &e), 0);
    assert_int_equal(strlen(packed.json), packed.json_len);
    assert_true(text_is_utf8(packed.json, packed.json_len));
    assert_int_equal(packed.blobs_len, texts);
    if (submission_unpack(packed.json, packed.json_len, find_packed_blob, &stored, &back, &e) < 0)
        fail_msg("%s: %s", e.msg, packed.json);
    assert_int_equal(stored.asked, texts);
    sample_assert_same(s, back);
    submission_free(back);
    submission_packed_clear(&packed);
    assert_null(packed.json);
}

static void packing_is_reversible(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLE_FORMS; i++) {
        struct submission *s = sample_parse(sample_forms[i].json);
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
    s->door = SUBMISSION_KAFKA;
    (void)strcpy(s->traceparent, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    assert_round_trip(s, 0);
    s->door = SUBMISSION_HTTP;
    assert_round_trip(s, 0);
    submission_free(s);
}

static void trees_are_packed_and_come_back(void **state)
{
    static char big[SUBMISSION_INLINE_MAX + 1];
    static const char *const large[][2] = { { NULL, big }, { "a.h", "" }, { "b.h", big } };
    struct submission *s = sample_with(",\"id\":\"1\",\"tests\":[{\"input\":\"1\"}]");

    (void)state;
    for (size_t i = 0; i < SAMPLE_TREES; i++) {
        sample_set_tree(s, sample_trees[i].files, sample_trees[i].len);
        submission_hash(s, s->hash);
        assert_round_trip(s, 0);
    }
    memset(big, 'b', sizeof big - 1);
    sample_set_tree(s, large, ARRAY_LEN(large));
    assert_round_trip(s, 2);
    assert_int_equal(source_tree_size(&s->source), 2 * (sizeof big - 1));
    submission_free(s);
}

/* What other versions have written we read, and the other way round. */
static void the_stored_form_never_changes(void **state)
{
    struct submission *s = sample_with(
        ",\"id\":\"i\",\"tests\":[{\"input\":\"1\",\"expected_output_base64\":\"/w==\"}]");
    struct submission_packed packed;
    struct err e;

    (void)state;
    assert_int_equal(submission_pack(s, &packed, &e), 0);
    assert_string_equal(
        packed.json,
        "{\"id\":\"i\",\"language\":\"c\",\"source\":\"x\",\"in_force\":{\"time_limit_ms\":10000,"
        "\"memory_limit_bytes\":256000000},\"checker\":{\"name\":\"lines\","
        "\"case_sensitive\":true,\"given\":false},\"stop_on_failure\":true,\"tests\":[{\"number\":"
        "1,"
        "\"input\":\"1\",\"expected_output\":{\"base64\":\"/w==\"}}],"
        "\"hash\":\"dcbb832faf616f2e1a4532e54258998e20835568ed8efd0247203c56a8e0308a\"}");
    submission_packed_clear(&packed);
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
        assert_int_equal(submission_unpack(json, strlen(json), find_packed_blob, NULL, &s, &e), 0);
        assert_int_equal(s->in_force.time_ms, 0);
        assert_int_equal(s->door, SUBMISSION_NO_DOOR);
        assert_string_equal(s->traceparent, "");
        assert_true(s->checker.absolute_tolerance == rows[i].absolute);
        assert_true(s->checker.relative_tolerance == rows[i].relative);
    }
}

/* Texts of all bytes, around the length from which they are blobs. */
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
    bytes_clear(&s->source.files[0].bytes);
    bytes_clear(&s->tests[0].input);
    bytes_clear(&s->tests[0].expected);
    assert_int_equal(bytes_copy(big, sizeof big, &s->source.files[0].bytes), 0);
    assert_int_equal(bytes_copy(big, sizeof big, &s->tests[0].input), 0);
    assert_int_equal(bytes_copy(big, sizeof big - 1, &s->tests[0].expected), 0);
    assert_int_equal(submission_pack(s, &packed, &e), 0);
    assert_int_equal(packed.blobs_len, 3);
    assert_memory_equal(packed.blobs[0].hash, packed.blobs[1].hash, 32);
    assert_memory_not_equal(packed.blobs[0].hash, packed.blobs[2].hash, 32);
    assert_ptr_equal(packed.blobs[0].data, s->source.files[0].bytes.data);
    assert_true(packed.json_len < 600);
    submission_packed_clear(&packed);
    submission_free(s);
}

static void a_missing_blob_is_an_error(void **state)
{
    struct submission *s = sample_with(",\"tests\":[{}]"), *back = NULL;
    struct submission_packed packed;
    struct packed_blobs empty = { NULL, 0 };
    struct err e = { 0 };
    char big[5000];

    (void)state;
    memset(big, 'b', sizeof big);
    bytes_clear(&s->source.files[0].bytes);
    assert_int_equal(bytes_copy(big, sizeof big, &s->source.files[0].bytes), 0);
    assert_int_equal(submission_pack(s, &packed, &e), 0);
    assert_int_equal(
        submission_unpack(packed.json, packed.json_len, find_packed_blob, &empty, &back, &e), -1);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_null(back);
    submission_packed_clear(&packed);
    submission_free(s);
}

#define TREE(files)                                                                                \
    "{\"language\":\"c\",\"source\":[" files                                                       \
    "],\"checker\":{\"name\":\"lines\",\"case_sensitive\":true,\"given\":true},"                   \
    "\"stop_on_failure\":true,\"tests\":[]}"

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
        TREE(""),
        TREE("1"),
        TREE("{}"),
        TREE("{\"text\":1}"),
        TREE("{\"name\":1,\"text\":\"x\"}"),
        TREE("{\"text\":\"x\"},{\"name\":\"a\"}"),
        TREE("{\"text\":\"x\"},null"),
    };
    struct submission *s = sample_with(",\"id\":\"1\",\"tests\":[{\"number\":3}]"), *back = NULL;
    struct submission_packed packed;
    struct packed_blobs empty = { NULL, 0 };
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(
            submission_unpack(rows[i], strlen(rows[i]), find_packed_blob, &empty, &back, &e), -1);
        assert_null(back);
    }
    assert_int_equal(submission_unpack(TREE("{\"text\":\"x\"}"), strlen(TREE("{\"text\":\"x\"}")),
                                       find_packed_blob, &empty, &back, &e),
                     0);
    back = submission_free(back);
    assert_int_equal(submission_pack(s, &packed, &e), 0);
    for (size_t n = 0; n < packed.json_len; n++) {
        assert_int_equal(submission_unpack(packed.json, n, find_packed_blob, &empty, &back, &e),
                         -1);
        assert_null(back);
    }
    submission_packed_clear(&packed);
    submission_free(s);
}

/* ---- as sent ---- */

static void unpack_out_of_memory(void **state)
{
    struct submission *s = sample_with(",\"id\":\"i\",\"tests\":[{\"input_base64\":\"/w==\"},{}]");
    struct submission *back = NULL;
    struct submission_packed packed;
    struct packed_blobs stored = { NULL, 0 };
    struct err e;
    int n = 0;

    (void)state;
    assert_int_equal(submission_pack(s, &packed, &e), 0);
    for (; !back; n++) {
        assert_true(n < 10000);
        memory_ends_after(n);
        (void)!submission_unpack(packed.json, packed.json_len, find_packed_blob, &stored, &back,
                                 &e);
        memory_restore();
    }
    assert_true(n > 20);
    sample_assert_same(s, back);
    submission_free(back);
    submission_free(s);
    submission_packed_clear(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trees_are_packed_and_come_back),
        cmocka_unit_test(the_stored_form_never_changes),
        cmocka_unit_test(rows_of_earlier_versions_mean_what_they_meant),
        cmocka_unit_test(packing_is_reversible),
        cmocka_unit_test(texts_of_any_bytes_and_length),
        cmocka_unit_test(one_text_twice_has_one_hash),
        cmocka_unit_test(a_missing_blob_is_an_error),
        cmocka_unit_test(damaged_rows_are_refused),
        cmocka_unit_test(unpack_out_of_memory),
    };
    return text_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
