/* server/api/form.h - a submission that comes as a form (multipart/form-data), as the JSON that
 * means the same; submission_parse() reads that, so that both have the same rules and errors.
 *
 * The names of its fields are those of the document. One below another has a dot before it:
 * limits.time_limit_ms, labels.course. A value is text where the document has a string (id, type,
 * language, source, owner, labels.*), else JSON, and text where it is none: checker=tokens. An
 * empty one is null. `tests` is JSON; or files: zip archives of pairs (testset.h) and halves of
 * pairs. Without `language` the source's file name says which.
 *
 * Room     server/api. Knows no request.
 * Owns     nothing.
 * Threads  any; no state.
 * Errors   ERR_SYNTAX: it is no form; ERR_INPUT: a field is wrong; ERR_NOMEM; those of hold.
 */
#pragma once

#include <stddef.h>

#include "schema/base/base.h"
#include "schema/base/bytes.h"
#include "schema/bundle/suffix.h"

struct err;
struct field_errors;
struct submission_rules;

#define FORM_FIELDS_MAX 100 /* files of tests are not counted */

/* Borrowed for the call. */
struct form_rules {
    const struct submission_rules *submission;
    size_t most; /* bytes of all tests together, unpacked */
    suffix_row_fn *languages;
    const void *languages_ctx;
    /* As in bundle.h: called for all bytes of tests that are held beside the body. */
    int (*hold)(void *ctx, size_t more, struct err *e);
    void *hold_ctx;
};

/* The caller owns *ret_json. *p is always overwritten; release it with field_errors_clear(). */
NODISCARD int form_to_json(const char *content_type, const struct bytes *body,
                           const struct form_rules *rules, struct bytes *ret_json,
                           struct field_errors *p, struct err *e);
