/* engine/build/build.h - source in, artefact or compiler log out.
 *
 * Room     engine/build.
 * Threads  one bench, one thread.
 * Errors   as cell_run(). A source that does not build is an outcome, not an error.
 */
#pragma once

#include "schema/base/base.h"

struct lease;
struct build_outcome;
struct bytes;
struct err;
struct language_variables;
struct toolchain;

/* Builds a source, which is in source_fd too (both borrowed), under the name words->source, or
 * finds it in the bench's cache. On success the caller owns *ret_outcome, on failure it is
 * untouched. */
NODISCARD int build_run(struct lease *b, const struct toolchain *p,
                        const struct language_variables *words, const struct bytes *source,
                        int source_fd, struct build_outcome *ret_outcome, struct err *e);
