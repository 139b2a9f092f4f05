/* engine/language/language_java_class.h - what a Java class file says of its class: can a program
 * begin there?
 *
 * Room     engine/language.
 * Threads  any.
 * Errors   none: any bytes are legal, and what is no class file is false.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct language_java_class {
    bool is_public;
    bool is_nested; /* in another class, or local to a method */
    bool has_main;  /* its own, as the JVM that runs this version of class files takes it */
};

bool language_java_class_read(const uint8_t *data, size_t len,
                              struct language_java_class *ret_class);
