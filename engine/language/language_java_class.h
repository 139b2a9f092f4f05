/* engine/language/language_java_class.h - reads from a Java class file whether a program can start
 * with its class.
 *
 * Room     engine/language.
 * Threads  any.
 * Errors   none: any bytes are accepted; false for what is no class file.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct language_java_class {
    bool is_public;
    bool is_nested; /* inside another class or a method */
    bool has_main;  /* not an inherited one; by the rules of the JVM that runs this version of class
                       files */
};

bool language_java_class_read(const uint8_t *data, size_t len,
                              struct language_java_class *ret_class);
