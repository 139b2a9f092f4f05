/* engine/build/build_cache.h - outcomes of earlier builds, on disk: a source that comes again is
 * not compiled again.
 *
 *     DIR/builds/<key in hex>     one outcome each, failures too (for an hour); the one unused for
 *                                 longest is removed first
 *
 * All of it may be deleted at any time: what is missing is built again. Nothing is synced, so a
 * file of an earlier process is checked once before it is used; a damaged one is removed.
 *
 * Room     engine/build. Knows no languages: a key is any hash of what the outcome depends on.
 * Owns     the directory, which no other process may use.
 * Threads  any.
 * Errors   only from build_cache_open(): later a failure means that the source is built.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/build/build_outcome.h"
#include "schema/base/base.h"

struct build_cache;
struct err;

/* Creates DIR/builds, and shrinks it to max_bytes. dir is borrowed for the call. keep_ms: what
 * was not used for so long is removed at the next lookup; 0: never. */
NODISCARD int build_cache_open(const char *dir, int64_t max_bytes, int64_t keep_ms,
                               struct build_cache **ret_cache, struct err *e);
/* Takes NULL, returns NULL. */
struct build_cache *build_cache_free(struct build_cache *c);

/* True: *ret_outcome is the caller's. False: it is untouched. */
bool build_cache_find(struct build_cache *c, const uint8_t key[BUILD_KEY_SIZE],
                      struct build_outcome *ret_outcome);

/* Reads memory only, and counts nothing. */
bool build_cache_has(struct build_cache *c, const uint8_t key[BUILD_KEY_SIZE]);

/* Copies the outcome, unless it is too large or the disk is nearly full: the rest of the disk is
 * for the job table. */
void build_cache_store(struct build_cache *c, const uint8_t key[BUILD_KEY_SIZE],
                       const struct build_outcome *outcome);

struct build_cache_stats {
    int64_t entries, bytes;        /* now; bytes as counted against max_bytes */
    int64_t hits, misses, evicted; /* since it was opened */
};
void build_cache_stats(struct build_cache *c, struct build_cache_stats *ret_stats);
