/* tests/unit/test_language_java.c - the name that Java wants for a source. */
#include <stdio.h>
#include <string.h>

#include "engine/language/language.h"
#include "engine/language/language_java.h"
#include "tests/support/assert_err.h"

static const struct {
    const char *source, *name; /* of the first public type */
} javas[] = {
    { "", NULL },
    { "class A {}", NULL },
    { "public class A {}", "A" },
    { "public final class A {}", "A" },
    { "final public strictfp class A<T extends B> {}", "A" },
    { "public abstract sealed class A permits B {} final class B extends A {}", "A" },
    { "public interface I {}", "I" },
    { "public @interface Note {}", "Note" },
    { "public enum E { A, B { public class No {} } }", "E" },
    { "public record R(int x, String class_) {}", "R" },
    { "class A { public class Inner {} } public class B {}", "B" },
    { "class A { public static void main(String[] a) {} }\nclass B {}", NULL },
    { "interface X {} ; public class Y {}", "Y" },
    { "// public class No {}\npublic class Yes {}", "Yes" },
    { "/* public class No { */ public class Yes {}", "Yes" },
    { "public /* class No */ class // class No\n Yes {}", "Yes" },
    { "class A { String s = \"} public class No {\"; } public class Yes {}", "Yes" },
    { "class A { char c = '}'; char d = '\"'; char e = '\\''; } public class Yes {}", "Yes" },
    { "class A { String s = \"\\\"} public class No {\"; } public class Yes {}", "Yes" },
    { "class A { String s = \"\"\"\n } \" public class No { \\\"\"\" x\n\"\"\"; } public class Yes "
      "{}",
      "Yes" },
    { "@X(names = { \"public class No\" }, of = B.class) public class Yes {}", "Yes" },
    { "@X public class Yes {}", "Yes" },
    { "package a.b.c;\nimport java.util.*;\npublic class Main {}", "Main" },
    { "package a /* x */ . b ;public class Main{}", "Main" },
    { "package p; class A {}", NULL },
    { "import a.public_class.x; class A {}", NULL },
    { "public class \xc3\x84rger {}", "\xc3\x84rger" },
    { "public class M\\u0061in {}", "Main" },
    { "// \\u000d public class Foo {}", "Foo" },
    { "// \\u000apublic class Foo {}", "Foo" },
    { "// \\\\u000a public class No {}", NULL },
    { "// \\uuu000a public class Foo {}", "Foo" },
    { "// \\u00zz public class No {}", NULL },
    { "// \\u000", NULL },
    { "// \\u", NULL },
    { "// x\rpublic class Foo {}", "Foo" },
    { "class A { String s = \"\\u0022; } public class B {}", "B" },
    { "class A { String s = \"\\\\u0022; } public class No {}", NULL },
    { "public class \\u00c4\\u20AC {}", "\xc3\x84\xe2\x82\xac" },
    { "public class \\uD835\\uDC9C {}", "\xf0\x9d\x92\x9c" },
    { "public class A\\uD835 {}", "A" },
    { "public class A\\uD835\\u0042 {}", "A" },
    { "public class A\\uDC9C\\uD835 {}", "A" },
    { "public class A$B_1 {}", "A$B_1" },
    { "public class", NULL },
    { "public", NULL },
    { "public static void main(String[] a) {} class A {}", NULL },
    { "public int x; class A {}", NULL },
    { "}}}} public class A {}", "A" },
    { "/* unended public class A {}", NULL },
    { "\" unended public class A {}", NULL },
    { "'", NULL },
    { "\"\\", NULL },
};

static void test_java(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(javas); i++) {
        size_t len = strlen(javas[i].source);
        char *exact = malloc(len ? len : 1); /* no NUL behind it: the sanitizer watches */
        struct language_java_source s;
        struct language_java_type t = { .name = NULL };
        struct err e;
        memcpy(exact, javas[i].source, len);
        assert_int_equal(language_java_open(exact, len, &s, &e), 0);
        while (language_java_next(&s, &t) && !t.is_public)
            ;
        size_t got = t.is_public ? t.name_len : 0;
        const char *want = javas[i].name ? javas[i].name : "";
        if (got != strlen(want) || (got > 0 && memcmp(t.name, want, got)))
            fail_msg("%s: class '%.*s'", javas[i].source, (int)got, got > 0 ? t.name : "");
        language_java_close(&s);
        free(exact);
    }
}

/* Every top-level type in its order, a public one with a + behind it. */
static void test_java_order(void **state)
{
    (void)state;
    static const struct {
        const char *source, *types;
    } rows[] = {
        { "class B { class No {} } interface A {} public enum C { X } record D(int class_) {}",
          "B A C+ D " },
        { "import a.record.x; import b.record; class A {}", "A " },
        { "class A { void f() { class No {} } } @interface N {} final class B {}", "A N B " },
        { "", "" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char types[100] = "";
        struct language_java_source s;
        struct language_java_type t;
        struct err e;
        assert_int_equal(language_java_open(rows[i].source, strlen(rows[i].source), &s, &e), 0);
        while (language_java_next(&s, &t)) {
            (void)strncat(types, t.name, t.name_len);
            (void)strcat(types, t.is_public ? "+ " : " ");
        }
        language_java_close(&s);
        assert_string_equal(types, rows[i].types);
    }
}

static struct language_table *built_ins(void)
{
    struct language_table *l;
    struct err e;
    assert_int_equal(language_table_open(NULL, NULL, 0, &l, &e), 0);
    return l;
}

static void name_java(const char *source, size_t len, struct language_variables *w,
                      const char **ret_why)
{
    struct language_table *l = built_ins();
    struct err e;
    *ret_why = "untouched";
    assert_int_equal(
        language_name_source(language_table_find(l, "java"), source, len, w, ret_why, &e), 0);
    language_table_free(l);
}

static void test_java_names(void **state)
{
    (void)state;
    struct language_variables w;
    const char *why;
    char source[2000], name[301];

    name_java("package a; public class B {}", 28, &w, &why);
    assert_string_equal(w.source, "B.java");
    assert_string_equal(w.main, "B");
    assert_null(why);
    name_java("package a; class B {}", 21, &w, &why);
    assert_string_equal(w.source, "Main.java");

    memset(name, 'x', sizeof name);
    for (int len = 240; len <= 300; len++) {
        int n = snprintf(source, sizeof source, "public class %.*s {}", len, name);
        name_java(source, (size_t)n, &w, &why);
        assert_int_equal(why == NULL, len <= 249);
    }
    assert_non_null(strstr(why, "file name"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_java),
        cmocka_unit_test(test_java_order),
        cmocka_unit_test(test_java_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
