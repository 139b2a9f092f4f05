/* engine/build/compile_answer.h - reads the answer of a compile server (compile_server.h has its
 * format), which is no more to be trusted than any program.
 *
 * Room     engine/build. Knows no cell: the bytes come from a reader.
 * Owns     nothing.
 * Threads  any; no state.
 * Errors   ERR_CELL: the plain command would not say that; ERR_NOMEM, ERR_HOST: memory was short;
 *          those of the reader.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

struct cell_result;
struct err;
struct language;

struct compile_answer_reader {
    /* Puts the next len bytes into data, all of them, or fails. */
    int (*read)(void *ctx, void *data, size_t len, struct err *e);
    void *ctx; /* borrowed */
};

/* Fills in the status, the log (as stderr, BUILD_LOG_MAX bytes of it at most) and the artefact,
 * which has artefact_max bytes at most. *result must be empty; the caller must clear it, after an
 * error too. */
NODISCARD int compile_answer_read(const struct compile_answer_reader *reader,
                                  const struct language *language, int64_t artefact_max,
                                  struct cell_result *result, struct err *e);
