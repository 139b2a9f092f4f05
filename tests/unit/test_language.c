/* tests/unit/test_language.c - the built-in languages, what settings change in them, command lines
 * and environments. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/language/language.h"
#include "schema/base/err.h"
#include "tests/support/assert_err.h"

static struct language_table *built_ins(void)
{
    struct language_table *l;
    struct err e;
    assert_int_equal(language_table_open(NULL, NULL, 0, &l, &e), 0);
    return l;
}

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
        assert_int_equal(language->cache.volume_target != NULL, language->cache.build[0] != NULL);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_built_ins),
        cmocka_unit_test(test_built_ins_are_files_like_a_users),
        cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_expand),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_full_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
