/* client/testset_read.h - the tests of a directory or a zip archive, read and as JSON.
 *
 * Owns     nothing.
 * Threads  any; no state.
 * Errors   as bundle_read.h and testset.h; the bounds are 10,000 files and 256 MiB.
 */
#pragma once

#include <jansson.h>

#include "schema/base/base.h"

struct err;
struct testset;

/* *ret_tests is always written; release it with testset_clear(). */
NODISCARD int testset_read(const char *path, struct testset *ret_tests, struct err *e);

/* As `tests` of a submission, numbered from 1; a new reference. NULL: out of memory. */
json_t *testset_json(const struct testset *t);
