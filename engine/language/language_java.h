/* engine/language/language_java.h - reads the top-level types of a Java source, in their order.
 *
 *     language_java_open() -> language_java_next() ... -> language_java_close()
 *
 * Comments, literals and bodies are skipped. Any bytes are accepted; the compiler reports what is
 * not Java.
 *
 * Room     engine/language.
 * Owns     a decoded copy of the source, if it holds unicode escapes: Java decodes them before it
 *          reads anything else.
 * Threads  any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/base.h"

struct err;

struct language_java_source {
    const char *at, *end; /* in the borrowed source, or in decoded */
    char *decoded;        /* owned, or NULL */
};

/* Borrows source until language_java_close(). ERR_NOMEM. */
NODISCARD int language_java_open(const char *source, size_t len,
                                 struct language_java_source *ret_source, struct err *e);

/* A class, interface, enum, record or annotation. */
struct language_java_type {
    const char *name; /* UTF-8, without a NUL; valid until language_java_close() */
    size_t name_len;
    bool is_public;
};

/* Reads the next one. False: there are no more. */
bool language_java_next(struct language_java_source *s, struct language_java_type *ret_type);

void language_java_close(struct language_java_source *s); /* for CLEANUP(), too */
