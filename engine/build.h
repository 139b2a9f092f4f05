/* engine/build.h - source in, artefact or compiler log out.
 *
 * Room     engine.
 * Threads  one bench, one thread.
 * Errors   as cell_run(). A source that does not build is an outcome, not an error.
 */
#pragma once

#include <stdbool.h>

#include "engine/language.h"
#include "schema/base.h"
#include "schema/buf.h"

struct bench;
struct bytes;
struct err;
struct plan;

#define BUILD_LOG_MAX (64 * KIB) /* kept of what a compiler says; the cut is marked in the text */

struct build_outcome {
    int artefact_fd; /* owned; -1: it did not build */
    int exit_code;   /* the compiler's */
    struct buf log;  /* stdout, then stderr, then our word when a limit fired; may not be UTF-8 */
    bool repeatable; /* no limit and no signal had a part in it */
};
void build_outcome_clear(struct build_outcome *o);

/* Builds a source, which is in source_fd too (both borrowed), under the name words->source, or
 * finds it in the bench's cache. On success the caller owns *ret_outcome, on failure it is
 * untouched. */
NODISCARD int build_run(struct bench *b, const struct plan *p, const struct language_words *words,
                        const struct bytes *source, int source_fd,
                        struct build_outcome *ret_outcome, struct err *e);

/* Cuts a log at BUILD_LOG_MAX and says so in it. */
NODISCARD int build_log_cut(struct buf *log, bool truncated, struct err *e);
