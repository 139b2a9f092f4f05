/* engine/build/toolchain_cache.h - makes what a language's commands need once for each image, in a
 * Docker volume: the cache of a compiler, precompiled headers, an archive of classes.
 *
 * The volume's name has a hash of the image, the command, its files and its environment: with
 * another of these it is another volume. The command runs at every start; it fails when what it
 * finds is damaged, and is then run once more in an empty volume. Volumes of the same language that
 * are a day old and in no container are removed.
 *
 * Room     engine/build.
 * Owns     nothing; the name of the volume belongs to the toolchain.
 * Threads  one at a time for each toolchain.
 * Errors   of Docker and of the cell; ERR_PLATFORM: the command failed. The toolchain can be used
 *          after each of them, and then cells see the volume as it is.
 */
#pragma once

#include "schema/base/base.h"

struct err;
struct lease;
struct toolchain;

enum toolchain_cache_side { TOOLCHAIN_CACHE_BUILD, TOOLCHAIN_CACHE_RUN };

/* Makes the cache of the build image or of the run image and puts it into the cells of the
 * toolchain. Does nothing when the language has none. To be called before
 * toolchain_add_classes(). */
NODISCARD int toolchain_cache_make(struct toolchain *toolchain, enum toolchain_cache_side side,
                                   struct lease *lease, struct err *e);
