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
    .default_memory_bytes = 256000000,
    .default_checker = CHECKER_INIT(CHECKER_LINES),
    .knows_language = knows,
    .refuse_unknown = true,
};

const struct sample_form sample_forms[SAMPLE_FORMS] = {
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
    { 0, "{" HEAD ",\"priority\":0,\"owner\":\"\"}" },
    { 0, "{" HEAD ",\"priority\":null,\"owner\":null}" },
    { 30, "{" HEAD ",\"priority\":10}" },
    { 31, "{" HEAD ",\"priority\":-10}" },
    { 32, "{" HEAD ",\"owner\":\"a\"}" },
    { 33, "{" HEAD ",\"owner\":\"b\"}" },
    { 34, "{" HEAD ",\"priority\":-1,\"owner\":\"\\u00e9\"}" },
    { 34, "{" HEAD ",\"owner\":\"\\u00e9\",\"priority\":-1.0}" },
    { 0, "{" HEAD ",\"labels\":{}}" },
    { 0, "{" HEAD ",\"labels\":{\"a\":null}}" },
    { 35, "{" HEAD ",\"labels\":{\"a\":\"\"}}" },
    { 36, "{" HEAD ",\"labels\":{\"a\":\"1\",\"b\":\"2\"}}" },
    { 36, "{" HEAD ",\"labels\":{\"b\":\"2\",\"a\":\"\\u0031\"}}" },
    { 37, "{" HEAD ",\"labels\":{\"a\":\"2\",\"b\":\"1\"}}" },
};

const struct sample_tree sample_trees[SAMPLE_TREES] = {
    { { { NULL, "x" } }, 1 },
    { { { "main.c", "x" } }, 1 },
    { { { NULL, "x" }, { "a.h", "y" } }, 2 },
    { { { "main.c", "x" }, { "a.h", "y" } }, 2 },
    { { { "main.c", "x" }, { "a.h", "y" }, { "b/c.h", "z" } }, 3 },
    { { { NULL, "x" }, { "a.h", "y" }, { "b/c.h", "z" } }, 3 },
    { { { "main.c", "x" }, { "a.h", "z" }, { "b/c.h", "y" } }, 3 },
    { { { "main.c", "x" }, { "b/c.h", "y" }, { "a.h", "z" } }, 3 },
    { { { "main.c", "x" }, { "a.h", "yb" }, { "/c.h", "z" } }, 3 },
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

void sample_set_tree(struct submission *s, const char *const files[][2], size_t len)
{
    source_tree_clear(&s->source);
    assert_int_equal(source_tree_make(len, &s->source), 0);
    for (size_t i = 0; i < len; i++) {
        struct source_file *f = &s->source.files[i];
        f->name = files[i][0] ? strdup(files[i][0]) : NULL;
        assert_int_equal(bytes_copy(files[i][1], strlen(files[i][1]), &f->bytes), 0);
    }
}

void sample_assert_bytes(const struct bytes *b, const char *want, size_t len)
{
    assert_non_null(b->data);
    assert_int_equal(b->len, len);
    assert_memory_equal(b->data, want, len);
    assert_int_equal(b->data[len], '\0');
}

static void assert_same_source(const struct source_tree *a, const struct source_tree *b)
{
    assert_int_equal(a->len, b->len);
    for (size_t i = 0; i < a->len; i++) {
        assert_int_equal(!a->files[i].name, !b->files[i].name);
        if (a->files[i].name)
            assert_string_equal(a->files[i].name, b->files[i].name);
        sample_assert_bytes(&a->files[i].bytes, b->files[i].bytes.data, b->files[i].bytes.len);
    }
}

void sample_assert_same(const struct submission *a, const struct submission *b)
{
    assert_int_equal(!a->id, !b->id);
    if (a->id)
        assert_string_equal(a->id, b->id);
    assert_string_equal(a->language, b->language);
    assert_int_equal(a->priority, b->priority);
    assert_string_equal(a->owner ? a->owner : "", b->owner ? b->owner : "");
    assert_string_equal(a->labels ? a->labels : "", b->labels ? b->labels : "");
    assert_same_source(&a->source, &b->source);
    assert_int_equal(a->door, b->door);
    assert_string_equal(a->traceparent, b->traceparent);
    assert_int_equal(a->limits.time_ms, b->limits.time_ms);
    assert_int_equal(a->limits.wall_ms, b->limits.wall_ms);
    assert_int_equal(a->limits.memory_bytes, b->limits.memory_bytes);
    assert_int_equal(a->in_force.time_ms, b->in_force.time_ms);
    assert_int_equal(a->in_force.wall_ms, b->in_force.wall_ms);
    assert_int_equal(a->in_force.memory_bytes, b->in_force.memory_bytes);
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

void sample_assert_error(const char *json, const char *pointer)
{
    struct submission *s = NULL;
    struct field_errors p;
    struct err e = { 0 };

    if (submission_parse(json, strlen(json), &sample_rules, &s, &p, &e) == 0)
        fail_msg("accepted: %s", json);
    assert_null(s);
    if (e.kind != ERR_INPUT || p.len != 1)
        fail_msg("%s, %zu errors ('%s'): %s", err_kind_name(e.kind), p.len, e.msg, json);
    assert_string_equal(p.list[0].pointer, pointer);
    assert_true(strlen(p.list[0].detail) > 5);
    assert_non_null(strstr(e.msg, p.list[0].detail));
    field_errors_clear(&p);
}
