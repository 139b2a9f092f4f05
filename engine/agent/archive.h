/* engine/agent/archive.h - trees of regular files as one stream of bytes (format: protocol.h).
 *
 * Owns     nothing; descriptors are borrowed.
 * Errors   0 or -1 with the fault filled.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "engine/agent/protocol.h"
#include "schema/base/base.h"

struct fault;

/* Creates dir/name for writing, with the directories on its way; name (len bytes, no NUL needed)
 * must be relative, of components that are neither "." nor ".." nor empty. Nothing may be there
 * yet. The descriptor is the caller's. */
NODISCARD int archive_create(int dir, const char *name, size_t len, int *ret_fd, struct fault *f);

/* Copies `size` bytes from offset `from` of in to out, without a buffer of ours. */
NODISCARD int archive_copy(int in, off_t from, size_t size, int out, struct fault *f);

/* Unpacks the bundle in fd (from offset 0) below dir, files 0444, directories 0755. */
NODISCARD int archive_unpack(int fd, int dir, struct fault *f);

/* Appends all regular files below dir to out. Links, devices and the like are left out. More than
 * `max` bytes, or more files, depth or name than a bundle takes: AGENT_COLLECTED_TOO_BIG. What its
 * owner may not read: AGENT_COLLECTED_NOT_REGULAR. A read or a write that fails is a fault. */
NODISCARD int archive_pack(int dir, int out, uint64_t max, enum agent_collected *ret_what,
                           struct fault *f);
