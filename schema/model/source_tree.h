/* schema/model/source_tree.h - the source of a program: one file, or several with names.
 *
 * Room     schema/model.
 * Owns     its files, until source_tree_clear().
 * Threads  none of its own.
 * Errors   -1: out of memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/base.h"
#include "schema/base/bytes.h"

struct source_file {
    /* Owned. A relative path of at most 1,024 bytes, whose parts are neither empty nor "." nor
     * ".."; no two are the same, or one the folder of another. NULL, of the first file only: the
     * language names it. */
    char *name;
    struct bytes bytes; /* owned; as sent */
};

/* The program begins in the first file; there is at least one. */
struct source_tree {
    struct source_file *files; /* owned */
    size_t len;
};

/* A tree of so many files, which are empty and to be filled in: their bytes have no data yet. */
NODISCARD int source_tree_make(size_t len, struct source_tree *ret_tree);

/* Frees the files and empties the struct. */
void source_tree_clear(struct source_tree *t);

/* One file that the language names, which is all that a source was in the first versions: such a
 * tree is hashed and stored as it was then. */
bool source_tree_is_plain(const struct source_tree *t);

/* Bytes of all files. */
size_t source_tree_size(const struct source_tree *t);
