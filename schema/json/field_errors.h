/* schema/json/field_errors.h - what is wrong with which field of a request, for the `errors` of an
 * answer.
 *
 * Owns     its strings, until field_errors_clear().
 * Threads  none of its own.
 */
#pragma once

#include <stddef.h>

#include "schema/base/base.h"

/* One thing that is wrong with one field. Both are UTF-8 whatever the client sent. */
struct field_error {
    char *pointer; /* owned; RFC 6901: "/tests/3/number" */
    char *detail;  /* owned; what the field must be: "must be a string" */
};

#define FIELD_ERRORS_MAX 20 /* later ones are dropped: nobody mends 10,000 at a time */
struct field_errors {
    struct field_error list[FIELD_ERRORS_MAX];
    size_t len;
    size_t ignored_fields; /* unknown fields skipped when rules->refuse_unknown is false */
};

/* Copies pointer and the sentence. -1 out of memory. */
NODISCARD PRINTF(3, 4) int field_errors_add(struct field_errors *p, const char *pointer,
                                            const char *fmt, ...);

void field_errors_clear(struct field_errors *p);
