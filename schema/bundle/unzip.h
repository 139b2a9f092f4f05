/* schema/bundle/unzip.h - the files of a zip archive, unpacked into memory within bounds (libzip).
 *
 * What an archive says of its sizes is not believed: the bounds hold for what comes out, so a small
 * archive that unpacks to gigabytes ends with an error.
 *
 * Threads  any; no state.
 * Errors   ERR_INPUT: damaged, encrypted, or beyond the bounds; ERR_NOMEM.
 */
#pragma once

#include "schema/base/base.h"

struct bundle;
struct bundle_bounds;
struct err;

NODISCARD int unzip_read(const char *path, const struct bundle_bounds *bounds, struct bundle *b,
                         struct err *e);
