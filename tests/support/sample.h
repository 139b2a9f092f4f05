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

void sample_assert_bytes(const struct bytes *b, const char *want, size_t len);

/* All that is judged or shown is the same. */
void sample_assert_same(const struct submission *a, const struct submission *b);
