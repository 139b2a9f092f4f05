/* engine/build/build.h - source in, artefact or compiler log out.
 *
 * Room     engine/build.
 * Threads  one bench, one thread.
 * Errors   as cell_run(). A source that does not build is an outcome, not an error.
 */
#pragma once

#include <stdint.h>

#include "engine/build/build_cache.h"
#include "schema/base/base.h"

struct lease;
struct build_outcome;
struct engine_config;
struct err;
struct executable;

/* What the outcome of a build depends on, as its key in the cache. What was built before is found
 * as long as the key does not change. */
void build_key(const struct engine_config *c, const struct executable *program,
               uint8_t ret_key[BUILD_KEY_SIZE]);

/* Runs the build of an executable that is loaded (executable_load), or finds what it left before in
 * the bench's cache. Everything is borrowed for the call. On success the caller owns *ret_outcome,
 * on failure it is untouched. */
NODISCARD int build_run(struct lease *lease, const struct executable *program,
                        struct build_outcome *ret_outcome, struct err *e);
