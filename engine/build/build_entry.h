/* engine/build/build_entry.h - one outcome of a build as a file: head, log, artefact, and a hash of
 * all of it.
 *
 * Room     engine/build; a part of the build cache.
 * Threads  any; a file has one writer.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

struct build_outcome;
struct err;

/* Size of the file in bytes; -1 when the artefact cannot be read. */
int64_t build_entry_size(const struct build_outcome *outcome);

/* Writes to fd, which is empty. No reader may find the file before this returns. */
NODISCARD int build_entry_write(int fd, const struct build_outcome *outcome, struct err *e);

/* check: verifies the hash, too. False: the file is damaged, or out of memory; *ret_outcome is
 * untouched. */
NODISCARD bool build_entry_read(int fd, bool check, struct build_outcome *ret_outcome);
