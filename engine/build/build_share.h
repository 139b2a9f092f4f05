/* engine/build/build_share.h - outcomes of builds that all workers share: a source that several of
 * them have at the same time is built once, and the cache is written behind the reports.
 *
 *     build_share_find()   found: the outcome is the caller's
 *                          not found: the caller builds, and everybody else with this key waits for
 *     build_share_end()
 *
 * Room     engine/build. Knows no languages: a key is as in build_cache.h.
 * Owns     the build cache, outcomes that are not written yet, and the thread that writes them.
 * Threads  any.
 * Errors   only from build_share_open(), and ERR_CANCELLED from build_share_find().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/build/build_cache.h"
#include "schema/base/base.h"

struct build_outcome;
struct build_share;
struct err;
struct lease;

/* The arguments of build_cache_open(). */
NODISCARD int build_share_open(const char *dir, int64_t max_bytes, int64_t keep_ms,
                               struct build_share **ret_share, struct err *e);
/* Writes what is not written yet. No other thread may be in a build_share_* function. Takes NULL,
 * returns NULL. */
struct build_share *build_share_free(struct build_share *s);

/* 1: *ret_outcome is the caller's. 0: the caller must build, and then call build_share_end(). -1:
 * the lease was aborted while it waited for the build of another one. */
NODISCARD int build_share_find(struct build_share *s, struct lease *lease,
                               const uint8_t key[BUILD_KEY_SIZE], struct build_outcome *ret_outcome,
                               struct err *e);

/* Ends a build. outcome is copied, and kept if it is repeatable; NULL: there is none. When it is
 * not kept, one of those that wait builds next. */
void build_share_end(struct build_share *s, const uint8_t key[BUILD_KEY_SIZE],
                     const struct build_outcome *outcome);

/* Of the cache; an outcome that was shared counts as a hit. */
void build_share_stats(struct build_share *s, struct build_cache_stats *ret_stats);
