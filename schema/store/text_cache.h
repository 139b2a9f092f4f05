/* schema/store/text_cache.h - large texts of a shared table, kept in DATA_DIR/texts, so that the
 * tests of a task travel to a server once.
 *
 * A file's name is the hash of what is in it, and what was read is hashed again: a file that was
 * cut or changed is as good as none. Those that were used last stay, up to TEXT_CACHE_BYTES, and
 * none is written while less than TEXT_CACHE_FREE is free there. A thread of its own writes: nobody
 * waits, and on a full disk there is no cache, which is logged once.
 *
 * Room     schema/store.
 * Owns     its directory, its thread, the texts that wait to be written.
 * Threads  any, between open and close.
 * Errors   none: a text that is not there is in the database.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/base/text.h"

struct bytes;
struct text_cache;

#define TEXT_CACHE_BYTES (1 * GIB)
#define TEXT_CACHE_FREE  (256 * MIB)

struct text_cache_limits {
    int64_t max_bytes;  /* of all texts; a text of more than a tenth of it is not kept */
    int64_t free_bytes; /* that must be free on the disk, or nothing is written */
    int64_t keep_ms;    /* a text that was not used for so long goes within an hour; 0: never */
};

/* Opens or makes the directory. limits: copied. NULL: there is no cache, and a warning says why;
 * the calls below take it. The caller owns it. */
struct text_cache *text_cache_open(const char *data_dir, const struct text_cache_limits *limits);

/* Writes nothing more; what waits is dropped. Takes NULL, returns NULL. */
struct text_cache *text_cache_close(struct text_cache *t);
DEFINE_CLEANUP(struct text_cache, text_cache_close)

/* True: the caller owns *ret_text. */
NODISCARD bool text_cache_get(struct text_cache *t, const uint8_t hash[TEXT_HASH_SIZE],
                              struct bytes *ret_text);

/* Copies the text and returns; it is written soon, or not at all. */
void text_cache_put(struct text_cache *t, const uint8_t hash[TEXT_HASH_SIZE], const void *data,
                    size_t len);
