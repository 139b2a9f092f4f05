/* engine/build/toolchain.h - a language row on this host: images found, shelves named, allowance
 * known.
 *
 *     toolchain_make()     finds the images
 *     toolchain_cache()    makes the compiler's cache, for the rows that have one
 *     (the self-test fills in version and allowance)
 *     toolchain_add_classes()   names the shelves, whose cells start to be made; from here on it is
 * immutable
 *
 * Room     engine/build: a language on this host; from source to artefact, and the build cache.
 *          May know schema/base, source_tree.h of schema/model, pool, cell, docker and language.
 * Owns     its strings. Shelves are the pool's.
 * Threads  one until it is published, then any number of readers.
 * Errors   ERR_IMAGE: an image is not on this host.
 */
#pragma once

#include <stdint.h>

#include "engine/language/language.h"
#include "engine/pool/lease.h"
#include "schema/base/base.h"

struct docker;
struct engine_config;
struct err;
struct pool;

struct toolchain {
    const struct language *language; /* borrowed */
    struct pool *pool;               /* borrowed */
    char *build_image, *run_image;   /* owned ids; build NULL when nothing is built */
    char *images;                    /* owned; both as "name@digest", for reports */
    char **build_env, **run_env;     /* owned (language_environment) */
    char *cache;                     /* owned; the cache volume's name, or NULL */
    struct lease_class build, run;
    int64_t memory_overhead; /* bytes of a run cell above the memory limit */
    char version[200];       /* the compiler's or runtime's own line */
};

NODISCARD int toolchain_make(const struct language *language, struct docker *d,
                             const struct engine_config *c, struct toolchain **ret_toolchain,
                             struct err *e);
NODISCARD int toolchain_cache(struct toolchain *toolchain, struct lease *lease, struct err *e);
NODISCARD int toolchain_add_classes(struct toolchain *toolchain, struct pool *pool, struct err *e);
/* Its shelves keep no cells any more; who still has the plan may take from them. */
void toolchain_remove_classes(const struct toolchain *toolchain, struct pool *pool);

/* The memory of a run cell for this limit. */
int64_t toolchain_memory(const struct toolchain *toolchain, int64_t limit);

/* Takes NULL and half-made ones, returns NULL. */
struct toolchain *toolchain_free(struct toolchain *toolchain);
DEFINE_CLEANUP(struct toolchain, toolchain_free)
