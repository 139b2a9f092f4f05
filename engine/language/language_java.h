/* engine/language/language_java.h - the top-level types of a Java source, in their order.
 *
 *     language_java_open() -> language_java_next() ... -> language_java_close()
 *
 * Comments, literals and bodies are skipped. Any bytes are legal; what is not Java is left to the
 * compiler.
 *
 * Room     engine/language.
 * Owns     a copy of the source, when it holds unicode escapes: they count before all else is read.
 * Threads  any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/base.h"

struct err;

struct language_java_source {
    const char *at, *end; /* borrowed from the source, or of decoded */
    char *decoded;        /* owned, or NULL */
};

/* Borrows source until language_java_close(). ERR_NOMEM. */
NODISCARD int language_java_open(const char *source, size_t len,
                                 struct language_java_source *ret_source, struct err *e);

/* A class, interface, enum, record or annotation. */
struct language_java_type {
    const char *name; /* UTF-8, without a NUL; good until language_java_close() */
    size_t name_len;
    bool is_public;
};

/* False: there are no more. */
bool language_java_next(struct language_java_source *s, struct language_java_type *ret_type);

void language_java_close(struct language_java_source *s); /* for CLEANUP(), too */
