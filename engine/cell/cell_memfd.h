/* engine/cell/cell_memfd.h - sealed files in memory, which a cell can be given and cannot change.
 *
 * Room     engine/cell.
 * Owns     nothing; the caller owns the descriptor.
 * Threads  any; no state.
 * Errors   ERR_NOMEM; ERR_DISK when the file that is copied cannot be read.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

struct err;

/* A sealed memfd with these bytes, opened read-only, not executable. -1 with *e filled. */
NODISCARD int cell_memfd(const char *name, const void *data, size_t len, struct err *e);
/* The same with len bytes of the file `from`, whose position does not change; executable. */
NODISCARD int cell_memfd_copy(const char *name, int from, int64_t offset, uint64_t len,
                              struct err *e);
