/* Class files: those that javac makes, and every form of main() by hand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/language/language_java_class.h"
#include "tests/support/assert_err.h"
#include "tests/support/class_file.h"
#include "tests/support/scratch.h"

/* ---- of javac 17 (-g:none), in tests/fuzz/class ---- */

static const struct {
    const char *file, *source;
    struct language_java_class class;
} javacs[] = {
    { "Public",
      "public class S { public static void main(String[] a) { } }",
      { .is_public = true, .has_main = true } },
    { "Instance", "class Instance { void main() { } }", { false } },
    { "Static", "class Static { static void main(String[] a) { } }", { false } },
    { "Private", "class Private { private static void main(String[] a) { } }", { false } },
    { "Inner",
      "class Outer { static class Inner { public static void main(String[] a) { } } }",
      { .is_nested = true, .has_main = true } },
    { "Face", "interface Face { static void main(String... a) { } }", { .has_main = true } },
    { "Constants",
      "class Constants { static int main = 3; static long a = 1L << 40; static double d = 1.5; "
      "static float f = 2.5f; static Object o = (Runnable) () -> System.out.println(\"x\" + a); "
      "public static void main(String[] a) { } }",
      { .has_main = true } },
};

static size_t read_seed(const char *name, uint8_t *data, size_t max)
{
    char path[500];
    (void)snprintf(path, sizeof path, "%s/%s.class", CLASSES, name);
    size_t len = 0;
    CLEANUP(freep) char *seed = scratch_read(path, &len);
    assert_true(len < max);
    memcpy(data, seed, len);
    return len;
}

static bool read_exact(const uint8_t *data, size_t len, struct language_java_class *ret_class)
{
    uint8_t *exact =
        malloc(len ? len : 1); /* no byte behind it: the sanitizer reports a read behind the end */
    assert_non_null(exact);
    memcpy(exact, data, len);
    bool ok = language_java_class_read(exact, len, ret_class);
    free(exact);
    return ok;
}

static void expect(const char *what, const uint8_t *data, size_t len,
                   const struct language_java_class *want)
{
    struct language_java_class c;

    if (!read_exact(data, len, &c))
        fail_msg("%s: no class file", what);
    if (c.is_public != want->is_public || c.is_nested != want->is_nested ||
        c.has_main != want->has_main)
        fail_msg("%s: public %d nested %d main %d", what, c.is_public, c.is_nested, c.has_main);
    for (size_t part = 0; part < len; part++)
        if (read_exact(data, part, &c))
            fail_msg("%s: a class file at %zu of %zu bytes", what, part, len);
}

static void test_javac(void **state)
{
    (void)state;
    uint8_t data[4096];

    for (size_t i = 0; i < ARRAY_LEN(javacs); i++) {
        size_t len = read_seed(javacs[i].file, data, sizeof data);
        expect(javacs[i].source, data, len, &javacs[i].class);
    }
}

/* ---- by hand ---- */

#define NO_MAIN                                                                                    \
    {                                                                                              \
        .has_main = false                                                                          \
    }
#define HAS_MAIN                                                                                   \
    {                                                                                              \
        .has_main = true                                                                           \
    }
#define CONSTRUCTOR(access)                                                                        \
    {                                                                                              \
        "<init>", "()V", access                                                                    \
    }

static const struct {
    const char *what;
    struct class_spec spec;
    struct language_java_class class;
} cases[] = {
    { "nothing", { .access = 0 }, NO_MAIN },
    { "public static", { .methods = { PUBLIC_MAIN } }, HAS_MAIN },
    { "behind others",
      { .methods = { CONSTRUCTOR(0), { "x", "()I", 0 }, PUBLIC_MAIN } },
      HAS_MAIN },
    { "before others", { .methods = { PUBLIC_MAIN, { "main", "()V", PUBLIC } } }, HAS_MAIN },
    { "a field of that name", { .fields = { { "main", MAIN_TYPE, PUBLIC | STATIC } } }, NO_MAIN },
    { "one text",
      { .methods = { { "main", "(Ljava/lang/String;)V", PUBLIC | STATIC } } },
      NO_MAIN },
    { "gives a number",
      { .methods = { { "main", "([Ljava/lang/String;)I", PUBLIC | STATIC } } },
      NO_MAIN },
    { "another name", { .methods = { { "Main", MAIN_TYPE, PUBLIC | STATIC } } }, NO_MAIN },
    { "public class",
      { .access = PUBLIC, .methods = { PUBLIC_MAIN } },
      { .is_public = true, .has_main = true } },
    { "nested",
      { .nested = true, .methods = { PUBLIC_MAIN } },
      { .is_nested = true, .has_main = true } },
    { "not public, 17", { .methods = { { "main", MAIN_TYPE, STATIC } } }, NO_MAIN },
    { "not public, 24",
      { .major = JAVA_25 - 1, .methods = { { "main", MAIN_TYPE, STATIC } } },
      NO_MAIN },
    { "not public, 25",
      { .major = JAVA_25, .methods = { { "main", MAIN_TYPE, STATIC } } },
      HAS_MAIN },
    { "private, 25",
      { .major = JAVA_25, .methods = { { "main", MAIN_TYPE, STATIC | PRIVATE } } },
      NO_MAIN },
    { "static without parameters, 25",
      { .major = JAVA_25, .methods = { { "main", "()V", STATIC } } },
      HAS_MAIN },
    { "instance, 17", { .methods = { CONSTRUCTOR(0), { "main", "()V", 0 } } }, NO_MAIN },
    { "instance, 25",
      { .major = JAVA_25, .methods = { CONSTRUCTOR(0), { "main", "()V", 0 } } },
      HAS_MAIN },
    { "instance with texts, 25",
      { .major = JAVA_25, .methods = { CONSTRUCTOR(PUBLIC), { "main", MAIN_TYPE, PUBLIC } } },
      HAS_MAIN },
    { "instance, private constructor, 25",
      { .major = JAVA_25, .methods = { CONSTRUCTOR(PRIVATE), { "main", "()V", 0 } } },
      NO_MAIN },
    { "instance, no such constructor, 25",
      { .major = JAVA_25, .methods = { { "<init>", "(I)V", 0 }, { "main", "()V", 0 } } },
      NO_MAIN },
    { "instance, abstract, 25",
      { .major = JAVA_25, .access = ABSTRACT, .methods = { CONSTRUCTOR(0), { "main", "()V", 0 } } },
      NO_MAIN },
    { "instance, private, 25",
      { .major = JAVA_25, .methods = { CONSTRUCTOR(0), { "main", "()V", PRIVATE } } },
      NO_MAIN },
    { "static, abstract, 25",
      { .major = JAVA_25, .access = ABSTRACT, .methods = { { "main", "()V", STATIC } } },
      HAS_MAIN },
    { "interface, 17", { .access = INTERFACE | ABSTRACT, .methods = { PUBLIC_MAIN } }, HAS_MAIN },
};

static void test_forms(void **state)
{
    (void)state;
    struct class_file f;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        class_make(&cases[i].spec, &f);
        expect(cases[i].what, f.data, f.len, &cases[i].class);
    }
}

static void test_no_class_file(void **state)
{
    (void)state;
    struct class_file f;
    struct language_java_class c;

    class_make(&cases[1].spec, &f);
    f.data[0] ^= 1; /* the magic number */
    assert_false(read_exact(f.data, f.len, &c));
    f.data[0] ^= 1;
    for (unsigned kind = 0; kind < 256; kind++) { /* of the first constant, a class */
        f.data[10] = (uint8_t)kind;
        bool two_bytes = kind == 7 || kind == 8 || kind == 16 || kind == 19 || kind == 20;
        if (two_bytes || kind == 2 || kind == 13 || kind == 14 || kind > 20)
            assert_int_equal(read_exact(f.data, f.len, &c), two_bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_javac),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_no_class_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
