/* schema/bundle/testset.h - the tests among files: pairs of N.in and N.ans, or N.out.
 *
 * Owns     its names and texts, until testset_clear().
 * Threads  any; no state.
 * Errors   ERR_INPUT: there is no pair, half of one, or a file twice; ERR_NOMEM.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/base.h"
#include "schema/bundle/bundle.h"

struct err;

struct testset_pair {
    char *name;                         /* owned: "secret/3" */
    struct bundle_file *input, *answer; /* of the bundle */
};

struct testset {
    struct bundle bundle;       /* owned */
    struct testset_pair *pairs; /* owned; in natural order: 2 before 10 */
    size_t len;
};

/* Whether a file of this name is half of a test. */
bool testset_wants(const char *name);

/* Pairs the files of t->bundle, which is filled by then and keeps those that are half of no test.
 */
NODISCARD int testset_make(struct testset *t, struct err *e);
void testset_clear(struct testset *t);
