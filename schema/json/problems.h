/* schema/json/problems.h - what is wrong with which field of a request, for the `errors` of an
 * answer.
 *
 * Owns     its strings, until problems_clear().
 * Threads  none of its own.
 */
#pragma once

#include <stddef.h>

#include "schema/base/base.h"

/* One thing that is wrong with one field. Both are UTF-8 whatever the client sent. */
struct problem {
    char *pointer; /* owned; RFC 6901: "/tests/3/number" */
    char *detail;  /* owned; what the field must be: "must be a string" */
};

#define PROBLEMS_MAX 20 /* later ones are dropped: nobody mends 10,000 at a time */
struct problems {
    struct problem list[PROBLEMS_MAX];
    size_t len;
    size_t ignored_fields; /* unknown fields skipped when rules->refuse_unknown is false */
};

/* Copies pointer and the sentence. -1 out of memory. */
NODISCARD PRINTF(3, 4) int problems_add(struct problems *p, const char *pointer, const char *fmt,
                                        ...);

void problems_clear(struct problems *p);
