/* client/body.h - the JSON of a submission.
 *
 * Owns     nothing.
 * Threads  any; no state.
 * Errors   ERR_INPUT: a text that a submission cannot have; ERR_SETTING: a limit or label that is
 *          none; ERR_NOMEM.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "schema/base/base.h"
#include "schema/base/bytes.h"

struct bundle_file;
struct err;

/* Sets a text, or NAME_base64 where its bytes are no UTF-8. -1: out of memory. */
NODISCARD int body_set_text(json_t *object, const char *name, const struct bytes *text);

/* Sets `source`. The file's bytes must be UTF-8. */
NODISCARD int body_set_source(json_t *submission, const struct bundle_file *files, size_t len,
                              struct err *e);

/* "time=2s", "memory=64MiB", "wall=5s", or a field of `limits` by its name: "time_limit_ms=2000".
 */
NODISCARD int body_add_limit(json_t *submission, const char *text, struct err *e);

/* "KEY=VALUE" of `labels`. */
NODISCARD int body_add_label(json_t *submission, const char *text, struct err *e);

/* A field with a text of the command line. */
NODISCARD int body_set_word(json_t *submission, const char *name, const char *word, struct err *e);
