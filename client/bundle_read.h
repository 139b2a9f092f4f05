/* client/bundle_read.h - reads a bundle: a directory, a zip archive or a single file.
 *
 * Hidden files and those that archives of other systems bring along (__MACOSX) are left out, links
 * are not followed, and nothing is ever written to the disk.
 *
 * Threads  any; no state.
 * Errors   ERR_INPUT: it cannot be read, is damaged, or larger than the bounds; ERR_NOMEM.
 */
#pragma once

#include <stddef.h>

#include "schema/base/base.h"

struct bundle;
struct bundle_bounds;
struct bytes;
struct err;

/* *ret_bundle is always written; its files are in natural order of their names: 2 before 10. */
NODISCARD int bundle_read(const char *path, const struct bundle_bounds *bounds,
                          struct bundle *ret_bundle, struct err *e);

/* One file as it is, a zip archive too; a pipe is read to its end. At most `most` bytes. */
NODISCARD int bundle_read_file(const char *path, size_t most, struct bytes *ret_bytes,
                               struct err *e);
