/* engine/language/language_cache.h - reads the files that a language's cache is made with.
 *
 * Room     engine/language.
 * Owns     nothing; the texts belong to the arena.
 * Threads  any.
 * Errors   ERR_SETTING names the file; ERR_NOMEM.
 */
#pragma once

#include <jansson.h>

#include "engine/language/language.h"
#include "schema/base/base.h"

struct err;

/* Fills in c->texts from c->files, of at most 1 MiB each and UTF-8. They lie in dir; NULL: they are
 * those of the built-ins. Borrows all but the texts, which are added to arena, a JSON array. */
NODISCARD int language_cache_load(struct language_cache *c, const char *dir, json_t *arena,
                                  struct err *e);
