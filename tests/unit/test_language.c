/* The language table: built-ins, settings, JSON files, and how a Java source names its file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/language/language.h"
#include "engine/language/language_java.h"
#include "schema/base/err.h"

/* ---- Java ---- */

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
        char *exact = malloc(
            len ? len : 1); /* no NUL behind it: the sanitizer reports a read behind the end */
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

/* Every top-level type in its order; a public one has a + behind it. */
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

static void name_java(const char *source, size_t len, struct language_variables *variables,
                      const char **ret_why)
{
    struct language_table *l = built_ins();
    struct err e;
    *ret_why = "untouched";
    assert_int_equal(
        language_name_source(language_table_find(l, "java"), source, len, variables, ret_why, &e),
        0);
    language_table_free(l);
}

static void test_java_names(void **state)
{
    (void)state;
    struct language_variables variables;
    const char *why;
    char source[2000], name[301];

    name_java("package a; public class B {}", 28, &variables, &why);
    assert_string_equal(variables.source, "B.java");
    assert_string_equal(variables.main, "B");
    assert_null(why);
    name_java("package a; class B {}", 21, &variables, &why);
    assert_string_equal(variables.source, "Main.java");

    memset(name, 'x', sizeof name);
    for (int len = 240; len <= 300; len++) {
        int n = snprintf(source, sizeof source, "public class %.*s {}", len, name);
        name_java(source, (size_t)n, &variables, &why);
        assert_int_equal(why == NULL, len <= 249);
    }
    assert_non_null(strstr(why, "file name"));
}

/* ---- rows ---- */

static void test_built_ins(void **state)
{
    (void)state;
    static const char *const names[] = { "python", "go", "c", "cpp", "java" };
    struct language_table *l = built_ins();

    assert_int_equal(l->len, ARRAY_LEN(names));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct language *language = language_table_find(l, names[i]);
        struct language_variables variables;
        const char *why;
        struct err e;
        assert_non_null(language);
        assert_non_null(language->title);
        assert_non_null(language->run_image);
        assert_non_null(language->run[0]);
        assert_non_null(language->version[0]);
        assert_string_equal(language->workdir, "/tmp");
        assert_int_equal(language->image != NULL, language->build[0] != NULL);
        assert_int_equal(language->image != NULL, language->collect != AGENT_COLLECT_NONE);
        assert_int_equal(language->artefact != NULL, language->collect != AGENT_COLLECT_NONE);
        assert_int_equal(language->strict_memory, language->memory_overhead != 0);
        assert_int_equal(language->cache_volume_target != NULL, language->cache_build[0] != NULL);
        assert_int_equal(language_name_source(language, language->hello, strlen(language->hello),
                                              &variables, &why, &e),
                         0);
        assert_null(why);
    }
    assert_null(language_table_find(l, "cobol"));
    assert_null(language_table_find(l, ""));
    language_table_free(l);
}

/* A user may copy any of them; and every file in the folder is listed. */
static void test_built_ins_are_files_like_a_users(void **state)
{
    (void)state;
    struct language_table *own = built_ins(), *copied;
    struct err e;

    assert_int_equal(language_table_open(BUILT_INS, NULL, 0, &copied, &e), 0);
    assert_int_equal(copied->len, own->len);
    for (size_t i = 0; i < own->len; i++) {
        assert_string_equal(copied->rows[i].name, own->rows[i].name);
        assert_string_equal(copied->rows[i].hello, own->rows[i].hello);
        assert_ptr_not_equal(copied->rows[i].hello, own->rows[i].hello);
    }
    language_table_free(copied);
    language_table_free(own);
}

static void test_overrides(void **state)
{
    (void)state;
    static const struct language_override overrides[] = {
        { .name = "python", .image = "py:1", .workdir = "/app" },
        { .name = "c", .image = "gcc:1", .run_image = "small:1" },
        { .name = "java" },
    };
    static const struct language_override bad[] = {
        { .name = "c", .image = "" },
        { .name = "c", .workdir = "app" },
        { .name = "c", .workdir = "/" },
    };
    struct language_table *l;
    struct err e;

    assert_int_equal(language_table_open(NULL, overrides, ARRAY_LEN(overrides), &l, &e), 0);
    assert_null(language_table_find(l, "python")->image);
    assert_string_equal(language_table_find(l, "python")->run_image, "py:1");
    assert_string_equal(language_table_find(l, "python")->workdir, "/app");
    assert_string_equal(language_table_find(l, "c")->image, "gcc:1");
    assert_string_equal(language_table_find(l, "c")->run_image, "small:1");
    assert_string_equal(language_table_find(l, "cpp")->image, "gcc:14");
    language_table_free(l);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(language_table_open(NULL, &bad[i], 1, &l, &e), -1);
        assert_int_equal(e.kind, ERR_SETTING);
        assert_non_null(strstr(e.msg, "'c'"));
    }
}

static void test_expand(void **state)
{
    (void)state;
    static const char *const argv[] = { "a",
                                        "-Xmx{memory_mib}m{stack_mib}",
                                        "{main}/{source}",
                                        "{other}{",
                                        "",
                                        "{build_memory_mib}{memory_mib}",
                                        NULL };
    struct language_variables variables = { .source = "X.java",
                                            .main = "p.X",
                                            .memory_mib = 64,
                                            .stack_mib = 32,
                                            .build_memory_mib = 1024 };
    char **out;
    struct err e;

    assert_int_equal(language_expand(argv, &variables, &out, &e), 0);
    assert_string_equal(out[0], "a");
    assert_string_equal(out[1], "-Xmx64m32");
    assert_string_equal(out[2], "p.X/X.java");
    assert_string_equal(out[3], "{other}{");
    assert_string_equal(out[4], "");
    assert_string_equal(out[5], "102464");
    assert_null(out[6]);
    free(out);
}

static void test_environment(void **state)
{
    (void)state;
    static const struct {
        const char *own[LANGUAGE_ARGS_MAX], *all;
    } rows[] = {
        { { NULL }, "PATH=/image LANG=C.UTF-8" },
        { { "HOME=/tmp" }, "PATH=/image LANG=C.UTF-8 HOME=/tmp" },
        { { "LANG=C", "X=" }, "PATH=/image LANG=C X=" },
        { { "LANGUAGE=de", "PATHS=1" }, "PATH=/image LANG=C.UTF-8 LANGUAGE=de PATHS=1" },
        { { "PATH=/own", "LANG=de" }, "PATH=/own LANG=de" },
        { { "A=1", "PATH=/own", "A=2" }, "LANG=C.UTF-8 PATH=/own A=2" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char path[] = "PATH=/image", all[200] = "";
        char **env = NULL;
        struct err e;
        assert_int_equal(language_environment(rows[i].own, path, &env, &e), 0);
        memset(path, 'x', sizeof path - 1); /* copied */
        for (size_t k = 0; env[k]; k++) {
            (void)strcat(all, k > 0 ? " " : "");
            (void)strcat(all, env[k]);
        }
        assert_string_equal(all, rows[i].all);
        free(env);
    }
}

static void test_full_environment(void **state)
{
    (void)state;
    const char *own[LANGUAGE_ARGS_MAX];
    char names[LANGUAGE_ARGS_MAX][8];
    char **env = NULL;
    struct err e;
    size_t n = 0;

    for (size_t i = 0; i < LANGUAGE_ARGS_MAX;
         i++) { /* the longest list of a row, without a NULL behind it */
        (void)snprintf(names[i], sizeof names[i], "N%zu=", i);
        own[i] = names[i];
    }
    assert_int_equal(language_environment(own, "PATH=/", &env, &e), 0);
    while (env[n])
        n++;
    assert_int_equal(n, LANGUAGE_ARGS_MAX + 2);
    free(env);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    static const struct {
        const char *language, *text;
        enum { NEVER, NEAR_LIMIT, ALWAYS } says;
    } table[] = {
        { "python", "Traceback (most recent call last):\n  x\nMemoryError\n", NEAR_LIMIT },
        { "python", "MemoryError", NEAR_LIMIT },
        { "python", "MemoryError: 3\n\n", NEAR_LIMIT },
        { "python", "MemoryErrors so far: 0\n", NEVER },
        { "python", "MemoryError_\n", NEVER },
        { "python", "MemoryErro", NEVER },
        { "python", "", NEVER },
        { "python", "\n\n", NEVER },
        { "python", " ", NEVER },
        { "python", "ValueError: MemoryError\n", NEVER },
        { "python", " MemoryError\n", NEVER },
        { "python",
          "MemoryError\n\nDuring handling of the above exception:\nZeroDivisionError: x\n", NEVER },
        { "java", "Exception in thread \"main\" java.lang.OutOfMemoryError: y\n\tat Main.main\n",
          NEAR_LIMIT },
        { "java", "x\nException in thread \"a\" b\" java.lang.OutOfMemoryError: y \"z\"\n",
          NEAR_LIMIT },
        { "java", "java.lang.OutOfMemoryError: Java heap space\n", NEAR_LIMIT },
        { "java", "Exception: java.lang.OutOfMemoryError thrown from the Uncaught", NEAR_LIMIT },
        { "java",
          "Exception in thread \"main\" a.B: c\n\tat d\nCaused by: "
          "java.lang.OutOfMemoryError: unable\n\tat e\n\t... 1 more\n",
          NEAR_LIMIT },
        { "java", "Exception in thread \"main\" java.lang.Error: java.lang.OutOfMemoryError",
          NEVER },
        { "java", "java.lang.OutOfMemoryError: x\nException in thread \"main\" a.B\n", NEVER },
        { "java", "Terminating due to java.lang.OutOfMemoryError: Java heap space\n", ALWAYS },
        { "java", "half a lineTerminating due to java.lang.OutOfMemoryError: Java heap space\n",
          ALWAYS },
        { "java", "Terminating due to java.lang.OutOfMemoryError: Java heap space\nbye\n", NEVER },
        { "java",
          "Exception in thread \"main\" a.B\nCaused by: java.lang.OutOfMemoryError: Cannot "
          "reserve 1 bytes of direct buffer memory\n\tat c\n",
          ALWAYS },
        { "java", "Exception in thread \"", NEVER },
        { "java", "Exception in thread \"\"", NEVER },
        { "c", "MemoryError\n", NEVER },
    };
    struct language_table *l = built_ins();

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const struct language *row = language_table_find(l, table[i].language);
        size_t len = strlen(table[i].text);
        char *exact = malloc(len ? len : 1);
        memcpy(exact, table[i].text, len);
        if (language_out_of_memory(row, exact, len, false) != (table[i].says == ALWAYS) ||
            language_out_of_memory(row, exact, len, true) != (table[i].says != NEVER))
            fail_msg("%s: %s", table[i].language, table[i].text);
        free(exact);
    }
    language_table_free(l);
}

/* ---- files ---- */

struct dir {
    char path[64], file[128];
};

static void dir_make(struct dir *d, const char *name, const char *text)
{
    (void)snprintf(d->path, sizeof d->path, "/tmp/scrc-language-XXXXXX");
    assert_non_null(mkdtemp(d->path));
    (void)snprintf(d->file, sizeof d->file, "%s/%s", d->path, name);
    FILE *f = fopen(d->file, "we");
    assert_non_null(f);
    (void)fputs(text, f);
    (void)fclose(f);
}

static void dir_remove(const struct dir *d)
{
    (void)unlink(d->file);
    (void)rmdir(d->path);
}

/* A user's file may set every field that a built-in needs. */
static void test_own_fields(void **state)
{
    static const struct {
        const char *text;
        bool says;
    } table[] = {
        { "OutOfRoom", true },       { "fatal: OutOfRoom!", true },
        { "in a: OutOfRoom", true }, { "in a: b: OutOfRoom", true },
        { "in a: b", false },        { "in OutOfRoom", false },
        { "in : OutOfRoom", true },  { "fatal: OutOfRooms", false },
        { "fatal", false },          { "x fatal: OutOfRoom", false },
    };
    struct language_variables variables;
    struct language_table *l;
    const struct language *language;
    const char *why, *source = "public class Own {}";
    struct dir d;
    struct err e;
    (void)state;

    dir_make(&d, "own.json",
             "{\"run_image\":\"a\",\"hello\":\"x\",\"run\":[\"r\"],\"source_name\":\"First.k\","
             "\"naming\":\"java\",\"check\":[\"c\"],\"check_exit_code\":255,"
             "\"oom_text\":\"OutOfRoom\",\"oom_before\":[\"fatal: \",\"in *: \"]}");
    assert_int_equal(language_table_open(d.path, NULL, 0, &l, &e), 0);
    dir_remove(&d);
    assert_non_null(language = language_table_find(l, "own"));
    assert_int_equal(language->check_exit_code, 255);
    assert_int_equal(language_table_find(l, "python")->check_exit_code, 1);
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (language_out_of_memory(language, table[i].text, strlen(table[i].text), true) !=
            table[i].says)
            fail_msg("%s", table[i].text);
    assert_int_equal(language_name_source(language, "", 0, &variables, &why, &e), 0);
    assert_string_equal(variables.source, "First.k");
    assert_string_equal(variables.main, "First");
    assert_int_equal(language_name_source(language, source, strlen(source), &variables, &why, &e),
                     0);
    assert_string_equal(variables.source, "Own.k");
    assert_string_equal(variables.main, "Own");
    language_table_free(l);
}

static void test_choose(void **state)
{
    (void)state;
    static const struct {
        const char *names, *left; /* left NULL: refused */
    } rows[] = {
        { "python", "python" }, { "java, c", "c java" }, { "c,c ,", "c" },
        { "cobol", NULL },      { "python,C", NULL },    { " , ", NULL },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct language_table *l;
        struct err e = { 0 };
        char left[100] = "";
        assert_int_equal(language_table_open(NULL, NULL, 0, &l, &e), 0);
        int rc = language_table_choose(l, rows[i].names, &e);
        print_message("    '%s': %s\n", rows[i].names, rc < 0 ? e.msg : "");
        assert_int_equal(rc, rows[i].left ? 0 : -1);
        for (size_t k = 0; rc == 0 && k < l->len; k++) {
            (void)strcat(left, k > 0 ? " " : "");
            (void)strcat(left, l->rows[k].name);
        }
        if (rc == 0)
            assert_string_equal(left, rows[i].left);
        else
            assert_int_equal(e.kind, ERR_SETTING);
        language_table_free(l);
    }
}

#define RUST                                                                                       \
    "\"image\":\"rust:1\",\"run_image\":\"alpine:3\",\"source_name\":\"main.rs\","                 \
    "\"build\":[\"rustc\",\"-O\",\"{source}\"],\"collect\":\"file\",\"artefact\":\"main\","        \
    "\"run\":[\"./main\"],\"hello\":\"fn main(){println!(\\\"scrc\\\");}\""

static void test_files(void **state)
{
    (void)state;
    struct dir d;
    struct language_table *l;
    struct err e;

    dir_make(&d, "rust.json",
             "{" RUST ",\"allowance\":2097152,\"strict_memory\":true,\"title\":null,"
             "\"build_env\":[\"A=b=c\",\"B=\"],\"version\":[\"rustc\",\"-V\"]}");
    assert_int_equal(language_table_open(d.path, NULL, 0, &l, &e), 0);
    dir_remove(&d);
    assert_int_equal(l->len, 6);
    const struct language *rust = language_table_find(l, "rust");
    assert_non_null(rust);
    assert_string_equal(rust->title, "rust");
    assert_string_equal(rust->workdir, "/tmp");
    assert_string_equal(rust->build[2], "{source}");
    assert_null(rust->build[3]);
    assert_string_equal(rust->build_env[0], "A=b=c");
    assert_int_equal(rust->memory_overhead, 2 * MIB);
    assert_true(rust->strict_memory);
    assert_int_equal(rust->collect, AGENT_COLLECT_FILE);
    language_table_free(l);

    dir_make(&d, "python.json",
             "{\"name\":\"python\",\"run_image\":\"pypy:3\",\"run\":[\"pypy3\",\"{source}\"],"
             "\"source_name\":\"a.py\",\"workdir\":\"/w\",\"hello\":\"print('scrc')\"}");
    assert_int_equal(language_table_open(d.path, NULL, 0, &l, &e), 0);
    dir_remove(&d);
    assert_int_equal(l->len, 5);
    assert_string_equal(language_table_find(l, "python")->run_image, "pypy:3");
    assert_null(language_table_find(l, "python")->check[0]);
    language_table_free(l);

    dir_make(&d, "README.md", "not JSON");
    assert_int_equal(language_table_open(d.path, NULL, 0, &l, &e), 0);
    dir_remove(&d);
    language_table_free(l);
}

static void test_bad_files(void **state)
{
    (void)state;
    static const struct {
        const char *file, *text, *says;
    } bad[] = {
        { "x.json", "{", "line" },
        { "x.json", "[]", "object" },
        { "x.json", "{" RUST ",\"image\":\"a\"}", "line" }, /* a key twice */
        { "x.json", "{" RUST ",\"colour\":1}", "field 'colour'" },
        { "x.json", "{" RUST ",\"name\":\"y\"}", "field 'name'" },
        { "x.json", "{" RUST ",\"title\":1}", "field 'title'" },
        { "x.json", "{" RUST ",\"allowance\":-1}", "field 'allowance'" },
        { "x.json", "{" RUST ",\"allowance\":1.5}", "field 'allowance'" },
        { "x.json", "{" RUST ",\"strict_memory\":1}", "field 'strict_memory'" },
        { "x.json", "{" RUST ",\"naming\":\"odd\"}", "field 'naming'" },
        { "x.json", "{" RUST ",\"check\":\"a b\"}", "field 'check'" },
        { "x.json", "{" RUST ",\"check\":[1]}", "field 'check'" },
        { "x.json", "{" RUST ",\"run_env\":[\"=a\"]}", "field 'run_env'" },
        { "x.json", "{" RUST ",\"run_env\":[\"a\"]}", "field 'run_env'" },
        { "x.json", "{" RUST ",\"workdir\":\"tmp\"}", "field 'workdir'" },
        { "x.json", "{" RUST ",\"workdir\":\"/a/../b\"}", "field 'workdir'" },
        { "x.json", "{" RUST ",\"workdir\":\"/\"}", "field 'workdir'" },
        { "x.json", "{" RUST ",\"oom_text\":\"\"}", "field 'oom_text'" },
        { "x.json", "{" RUST ",\"oom_before\":[\"a\"]}", "field 'oom_before'" },
        { "x.json", "{" RUST ",\"oom_text\":\"x\",\"oom_before\":[\"\"]}", "field 'oom_before'" },
        { "x.json", "{" RUST ",\"oom_text\":\"x\",\"oom_before\":[\"b\",\"a*\"]}", "behind the *" },
        { "x.json", "{" RUST ",\"check_exit_code\":0}", "field 'check_exit_code'" },
        { "x.json", "{" RUST ",\"check_exit_code\":256}", "field 'check_exit_code'" },
        { "x.json", "{" RUST ",\"check_exit_code\":\"1\"}", "field 'check_exit_code'" },
        { "x.json", "{" RUST ",\"heap_limit_text\":[\"a\",\"\"]}", "field 'heap_limit_text'" },
        { "x.json", "{" RUST ",\"cache_build\":[\"x\"]}", "field 'cache_build'" },
        { "x.json", "{" RUST ",\"cache_volume_target\":\"/x\"}", "field 'cache_build'" },
        { "x.json", "{\"run_image\":\"a\"}", "field 'hello'" },
        { "x.json", "{\"run_image\":\"a\",\"hello\":\"x\"}", "field 'run'" },
        { "x.json", "{\"run_image\":\"a\",\"hello\":\"x\",\"run\":[\"r\"]}",
          "field 'source_name'" },
        { "x.json", "{\"run_image\":\"a\",\"hello\":\"x\",\"run\":[\"r\"],\"source_name\":\"a/b\"}",
          "field 'source_name'" },
        { "x.json", "{\"run_image\":\"a\",\"hello\":\"x\",\"run\":[\"r\"],\"source_name\":\"..\"}",
          "field 'source_name'" },
        { "x.json",
          "{\"run_image\":\"a\",\"hello\":\"x\",\"run\":[\"r\"],\"source_name\":\"s\","
          "\"build\":[\"b\"]}",
          "field 'image'" },
        { "x.json",
          "{\"run_image\":\"a\",\"hello\":\"x\",\"run\":[\"r\"],\"source_name\":\"s\","
          "\"image\":\"i\"}",
          "field 'build'" },
        { "x.json",
          "{\"run_image\":\"a\",\"hello\":\"x\",\"run\":[\"r\"],\"source_name\":\"s\","
          "\"image\":\"i\",\"build\":[\"b\"],\"collect\":\"tree\",\"artefact\":\"/x\"}",
          "field 'artefact'" },
        { "x.json",
          "{\"run_image\":\"a\",\"hello\":\"x\",\"run\":[\"r\"],\"source_name\":\"s\","
          "\"image\":\"i\",\"build\":[\"b\"],\"artefact\":\"x\"}",
          "field 'collect'" },
        { "Bad Name.json", "{" RUST "}", "named with" },
    };
    struct language_table *l = NULL;
    struct dir d;
    struct err e;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        dir_make(&d, bad[i].file, bad[i].text);
        int rc = language_table_open(d.path, NULL, 0, &l, &e);
        dir_remove(&d);
        if (rc == 0 || e.kind != ERR_SETTING || !strstr(e.msg, bad[i].says) ||
            !strstr(e.msg, bad[i].file))
            fail_msg("%s: %d '%s'", bad[i].text, rc, rc ? e.msg : "");
        assert_null(l);
    }
    assert_int_equal(language_table_open("/does/not/exist", NULL, 0, &l, &e), -1);
    assert_int_equal(e.kind, ERR_SETTING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_java),
        cmocka_unit_test(test_java_order),
        cmocka_unit_test(test_java_names),
        cmocka_unit_test(test_built_ins),
        cmocka_unit_test(test_built_ins_are_files_like_a_users),
        cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_expand),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_full_environment),
        cmocka_unit_test(test_own_fields),
        cmocka_unit_test(test_choose),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_bad_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
