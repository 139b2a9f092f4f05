/* tests/support/builds.h - a cache of builds in a directory of its own.
 *
 * Threads  store, find and the key: any; the rest: the test's.
 */
#pragma once

#include "engine/build/build_cache.h"
#include "schema/base/base.h"

#define BUILDS_BLOCK 4096

struct builds {
    char dir[64];
    struct build_cache *cache;
};

/* cmocka's set-up and tear-down; *state is a struct builds. */
int builds_open(void **state);
int builds_close(void **state);
#define ON_BUILDS(f) cmocka_unit_test_setup_teardown(f, builds_open, builds_close)

/* Opens the cache, with these bounds; again: after its end. */
void builds_start_keeping(struct builds *w, int64_t max_bytes, int64_t keep_ms);
void builds_start(struct builds *w, int64_t max_bytes);
void builds_start_again(struct builds *w, int64_t max_bytes);

/* A key, of which the first byte tells it from others; of this thread, until the next call. */
const uint8_t *builds_key(int n);

/* Its file; until the next call. */
char *builds_path(const struct builds *w, int n);

/* Stores an artefact, or how a build failed (artefact NULL); so many blocks of the disk. */
void builds_store(struct builds *w, int n, const char *log, const void *artefact, size_t len);
void builds_store_blocks(struct builds *w, int n, size_t blocks);

/* It is there; it is there and is this. */
bool builds_has(struct builds *w, int n);
void builds_expect(struct builds *w, int n, const char *log, const char *artefact, size_t len);

struct build_cache_stats builds_stats(struct builds *w);

/* How many files the cache has on disk. */
int builds_files(const struct builds *w);
