/* engine/build/build_outcome.h - what a build leaves: an artefact, or the words of a compiler that
 * refused.
 *
 * Room     engine/build. A value: it has never heard of compilers or caches.
 * Owns     its descriptor and its log, until build_outcome_clear().
 * Threads  any; no state.
 * Errors   ERR_NOMEM.
 */
#pragma once

#include <stdbool.h>

#include "schema/base/base.h"
#include "schema/base/buf.h"

struct err;

#define BUILD_LOG_MAX (64 * KIB) /* kept of what a compiler says; the cut is marked in the text */

struct build_outcome {
    int artefact_fd; /* owned; -1: it did not build */
    int exit_code;   /* the compiler's */
    struct buf log;  /* stdout, then stderr, then our word when a limit fired; may not be UTF-8 */
    bool repeatable; /* no limit and no signal had a part in it */
};

/* Frees what an outcome owns. */
void build_outcome_clear(struct build_outcome *outcome);

/* Cuts a log at BUILD_LOG_MAX and says so in it, as it does where the log was cut before. */
NODISCARD int build_log_cut(struct buf *log, bool truncated, struct err *e);
