/* tests/support/sample.h - submissions as the tests of schema/model need them. */
#pragma once

#include "schema/base/bytes.h"
#include "schema/model/submission.h"

/* HTTP's rules with small bounds, and the languages c and python. */
extern const struct submission_rules sample_rules;

/* What must be a submission. The caller owns it. */
struct submission *sample_parse_n(const char *json, size_t len);
struct submission *sample_parse(const char *json);

/* Members more (with a comma in front, or "") behind a language and a source. */
struct submission *sample_with(const char *more);

/* The source becomes a tree of these files: name and text. A NULL name is none. */
void sample_set_tree(struct submission *s, const char *const files[][2], size_t len);

void sample_assert_bytes(const struct bytes *b, const char *want, size_t len);

/* All that is judged or shown is the same. */
void sample_assert_same(const struct submission *a, const struct submission *b);

/* Refused, for one error, which is at this place. */
void sample_assert_error(const char *json, const char *pointer);

/* Documents: those of one group are the same submission; each group is a different one. */
#define SAMPLE_FORMS 60
extern const struct sample_form {
    int group;
    const char *json;
} sample_forms[SAMPLE_FORMS];

/* Trees, no two of which are the same source. */
#define SAMPLE_TREES 9
extern const struct sample_tree {
    const char *files[3][2]; /* name, text */
    size_t len;
} sample_trees[SAMPLE_TREES];

/* One with all that a submission can have. */
#define SAMPLE_WHOLE                                                                               \
    "{\"id\":\"i-1\",\"type\":\"script\",\"language\":\"c\",\"source\":\"int main(void)"           \
    " { return 0; } /* \\u20ac \\ud83d\\ude00 \\\"\\\\ */\\n\",\"limits\":{\"time_limit"           \
    "_ms\":1000,\"wall_time_limit_ms\":2000,\"memory_limit_bytes\":67108864},\"tests\":"           \
    "[{\"number\":1,\"input\":\"2 3\\n\",\"expected_output\":\"5\\n\"},{\"input_base64\":"         \
    "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\",\"expected_output\":\"\\u0001look"           \
    "s like ours\"}],\"checker\":{\"name\":\"float\",\"case_sensitive\":true,\"absolute"           \
    "_tolerance\":1e-9,\"relative_tolerance\":0},\"stop_on_failure\":false,\"labels\":"            \
    "{\"run\":\"7\",\"course\":\"a value of thirty-two bytes or more\"}}"
