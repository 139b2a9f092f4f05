/* engine/build/build_outcome.h - the outcome of a build: an artefact, or the log of a compiler that
 * failed.
 *
 * Room     engine/build. A value: knows neither compilers nor caches.
 * Owns     its descriptor and its log, until build_outcome_clear().
 * Threads  any; no state.
 * Errors   ERR_NOMEM.
 */
#pragma once

#include <stdbool.h>

#include "schema/base/base.h"
#include "schema/base/buf.h"

struct err;

#define BUILD_KEY_SIZE 32 /* bytes of a hash of all that an outcome depends on */

#define BUILD_LOG_MAX (64 * KIB) /* of a compiler log at most; a cut is marked in the text */

struct build_outcome {
    int artefact_fd; /* owned; -1: the build failed */
    int exit_code;   /* the compiler's */
    struct buf log;  /* stdout, then stderr, then a line of ours when a limit was passed; may not be
                        UTF-8 */
    bool repeatable; /* no limit and no signal ended it: the same source has the same outcome */
};

void build_outcome_clear(struct build_outcome *outcome);

/* The descriptor of an artefact has no state that its users would share: they execute it, or read
 * at an offset. False: memory or descriptors were short. */
bool build_outcome_copy(const struct build_outcome *from, struct build_outcome *ret_copy);

/* Cuts a log at BUILD_LOG_MAX and marks the cut, also when it was truncated before. */
NODISCARD int build_log_cut(struct buf *log, bool truncated, struct err *e);
