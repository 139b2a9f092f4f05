/* engine/agent/archive.h - trees of regular files as one stream of bytes (format: protocol.h).
 *
 * Owns     nothing; descriptors are borrowed.
 * Errors   0 or -1 with *f filled.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "engine/agent/protocol.h"
#include "schema/base/base.h"

struct fault;

/* Creates the file dir/name for writing, and the directories above it; name (len bytes, no NUL
 * needed) must be relative, of components that are neither "." nor ".." nor empty. The file must
 * not exist yet. The caller owns *ret_fd. */
NODISCARD int archive_create(int dir, const char *name, size_t len, int *ret_fd, struct fault *f);

/* Copies `size` bytes of in, from offset `from`, to out; the kernel copies. */
NODISCARD int archive_copy(int in, off_t from, size_t size, int out, struct fault *f);

/* Unpacks the archive in fd (from offset 0) below dir: files 0444, directories 0755. */
NODISCARD int archive_unpack(int fd, int dir, struct fault *f);

/* Appends all regular files below dir to out; links, devices and the like are left out. *ret_what
 * is AGENT_COLLECTED; AGENT_COLLECTED_TOO_BIG with more than `max` bytes, or more files, a deeper
 * tree or a longer name than an archive may have; AGENT_COLLECTED_NOT_REGULAR where we may not read
 * a file. A read or a write that fails is a fault. */
NODISCARD int archive_pack(int dir, int out, uint64_t max, enum agent_collected *ret_what,
                           struct fault *f);
