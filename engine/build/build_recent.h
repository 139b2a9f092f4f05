/* engine/build/build_recent.h - the artefacts that were used last, in memory: copying one from the
 * disk for each submission would take as long as running a small program.
 *
 * An artefact is sealed, so that all who use it at once may share it. At most BUILD_RECENT_BYTES of
 * them are kept, and the one unused for longest goes first. They are no part of our RSS, but of our
 * cgroup's memory.
 *
 * Room     engine/build, part of the build cache.
 * Owns     descriptors of its own.
 * Threads  the caller locks.
 * Errors   none: what is not kept is read from the disk.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/build/build_outcome.h"

#define BUILD_RECENT_MAX   64
#define BUILD_RECENT_BYTES (64 * MIB)

struct build_recent {
    struct build_recent_artefact {
        uint8_t key[BUILD_KEY_SIZE];
        struct build_outcome outcome; /* owned; it has an artefact */
        int64_t bytes;
        uint64_t used;
    } artefacts[BUILD_RECENT_MAX];
    size_t len;
    int64_t bytes; /* of all */
    uint64_t uses;
};

/* To begin with it is zeroed. */
void build_recent_clear(struct build_recent *recent);

/* True: *ret_outcome is the caller's. */
bool build_recent_find(struct build_recent *recent, const uint8_t key[BUILD_KEY_SIZE],
                       struct build_outcome *ret_outcome);

/* Keeps a copy of the outcome, of `bytes`, if it has an artefact that is not too large. */
void build_recent_add(struct build_recent *recent, const uint8_t key[BUILD_KEY_SIZE],
                      const struct build_outcome *outcome, int64_t bytes);
void build_recent_drop(struct build_recent *recent, const uint8_t key[BUILD_KEY_SIZE]);
