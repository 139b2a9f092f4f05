/* schema/bundle/unzip.h - the files of a zip archive, unpacked into memory within bounds (libzip).
 *
 * What an archive says of its sizes is not believed: the bounds hold for what comes out, so a small
 * archive that unpacks to gigabytes ends with an error. Nothing is written to the disk. Links are
 * left out.
 *
 * Threads  any; no state.
 * Errors   ERR_INPUT: damaged, encrypted, a name that leads out of it, or beyond the bounds;
 *          ERR_NOMEM; those of bounds->hold.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/base.h"

struct bundle;
struct bundle_bounds;
struct err;

/* By its first bytes. */
bool unzip_is_archive(const void *data, size_t len);

/* Both add to b, also where they fail. */
NODISCARD int unzip_file(const char *path, const struct bundle_bounds *bounds, struct bundle *b,
                         struct err *e);
NODISCARD int unzip_bytes(const void *data, size_t len, const struct bundle_bounds *bounds,
                          struct bundle *b, struct err *e);
