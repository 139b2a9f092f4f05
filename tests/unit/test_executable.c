/* A program as a value: the name of its source, its command lines, and its artefact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/build/build.h"
#include "engine/build/build_outcome.h"
#include "engine/build/executable.h"
#include "engine/build/toolchain.h"
#include "engine/cell/cell_memfd.h"
#include "engine/engine_config.h"
#include "schema/base/err.h"
#include "schema/base/text.h"
#include "tests/support/class_file.h"

static struct language_table *languages;

static int open_languages(void **state)
{
    struct err e;

    (void)state;
    return text_init() < 0 ? -1 : language_table_open(NULL, NULL, 0, &languages, &e);
}

static int close_languages(void **state)
{
    (void)state;
    languages = language_table_free(languages);
    return 0;
}

/* A tree of one file without a name. */
#define ONE(text)                                                                                  \
    (struct source_tree) { .files = &(struct source_file){ .bytes = bytes_of(text) }, .len = 1 }

static struct bytes bytes_of(const char *text)
{
    return (struct bytes){ .data = (char *)(uintptr_t)text, .len = strlen(text) };
}

/* Names it and expands its commands, for 64 MiB. Returns why that is impossible, or NULL. */
static const char *name(struct executable *program)
{
    const char *why = "untouched";
    struct err e;

    assert_int_equal(executable_name(program, 64 * MIB, 512 * MIB, &why, &e), 0);
    return why;
}

static bool has_word(char *const *command, const char *word)
{
    for (; *command; command++)
        if (strcmp(*command, word) == 0)
            return true;
    return false;
}

static void command_lines_are_ready(void **state)
{
    (void)state;
    static const struct {
        const char *language, *source, *build, *run,
            *check; /* a word of each command; NULL: it is empty */
    } rows[] = {
        { "c", "int main;", "main.c", "./main", NULL },
        { "python", "print()", NULL, "script.py", "script.py" },
        { "java", "public class A {}", "A.java", "-Xmx64m", NULL },
        { "java", "public class A {}", "-J-XX:MaxRAM=512m", "A", NULL },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct toolchain toolchain = { .language =
                                           language_table_find(languages, rows[i].language) };
        struct source_tree source = ONE(rows[i].source);
        CLEANUP(executable_clear) struct executable program = executable_of(&toolchain, &source);
        assert_null(name(&program));
        assert_true(rows[i].build ? has_word(program.build, rows[i].build) : !program.build[0]);
        assert_true(has_word(program.run, rows[i].run));
        assert_true(rows[i].check ? has_word(program.check, rows[i].check) : !program.check[0]);
    }
}

static void the_byte_order_mark_is_removed(void **state)
{
    (void)state;
    struct toolchain toolchain = { .language = language_table_find(languages, "c") };
    struct source_tree source = ONE("\xef\xbb\xbfint");
    CLEANUP(executable_clear) struct executable program = executable_of(&toolchain, &source);
    char text[16] = "";
    struct err e;

    assert_null(name(&program));
    assert_int_equal(executable_load(&program, &e), 0);
    struct cell_file file = executable_source_file(&program);
    assert_string_equal(file.name, "main.c");
    assert_int_equal(file.kind, AGENT_FILE_PLAIN);
    assert_int_equal(pread(file.fd, text, sizeof text, 0), 3);
    assert_string_equal(text, "int");
}

static struct source_tree tree_of(struct source_file *files, size_t len)
{
    return (struct source_tree){ .files = files, .len = len };
}

#define FILE_OF(path, text)                                                                        \
    {                                                                                              \
        .name = (char *)(uintptr_t)(path), .bytes = bytes_of(text)                                 \
    }

static void three_files_are_one_bundle(void **state)
{
    (void)state;
    struct toolchain toolchain = { .language = language_table_find(languages, "c") };
    struct source_file files[] = { FILE_OF(NULL, "\xef\xbb\xbfint main;"),
                                   FILE_OF("lib/a.h", "\xef\xbb\xbf?"), FILE_OF("b", "") };
    struct source_tree source = tree_of(files, 3);
    CLEANUP(executable_clear) struct executable program = executable_of(&toolchain, &source);
    static const char want[] =
        "\6\0\0\0\11\0\0\0main.cint main;\7\0\0\0\4\0\0\0lib/a.h\xef\xbb\xbf?"
        "\1\0\0\0\0\0\0\0b";
    char got[200];
    struct err e;

    assert_null(name(&program));
    assert_int_equal(executable_load(&program, &e), 0);
    struct cell_file file = executable_source_file(&program);
    assert_string_equal(file.name, "");
    assert_int_equal(file.kind, AGENT_FILE_TREE);
    assert_int_equal(pread(file.fd, got, sizeof got, 0), sizeof want - 1);
    assert_memory_equal(got, want, sizeof want - 1);
}

static void a_file_keeps_its_name(void **state)
{
    (void)state;
    static const struct {
        const char *language, *name, *main;
    } rows[] = { { "c", "a/prog.v2.c", "a/prog.v2" },
                 { "java", "p.q/Prog", "p.q/Prog" },
                 { "python", "main.py", "main" } };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct toolchain toolchain = { .language =
                                           language_table_find(languages, rows[i].language) };
        struct source_file file = FILE_OF(rows[i].name, "class Other {}");
        struct source_tree source = tree_of(&file, 1);
        CLEANUP(executable_clear) struct executable program = executable_of(&toolchain, &source);
        struct err e;

        assert_null(name(&program));
        assert_true(has_word(program.build[0] ? program.build : program.run, rows[i].name));
        assert_string_equal(program.variables.main, rows[i].main);
        assert_int_equal(executable_load(&program, &e), 0);
        assert_string_equal(executable_source_file(&program).name, rows[i].name);
    }
}

static void an_impossible_name(void **state)
{
    (void)state;
    struct toolchain toolchain = { .language = language_table_find(languages, "java") };
    char text[400];
    (void)snprintf(text, sizeof text, "public class A%0300d {}", 1);
    struct source_tree source = ONE(text);
    CLEANUP(executable_clear) struct executable program = executable_of(&toolchain, &source);

    assert_non_null(name(&program));
    assert_true(program.build[0] && program.run[0]); /* the report shows them */
}

/* ---- the key of a build ---- */

static void key_of(struct executable *program, char ret_hex[2 * BUILD_KEY_SIZE + 1])
{
    static const struct engine_config c = {
        .build_time_ms = 30000, .build_memory_bytes = GIB, .build_artefact_bytes = 1, .pids = 128
    };
    uint8_t key[BUILD_KEY_SIZE];

    assert_null(name(program));
    build_key(&c, program, key);
    for (size_t i = 0; i < sizeof key; i++)
        (void)snprintf(ret_hex + 2 * i, 3, "%02x", key[i]);
}

static const struct language plain = { .name = "plain",
                                       .workdir = "/tmp",
                                       .source_name = "main.x",
                                       .collect = AGENT_COLLECT_FILE,
                                       .artefact = "main",
                                       .build = { "cc", "{source}", NULL },
                                       .run = { "./main", NULL } };

/* If it changes, no user finds his old builds again. */
static void the_key_never_changes(void **state)
{
    (void)state;
    char *env[] = { (char *)(uintptr_t) "PATH=/bin", NULL };
    struct toolchain toolchain = { .language = &plain,
                                   .build_image = (char *)(uintptr_t) "image",
                                   .build_env = env };
    struct source_tree source = ONE("int main;");
    CLEANUP(executable_clear) struct executable program = executable_of(&toolchain, &source);
    char hex[2 * BUILD_KEY_SIZE + 1];

    key_of(&program, hex);
    assert_string_equal(hex, "fc1871578294c9b61eb93deade73b3fc13fd3b332c73d174b96e7d00dc4ea238");
}

/* Every file counts, and its name. */
static void different_trees_have_different_keys(void **state)
{
    (void)state;
    struct source_file files[][2] = {
        { FILE_OF("main.x", "a"), FILE_OF("b", "c") },
        { FILE_OF("main.x", "a"), FILE_OF("b", "d") },
        { FILE_OF("main.x", "a"), FILE_OF("bc", "") },
        { FILE_OF("main.y", "a"), FILE_OF("b", "c") },
        { FILE_OF("main.x", "ab"), FILE_OF("", "c") },
    };
    char *env[] = { NULL }, keys[ARRAY_LEN(files) + 1][2 * BUILD_KEY_SIZE + 1];
    struct toolchain toolchain = { .language = &plain,
                                   .build_image = (char *)(uintptr_t) "image",
                                   .build_env = env };

    for (size_t i = 0; i <= ARRAY_LEN(files); i++) {
        struct source_tree source =
            i > 0 ? tree_of(files[i - 1], 2) : tree_of(files[0], 1); /* only the first file */
        CLEANUP(executable_clear) struct executable program = executable_of(&toolchain, &source);
        key_of(&program, keys[i]);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(keys[i], keys[k]);
    }
}

/* ---- what was built ---- */

static struct build_outcome built(const void *data, size_t len)
{
    struct err e;
    struct build_outcome outcome = { .artefact_fd = cell_memfd("artefact", data, len, &e) };

    assert_true(outcome.artefact_fd >= 0);
    return outcome;
}

static void the_class_to_start(void **state)
{
    (void)state;
    static const char path[] = "p/B.class";
    const struct class_spec spec = { .methods = { PUBLIC_MAIN } };
    struct toolchain toolchain = { .language = language_table_find(languages, "java") };
    struct source_tree source = ONE("package p; class B {}");
    CLEANUP(executable_clear) struct executable program = executable_of(&toolchain, &source);
    uint8_t archive[4096];
    struct class_file f;
    const char *why = "untouched";
    struct err e;

    assert_null(name(&program));
    assert_true(has_word(program.run, "Main"));
    class_make(&spec, &f);
    const uint32_t head[] = { sizeof path - 1, (uint32_t)f.len };
    memcpy(archive, head, sizeof head);
    memcpy(archive + sizeof head, path, head[0]);
    memcpy(archive + sizeof head + head[0], f.data, f.len);
    struct build_outcome outcome = built(archive, sizeof head + head[0] + f.len);
    assert_int_equal(executable_accept(&program, &outcome, &why, &e), 0);
    assert_null(why);
    assert_true(has_word(program.run, "p.B") && !has_word(program.run, "Main"));
    assert_true(program.artefact_fd >= 0 && outcome.artefact_fd < 0);
    build_outcome_clear(&outcome);
}

static void an_artefact_that_is_no_program(void **state)
{
    (void)state;
    struct toolchain toolchain = { .language = language_table_find(languages, "c") };
    struct source_tree source = ONE("int x;");
    CLEANUP(executable_clear) struct executable program = executable_of(&toolchain, &source);
    struct build_outcome outcome = built("!<arch>\n", 8);
    const char *why = NULL;
    struct err e;

    assert_null(name(&program));
    assert_int_equal(executable_accept(&program, &outcome, &why, &e), 0);
    assert_non_null(why);
    assert_true(program.artefact_fd < 0 && outcome.artefact_fd >= 0);
    build_outcome_clear(&outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_lines_are_ready),
        cmocka_unit_test(the_byte_order_mark_is_removed),
        cmocka_unit_test(three_files_are_one_bundle),
        cmocka_unit_test(a_file_keeps_its_name),
        cmocka_unit_test(an_impossible_name),
        cmocka_unit_test(the_key_never_changes),
        cmocka_unit_test(different_trees_have_different_keys),
        cmocka_unit_test(the_class_to_start),
        cmocka_unit_test(an_artefact_that_is_no_program),
    };
    return cmocka_run_group_tests(tests, open_languages, close_languages) ? 1 : 0;
}
