/* engine/build/build_entry.h - one outcome of a build as a file: head, log, artefact, and a hash of
 * it all.
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

/* What the file will take, in bytes; -1 when that cannot be told. */
int64_t build_entry_size(const struct build_outcome *outcome);

/* Writes to fd, which is empty. The file has no name yet that anybody looks for. */
NODISCARD int build_entry_write(int fd, const struct build_outcome *outcome, struct err *e);

/* check: its hash, too. False: it is not whole, or memory is short; *ret_outcome is untouched. */
NODISCARD bool build_entry_read(int fd, bool check, struct build_outcome *ret_outcome);
