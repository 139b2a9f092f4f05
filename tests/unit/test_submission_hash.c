/* tests/unit/test_submission_hash.c - what makes two submissions one. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/text.h"
#include "schema/model/submission.h"
#include "tests/support/assert_err.h"
#include "tests/support/sample.h"

static void different_submissions_have_different_hashes(void **state)
{
    uint8_t hashes[SAMPLE_FORMS][32];

    (void)state;
    for (size_t i = 0; i < SAMPLE_FORMS; i++) {
        struct submission *s = sample_parse(sample_forms[i].json);
        submission_hash(s, hashes[i]);
        /* Computed only if there is an id. */
        assert_int_equal(memcmp(s->hash, hashes[i], 32) == 0, s->id != NULL);
        submission_free(s);
        for (size_t j = 0; j < i; j++) {
            bool same = memcmp(hashes[i], hashes[j], 32) == 0;
            if (same != (sample_forms[i].group == sample_forms[j].group))
                fail_msg("%s and %s", sample_forms[i].json, sample_forms[j].json);
        }
    }
}

/* The first is what every source was once: an id that was sent with it is not one of the others,
 * even where the form has changed since. */
static void hash_tells_trees_apart(void **state)
{
    uint8_t hashes[SAMPLE_TREES][32], earlier[32];
    struct submission *s = sample_with(",\"id\":\"1\",\"checker\":\"float\"");

    (void)state;
    memcpy(earlier, s->hash, sizeof earlier);
    for (size_t i = 0; i < SAMPLE_TREES; i++) {
        sample_set_tree(s, sample_trees[i].files, sample_trees[i].len);
        submission_hash(s, hashes[i]);
        memcpy(s->hash, hashes[i], sizeof s->hash);
        assert_true(submission_hash_is(s, hashes[i], sizeof hashes[i]));
        assert_int_equal(submission_hash_is(s, earlier, sizeof earlier), i == 0);
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(hashes[i], hashes[k], sizeof hashes[i]);
    }
    submission_free(s);
}

/* Hashes are stored: if the form changed, every submission that is sent again would be a conflict.
 * The value was computed by hand from the form. */
static void hash_never_changes(void **state)
{
    struct submission *s = sample_parse(sample_forms[0].json);
    uint8_t hash[32];
    char hex[65];

    (void)state;
    submission_hash(s, hash);
    for (size_t i = 0; i < sizeof hash; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    assert_string_equal(hex, "b989dd885f292f5036237257bd1c243ecfc94c0fda476310d401c38f484b7287");
    submission_free(s);
}

/* The first versions hashed a tolerance that was not given as 1e-6. The value was computed by hand
 * from their form. */
#define EARLIER "26c9bc3f08cbac2b5f4180517c68a0e0a2226c751b5661b452442c8a9f24a6dc"

static void get_earlier(uint8_t hash[32])
{
    for (size_t i = 0; i < 32; i++) {
        unsigned byte;
        assert_int_equal(sscanf(&EARLIER[2 * i], "%2x", &byte), 1);
        hash[i] = (uint8_t)byte;
    }
}

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
    get_earlier(earlier);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct submission *s = sample_parse(rows[i].json);
        assert_int_equal(submission_hash_is(s, earlier, sizeof earlier), rows[i].known);
        assert_true(submission_hash_is(s, s->hash, sizeof s->hash));
        assert_false(submission_hash_is(s, s->hash, sizeof s->hash - 1));
        assert_int_not_equal(memcmp(s->hash, earlier, sizeof earlier),
                             0); /* rows of this version */
        submission_free(s);
    }
}

static void no_tree_is_an_earlier_source(void **state)
{
    struct submission *s = sample_with(",\"id\":\"1\",\"checker\":{\"name\":\"float\","
                                       "\"absolute_tolerance\":1e-9}");
    uint8_t earlier[32];

    (void)state;
    get_earlier(earlier);
    assert_true(submission_hash_is(s, earlier, sizeof earlier));
    sample_set_tree(s, sample_trees[4].files, sample_trees[4].len);
    submission_hash(s, s->hash);
    assert_false(submission_hash_is(s, earlier, sizeof earlier));
    submission_free(s);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(different_submissions_have_different_hashes),
        cmocka_unit_test(hash_tells_trees_apart),
        cmocka_unit_test(hash_never_changes),
        cmocka_unit_test(hashes_of_earlier_versions_are_known),
        cmocka_unit_test(no_tree_is_an_earlier_source),
        cmocka_unit_test(default_checker_is_not_hashed),
    };
    return text_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
