/* tests/unit/submission_fixture.h - rules and helpers that the submission tests share. */
#pragma once

#include <stdio.h>
#include <string.h>

#include "schema/base/err.h"
#include "schema/model/submission.h"

static inline bool fixture_knows(const void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "c") == 0 || strcmp(name, "python") == 0;
}

static const struct submission_rules fixture_http = {
    .max_tests = 10,
    .max_source_bytes = 10000,
    .max_depth = 8,
    .max_time_ms = 300000,
    .max_memory_bytes = 1000000000,
    .default_time_ms = 10000,
    .default_checker = CHECKER_INIT(CHECKER_LINES),
    .knows_language = fixture_knows,
    .refuse_unknown = true,
};

/* Parses what must be a submission. Caller owns it. */
static inline struct submission *fixture_parse_n(const char *json, size_t len)
{
    struct submission *s = NULL;
    struct field_errors p;
    struct err e = { 0 };

    if (submission_parse(json, len, &fixture_http, &s, &p, &e) < 0)
        fail_msg("%s: %s", e.msg, json);
    field_errors_clear(&p);
    return s;
}

static inline struct submission *fixture_parse(const char *json)
{
    return fixture_parse_n(json, strlen(json));
}

/* Members more (with a comma in front, or "") behind a language and a source. */
static inline struct submission *fixture_with(const char *more)
{
    char json[4096];
    int n = snprintf(json, sizeof json, "{\"language\":\"c\",\"source\":\"x\"%s}", more);
    assert_true(n > 0 && (size_t)n < sizeof json);
    return fixture_parse(json);
}

/* The source becomes a tree of these files; a NULL name is none. */
static inline void fixture_tree(struct submission *s, const char *const files[][2], size_t len)
{
    source_tree_clear(&s->source);
    assert_int_equal(source_tree_make(len, &s->source), 0);
    for (size_t i = 0; i < len; i++) {
        struct source_file *f = &s->source.files[i];
        f->name = files[i][0] ? strdup(files[i][0]) : NULL;
        assert_int_equal(bytes_copy(files[i][1], strlen(files[i][1]), &f->bytes), 0);
    }
}

static inline void assert_bytes(const struct bytes *b, const char *want, size_t len)
{
    assert_non_null(b->data);
    assert_int_equal(b->len, len);
    assert_memory_equal(b->data, want, len);
    assert_int_equal(b->data[len], '\0');
}

static inline void assert_same_source(const struct source_tree *a, const struct source_tree *b)
{
    assert_int_equal(a->len, b->len);
    for (size_t i = 0; i < a->len; i++) {
        assert_int_equal(!a->files[i].name, !b->files[i].name);
        if (a->files[i].name)
            assert_string_equal(a->files[i].name, b->files[i].name);
        assert_bytes(&a->files[i].bytes, b->files[i].bytes.data, b->files[i].bytes.len);
    }
}

static inline void assert_same_submission(const struct submission *a, const struct submission *b)
{
    assert_int_equal(!a->id, !b->id);
    if (a->id)
        assert_string_equal(a->id, b->id);
    assert_string_equal(a->language, b->language);
    assert_same_source(&a->source, &b->source);
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
        assert_bytes(&a->tests[i].input, b->tests[i].input.data, b->tests[i].input.len);
        assert_bytes(&a->tests[i].expected, b->tests[i].expected.data, b->tests[i].expected.len);
    }
    assert_memory_equal(a->hash, b->hash, sizeof a->hash);
    uint8_t hashes[2][32];
    submission_hash(a, hashes[0]);
    submission_hash(b, hashes[1]);
    assert_memory_equal(hashes[0], hashes[1], sizeof hashes[0]);
}
