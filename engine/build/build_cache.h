/* engine/build/build_cache.h - what was built before, kept on disk: a source seen again is not
 * compiled.
 *
 *     DIR/builds/<key in hex>     one outcome each, failures too (for an hour); the longest unused
 *                                 go first
 *
 * All of it may be deleted at any time: what is not there is built again. Nothing is synced, so
 * what an earlier process wrote is checked once before it is believed; what is not whole is
 * removed.
 *
 * Room     engine/build. Has never heard of languages: a key is whatever the outcome depends on.
 * Owns     the directory, which must be of this process alone.
 * Threads  any.
 * Errors   none but at open: whatever goes wrong later is a build that must be made.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct build_cache;
struct build_outcome;
struct err;

#define BUILD_KEY_SIZE 32

/* Makes DIR/builds, and shrinks what is in it to max_bytes. dir is borrowed for the call. keep_ms:
 * what was not used for so long goes when the next build is asked for; 0: never. */
NODISCARD int build_cache_open(const char *dir, int64_t max_bytes, int64_t keep_ms,
                               struct build_cache **ret_cache, struct err *e);
/* Takes NULL, returns NULL. */
struct build_cache *build_cache_free(struct build_cache *c);

/* True: *ret_outcome is the caller's. False: it is untouched. */
bool build_cache_find(struct build_cache *c, const uint8_t key[BUILD_KEY_SIZE],
                      struct build_outcome *ret_outcome);

/* Copies the outcome, unless it is too large or the disk is short: what the job table may need is
 * left to it. */
void build_cache_store(struct build_cache *c, const uint8_t key[BUILD_KEY_SIZE],
                       const struct build_outcome *outcome);

struct build_cache_stats {
    int64_t entries, bytes;        /* now; bytes as they count against max_bytes */
    int64_t hits, misses, evicted; /* since it was opened */
};
void build_cache_stats(struct build_cache *c, struct build_cache_stats *ret_stats);
