/* engine/cell/cell_memfd.h - files in memory that can be handed to a cell: nobody can change them.
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

/* A sealed memfd of these bytes, opened read-only, that is no program. -1 with *e filled. */
NODISCARD int cell_memfd(const char *name, const void *data, size_t len, struct err *e);
/* The same of a part of the file `from`, whose own position stays; it may be executed. */
NODISCARD int cell_memfd_copy(const char *name, int from, int64_t offset, uint64_t len,
                              struct err *e);
