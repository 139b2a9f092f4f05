/* client/testset.h - the tests of a directory or a zip archive: pairs of N.in and N.ans, or N.out.
 *
 * Owns     its names and texts, until testset_clear().
 * Threads  any; no state.
 * Errors   ERR_INPUT: there is no pair, or half of one, or the bounds are passed (10,000 files,
 *          256 MiB).
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "client/bundle.h"
#include "schema/base/base.h"

struct testset_pair {
    char *name;                               /* owned: "secret/3" */
    const struct bundle_file *input, *answer; /* borrowed from the bundle */
};

struct testset {
    struct bundle bundle;       /* owned */
    struct testset_pair *pairs; /* owned; in natural order: 2 before 10 */
    size_t len;
};

/* *ret_tests is always written. */
NODISCARD int testset_read(const char *path, struct testset *ret_tests, struct err *e);
void testset_clear(struct testset *t);

/* As `tests` of a submission, numbered from 1; a new reference. NULL: out of memory. */
json_t *testset_json(const struct testset *t);
