/* engine/build/executable.h - a program as a value: its toolchain, its source, its command lines,
 * and what was built of it.
 *
 *     executable_of()
 *     executable_name()    names the source and expands the command lines
 *     executable_load()    puts the source into a descriptor for a cell
 *     build_run(), executable_accept()
 *                          if there is something to build: takes the artefact, if it is a program
 *     executable_clear()
 *
 * Room     engine/build.
 * Owns     its command lines and descriptors, until executable_clear().
 * Threads  one at a time.
 * Errors   ours alone. A source that cannot become a program is a build failure with a reason.
 */
#pragma once

#include <stdint.h>

#include "engine/cell/cell_types.h"
#include "engine/language/language.h"
#include "schema/base/base.h"
#include "schema/base/bytes.h"
#include "schema/model/source_tree.h"

struct build_outcome;
struct err;
struct toolchain;

struct executable {
    const struct toolchain *toolchain; /* borrowed */
    const struct source_tree *source;  /* borrowed */
    struct language_variables variables;
    /* Owned, NULL before executable_name(): the commands of the language with the variables
     * filled in. build, warm_build and check are empty where the language has none. */
    char **build, **warm_build, **run, **check;
    int source_fd;   /* owned; -1 before executable_load(); an archive if there are several files */
    int artefact_fd; /* owned; -1: nothing was built */
};

/* Borrows both until executable_clear(). */
struct executable executable_of(const struct toolchain *toolchain,
                                const struct source_tree *source);

/* Names the source and fills in the variables, for a run of at most memory_limit bytes and a
 * build of at most build_memory bytes. A first file that has a name keeps it. *ret_why: NULL, or
 * a line for the build log (static): the file name that the source requires is impossible.
 * ERR_NOMEM. */
NODISCARD int executable_name(struct executable *program, int64_t memory_limit,
                              int64_t build_memory, const char **ret_why, struct err *e);

/* Creates the descriptor of the source. ERR_NOMEM. */
NODISCARD int executable_load(struct executable *program, struct err *e);

/* The source for a cell_request; valid as long as *program. */
struct cell_file executable_source_file(const struct executable *program);

/* File i of the source as it is in a cell: its name and its bytes; the first without a byte
 * order mark. Borrowed, valid as long as *program. */
const char *executable_source_name(const struct executable *program, size_t i);
struct bytes executable_source_text(const struct executable *program, size_t i);

/* Moves the artefact out of *outcome, which has one. *ret_why: NULL, or why it is no program, a
 * line for the build log (static); then it stays in *outcome. The class to start is known only
 * now, so `run` and `check` may change. Errors as artefact_inspect(), and ERR_NOMEM. */
NODISCARD int executable_accept(struct executable *program, struct build_outcome *outcome,
                                const char **ret_why, struct err *e);

void executable_clear(struct executable *program); /* for CLEANUP(), too */
