/* engine/build/build.h - builds an executable: its source in, artefact or compiler log out.
 *
 * Room     engine/build.
 * Threads  one thread for each lease.
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

/* Hashes everything that the outcome of a build depends on: its key in the cache. If the key
 * changes between two releases, no build of the older one is found again. */
void build_key(const struct engine_config *c, const struct executable *program,
               uint8_t ret_key[BUILD_KEY_SIZE]);

/* Builds an executable that is loaded (executable_load), or finds its outcome in the cache of
 * the lease. Everything is borrowed for the call. On success the caller owns *ret_outcome, on
 * failure it is untouched. */
NODISCARD int build_run(struct lease *lease, const struct executable *program,
                        struct build_outcome *ret_outcome, struct err *e);
