/* server/http/problem.h - the body of a refusal: application/problem+json (RFC 9457).
 *
 * Room     server/http.
 * Threads  any; no state.
 */
#pragma once

#include <stddef.h>

#include "schema/base/base.h"
#include "schema/base/err.h"

struct field_errors;

#define PROBLEM_TYPE "application/problem+json"

/* The HTTP status for this kind of error. No other code maps kinds to statuses. */
unsigned problem_status(enum err_kind kind);

/* What is wrong. All is borrowed; fields and parameter may be NULL. */
struct problem_text {
    unsigned status;
    const char *detail;                /* a sentence */
    const char *parameter;             /* the query parameter that is wrong */
    const struct field_errors *fields; /* the fields that are wrong */
};

/* {type, title, status, detail, errors: [{pointer | parameter, detail}]}. detail may contain what
 * the client sent, with any bytes. The caller owns the text; NULL out of memory. */
char *problem_render(const struct problem_text *p, size_t *ret_len);
