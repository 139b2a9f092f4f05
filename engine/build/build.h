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
struct err;
struct executable;

/* Runs the build of an executable that is loaded (executable_load), or finds what it left before in
 * the bench's cache. Everything is borrowed for the call. On success the caller owns *ret_outcome,
 * on failure it is untouched. */
NODISCARD int build_run(struct lease *b, const struct executable *x,
                        struct build_outcome *ret_outcome, struct err *e);
