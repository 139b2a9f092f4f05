/* schema/json/field_errors.h - the wrong fields of a request, for `errors` in the HTTP answer.
 *
 * Owns     its strings, until field_errors_clear().
 * Threads  one at a time.
 */
#pragma once

#include <stddef.h>

#include "schema/base/base.h"

/* One error of one field. Both texts are UTF-8, whatever the client sent. */
struct field_error {
    char *pointer; /* owned; RFC 6901: "/tests/3/number" */
    char *detail;  /* owned; what the field must be: "must be a string" */
};

#define FIELD_ERRORS_MAX 20 /* later ones are dropped */
struct field_errors {
    struct field_error list[FIELD_ERRORS_MAX];
    size_t len;
    size_t ignored_fields; /* unknown fields that were skipped */
};

/* Copies the pointer and the formatted detail. -1: out of memory. */
NODISCARD PRINTF(3, 4) int field_errors_add(struct field_errors *p, const char *pointer,
                                            const char *fmt, ...);

void field_errors_clear(struct field_errors *p);
