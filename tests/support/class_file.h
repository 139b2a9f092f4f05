/* tests/support/class_file.h - class files by hand: just what language_java_class_read() looks at.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/base.h"

#define JAVA_17 61
#define JAVA_25 69

struct class_method {
    const char *name, *type; /* type: its descriptor */
    unsigned access;
};

struct class_spec {
    unsigned access, major; /* major 0: JAVA_17 */
    bool nested;
    struct class_method fields[2], methods[3];
};

#define MAIN_TYPE "([Ljava/lang/String;)V"
#define PUBLIC    0x1u
#define PRIVATE   0x2u
#define STATIC    0x8u
#define INTERFACE 0x200u
#define ABSTRACT  0x400u
#define PUBLIC_MAIN                                                                                \
    {                                                                                              \
        "main", MAIN_TYPE, PUBLIC | STATIC                                                         \
    }

struct class_file {
    uint8_t data[1024];
    size_t len;
};

/* The bytes of such a class. */
void class_make(const struct class_spec *s, struct class_file *ret_file);
