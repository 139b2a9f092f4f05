/* engine/build/toolchain.h - a language on this host: its images, its pool classes, its memory
 * overhead.
 *
 *     toolchain_make()         finds the images
 *     toolchain_cache_make()   makes what its commands need (toolchain_cache.h)
 *     (the self-test fills in version, memory_overhead, warm_build, warm_run,
 *     has_server and incomplete)
 *     toolchain_add_classes()  adds the pool classes, whose cells are created from now on; after
 *                              this it is immutable
 *
 * Room     engine/build: a language on this host; from source to artefact, and the build cache.
 *          May know schema/base, source_tree.h of schema/model, pool, cell, docker and language.
 * Owns     its strings. The pool owns its classes.
 * Threads  one until readiness_available(), then any number of readers.
 * Errors   ERR_IMAGE: an image is not on this host.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/language/language.h"
#include "engine/pool/lease.h"
#include "schema/base/base.h"

struct docker;
struct engine_config;
struct err;
struct pool;

/* A volume that cells of an image see read-only. */
struct toolchain_cache {
    char *volume;   /* owned; its name, or NULL */
    char says[100]; /* what was made, in words of the command that made it */
    bool made;      /* that command has succeeded */
};

/* How a source is built. */
enum toolchain_builds {
    TOOLCHAIN_PLAIN,      /* with `build` */
    TOOLCHAIN_WARM_FIRST, /* with `warm_build`, and with `build` where that does not do it */
    TOOLCHAIN_WARM_ONLY   /* with `warm_build`: for the self-test */
};

struct toolchain {
    const struct language *language; /* borrowed */
    struct pool *pool;               /* borrowed */
    char *build_image, *run_image;   /* owned ids; build_image NULL when nothing is built */
    char *images;                    /* owned; both as "name@digest", for reports */
    char **build_env, **run_env;     /* owned (language_environment) */
    char **server_argv; /* owned; of the compile server, with the variables filled in; or NULL */
    struct toolchain_cache cache, run_cache;
    struct lease_class build, run, server;
    bool has_server;         /* server is in use: the self-test has built with it */
    int64_t memory_overhead; /* bytes that a run cell has above the memory limit */
    char version[200];       /* first line that the compiler or runtime prints */
    enum toolchain_builds warm_build;
    bool warm_run;         /* programs run with `warm_run` */
    bool incomplete;       /* something that would make it faster has failed */
    char accelerator[204]; /* what makes builds and runs faster, for people; "": nothing */
};

NODISCARD int toolchain_make(const struct language *language, struct docker *d,
                             const struct engine_config *c, struct toolchain **ret_toolchain,
                             struct err *e);
NODISCARD int toolchain_add_classes(struct toolchain *toolchain, struct pool *pool, struct err *e);
/* Its pool classes keep no idle cells any more; cells can still be acquired from them. */
void toolchain_remove_classes(const struct toolchain *toolchain, struct pool *pool);

/* `run`, or `warm_run` where that is on. Borrowed from the language. */
const char *const *toolchain_run_command(const struct toolchain *toolchain);
/* Fills in accelerator from what is on. */
void toolchain_describe_accelerator(struct toolchain *toolchain);

/* Bytes of memory of a run cell for this memory limit. */
int64_t toolchain_memory(const struct toolchain *toolchain, int64_t limit);

/* Takes NULL and half-made ones, returns NULL. */
struct toolchain *toolchain_free(struct toolchain *toolchain);
DEFINE_CLEANUP(struct toolchain, toolchain_free)
