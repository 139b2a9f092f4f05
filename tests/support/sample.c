#include "tests/support/sample.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/assert_err.h"

static bool knows(const void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "c") == 0 || strcmp(name, "python") == 0;
}

const struct submission_rules sample_rules = {
    .max_tests = 10,
    .max_source_bytes = 10000,
    .max_depth = 8,
    .max_time_ms = 300000,
    .max_memory_bytes = 1000000000,
    .default_time_ms = 10000,
    .default_checker = CHECKER_INIT(CHECKER_LINES),
    .knows_language = knows,
    .refuse_unknown = true,
};

struct submission *sample_parse_n(const char *json, size_t len)
{
    struct submission *s = NULL;
    struct field_errors p;
    struct err e = { 0 };

    if (submission_parse(json, len, &sample_rules, &s, &p, &e) < 0)
        fail_msg("%s: %s", e.msg, json);
    field_errors_clear(&p);
    return s;
}

struct submission *sample_parse(const char *json) { return sample_parse_n(json, strlen(json)); }

struct submission *sample_with(const char *more)
{
    char json[4096];
    int n = snprintf(json, sizeof json, "{\"language\":\"c\",\"source\":\"x\"%s}", more);
    assert_true(n > 0 && (size_t)n < sizeof json);
    return sample_parse(json);
}

void sample_assert_bytes(const struct bytes *b, const char *want, size_t len)
{
    assert_non_null(b->data);
    assert_int_equal(b->len, len);
    assert_memory_equal(b->data, want, len);
    assert_int_equal(b->data[len], '\0');
}

void sample_assert_same(const struct submission *a, const struct submission *b)
{
    assert_int_equal(!a->id, !b->id);
    if (a->id)
        assert_string_equal(a->id, b->id);
    assert_string_equal(a->language, b->language);
    sample_assert_bytes(&a->source, b->source.data, b->source.len);
    assert_int_equal(a->limits.time_ms, b->limits.time_ms);
    assert_int_equal(a->limits.wall_ms, b->limits.wall_ms);
    assert_int_equal(a->limits.memory_bytes, b->limits.memory_bytes);
    assert_int_equal(a->checker_given, b->checker_given);
    assert_int_equal(a->checker.kind, b->checker.kind);
    assert_int_equal(a->checker.case_sensitive, b->checker.case_sensitive);
    assert_memory_equal(&a->checker.absolute_tolerance, &b->checker.absolute_tolerance,
                        sizeof(double));
    assert_memory_equal(&a->checker.relative_tolerance, &b->checker.relative_tolerance,
                        sizeof(double));
    assert_int_equal(a->stop_on_failure, b->stop_on_failure);
    assert_int_equal(a->tests_len, b->tests_len);
    for (size_t i = 0; i < a->tests_len; i++) {
        assert_int_equal(a->tests[i].number, b->tests[i].number);
        sample_assert_bytes(&a->tests[i].input, b->tests[i].input.data, b->tests[i].input.len);
        sample_assert_bytes(&a->tests[i].expected, b->tests[i].expected.data,
                            b->tests[i].expected.len);
    }
    assert_memory_equal(a->hash, b->hash, sizeof a->hash);
    uint8_t hashes[2][32];
    submission_hash(a, hashes[0]);
    submission_hash(b, hashes[1]);
    assert_memory_equal(hashes[0], hashes[1], sizeof hashes[0]);
}
