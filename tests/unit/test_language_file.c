/* tests/unit/test_language_file.c - the files of LANGUAGES_DIR: which are taken, what is wrong in
 * them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/language/language.h"
#include "schema/base/err.h"
#include "tests/support/assert_err.h"

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

/* The fields that a built-in needs for what is its own are a user's as well. */
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
    struct language_variables w;
    struct language_table *l;
    const struct language *row;
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
    assert_non_null(row = language_table_find(l, "own"));
    assert_int_equal(row->check_exit_code, 255);
    assert_int_equal(language_table_find(l, "python")->check_exit_code, 1);
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (language_out_of_memory(row, table[i].text, strlen(table[i].text), true) !=
            table[i].says)
            fail_msg("%s", table[i].text);
    assert_int_equal(language_name_source(row, "", 0, &w, &why, &e), 0);
    assert_string_equal(w.source, "First.k");
    assert_string_equal(w.main, "First");
    assert_int_equal(language_name_source(row, source, strlen(source), &w, &why, &e), 0);
    assert_string_equal(w.source, "Own.k");
    assert_string_equal(w.main, "Own");
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

#define RUN_CACHE ",\"run_cache_volume_target\":\"/x\",\"run_cache_build\":[\"x\"],"

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
        { "x.json", "{" RUST ",\"cache_volume_target\":\"x\",\"cache_build\":[\"x\"]}",
          "field 'cache_volume_target'" },
        { "x.json", "{" RUST ",\"cache_files\":[\"x\"]}", "field 'cache_build'" },
        { "x.json", "{" RUST RUN_CACHE "\"run_cache_files\":[\"a/x\"]}",
          "field 'run_cache_files'" },
        { "x.json", "{" RUST RUN_CACHE "\"run_cache_files\":[\"..\"]}", "field 'run_cache_files'" },
        { "x.json", "{" RUST RUN_CACHE "\"run_cache_files\":[\"a\",\"\"]}",
          "field 'run_cache_files'" },
        { "x.json",
          "{" RUST RUN_CACHE
          "\"run_cache_files\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]}",
          "field 'run_cache_files'" },
        { "x.json", "{" RUST RUN_CACHE "\"run_cache_files\":[\"gone.sh\"]}", "gone.sh" },
        { "x.json", "{" RUST ",\"run_cache_build\":[\"x\"]}", "field 'run_cache_build'" },
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
        cmocka_unit_test(test_own_fields),
        cmocka_unit_test(test_choose),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_bad_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
