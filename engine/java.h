/* engine/java.h - which class of a Java source its file must be named after.
 *
 * Room     engine.
 * Threads  any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define JAVA_PACKAGE_MAX 512

struct java_entry {
    char package[JAVA_PACKAGE_MAX]; /* "a.b", or "" */
    const char *name;               /* borrowed from the source; NULL: no public top-level type */
    size_t name_len;
};

/* Reads package and the first public top-level class, interface, enum, record or annotation; skips
 * comments, strings and bodies. Any bytes are legal; what is not Java is left to the compiler.
 * False: the package name is longer than JAVA_PACKAGE_MAX. */
bool java_entry(const char *source, size_t len, struct java_entry *ret_entry);
