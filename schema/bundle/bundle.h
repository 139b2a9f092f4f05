/* schema/bundle/bundle.h - files in memory, within bounds.
 *
 * Owns     its names and bytes, until bundle_clear().
 * Threads  any; no state.
 * Errors   ERR_INPUT: the bounds are passed, or a name is none; ERR_NOMEM.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/base.h"
#include "schema/base/bytes.h"

struct err;

#define BUNDLE_NAME_MAX 1024 /* bytes of a path within an archive */

struct bundle_file {
    char *name;         /* owned; as within the directory or archive, with / between its parts */
    struct bytes bytes; /* owned */
};

struct bundle {
    struct bundle_file *files; /* owned */
    size_t len, size;
    size_t bytes; /* of all files */
};

/* The files may be so many, and so large together when they are unpacked. */
struct bundle_bounds {
    size_t files, bytes;
    bool (*wants)(const char *name); /* others are not even unpacked; NULL: all */
    /* Called for every piece that is unpacked, before it is kept; -1 with *e filled ends it.
     * NULL: none. */
    int (*hold)(void *ctx, size_t more, struct err *e);
    void *ctx;
};

/* Whether a file or directory of this name is hidden, or a leftover of an archiver. */
bool bundle_hides(const char *name);
/* Whether a file of this name is wanted. */
bool bundle_wants(const struct bundle_bounds *bounds, const char *name);

/* ERR_INPUT: the name is absolute, goes up by "..", or is longer than BUNDLE_NAME_MAX. */
NODISCARD int bundle_check_name(const char *name, struct err *e);

/* One more file, whose bytes are taken over. */
NODISCARD int bundle_add(struct bundle *b, const struct bundle_bounds *bounds, const char *name,
                         struct bytes *bytes, struct err *e);

/* Keeps the files for which kept() is true. */
void bundle_filter(struct bundle *b, bool (*kept)(const void *ctx, const char *name),
                   const void *ctx);

void bundle_clear(struct bundle *b);
