/* client/sources.h - the source of one submission among the files that were handed in.
 *
 * Owns     its files, until sources_clear().
 * Threads  any; no state.
 * Errors   ERR_INPUT: they cannot be read, or it is not clear which language they are in.
 */
#pragma once

#include <jansson.h>

#include "schema/base/base.h"
#include "schema/bundle/bundle.h"

struct err;

struct sources {
    struct bundle files;  /* owned; those of the language alone */
    const char *language; /* borrowed from the caller's list, or what was asked for */
};

/* A file, directory or zip archive. languages: of language_list_get(); it may be NULL where
 * language is not. language: what was asked for; NULL: by the suffixes. *ret_sources is always
 * written. */
NODISCARD int sources_read(const char *path, const json_t *languages, const char *language,
                           struct sources *ret_sources, struct err *e);
void sources_clear(struct sources *s);
