/* What a build left: programs, libraries, and the class that a Java program begins with. */
#include <elf.h>
#include <string.h>

#include "engine/build/artefact.h"
#include "engine/cell/cell.h"
#include "engine/cell/cell_memfd.h"
#include "engine/language/language.h"
#include "schema/base/bytes.h"
#include "schema/base/err.h"
#include "tests/support/assert_err.h"
#include "tests/support/class_file.h"

static const char no_main[] = "scrc: no class has a public static void main(String[])";

static const char *inspect(const char *language, const void *data, size_t len, const char *source,
                           struct language_variables *variables)
{
    struct language_table *l;
    const char *why = "untouched";
    struct err e = { .kind = ERR_NONE };
    struct bytes text = { .data = (char *)(uintptr_t)source, .len = strlen(source) };
    CLEANUP(closep) int fd = cell_memfd("artefact", data, len, &e);

    assert_true(fd >= 0);
    assert_int_equal(language_table_open(NULL, NULL, 0, &l, &e), 0);
    if (artefact_inspect(language_table_find(l, language), fd, &text, variables, &why, &e) < 0) {
        assert_int_equal(e.kind, ERR_CELL);
        why = "ours";
    }
    language_table_free(l);
    return why;
}

/* ---- one file ---- */

static void test_files(void **state)
{
    (void)state;
    Elf64_Ehdr elf = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64 } };
    struct language_variables variables = { .main = "main" };

    for (unsigned type = ET_NONE; type <= ET_CORE; type++) {
        elf.e_type = (Elf64_Half)type;
        const char *why = inspect("c", &elf, sizeof elf, "", &variables);
        if ((why == NULL) != (type == ET_EXEC || type == ET_DYN))
            fail_msg("ELF of type %u: %s", type, why ? why : "a program");
    }
    elf.e_type = ET_EXEC;
    assert_non_null(strstr(inspect("c", &elf, sizeof elf - 1, "", &variables), "no program"));
    assert_non_null(strstr(inspect("go", "!<arch>\n__.PKGDEF", 17, "", &variables), "library"));
    assert_non_null(strstr(inspect("c", "", 0, "", &variables), "no program"));
    assert_non_null(strstr(inspect("c", "hello", 5, "", &variables), "no program"));
    assert_null(inspect("c", "#!/bin/sh\n", 10, "", &variables));
    assert_string_equal(variables.main, "main");
}

/* ---- classes ---- */

struct class_of {
    const char *path; /* in the archive */
    struct class_spec spec;
};

#define WITH_MAIN                                                                                  \
    {                                                                                              \
        .methods = { PUBLIC_MAIN }                                                                 \
    }
#define PUBLIC_WITH_MAIN                                                                           \
    {                                                                                              \
        .access = PUBLIC, .methods = { PUBLIC_MAIN }                                               \
    }
#define NESTED_WITH_MAIN                                                                           \
    {                                                                                              \
        .nested = true, .methods = { PUBLIC_MAIN }                                                 \
    }
#define WITHOUT                                                                                    \
    {                                                                                              \
        .access = PUBLIC                                                                           \
    }

static const struct {
    const char *what, *source;
    struct class_of classes[4];
    const char *main; /* NULL: there is none */
} trees[] = {
    { "nothing", "", { { NULL, WITHOUT } }, NULL },
    { "no main", "", { { "Main.class", WITHOUT } }, NULL },
    { "the only one", "", { { "A.class", WITH_MAIN }, { "B.class", WITHOUT } }, "A" },
    { "in a package", "", { { "a/b/C.class", WITH_MAIN } }, "a.b.C" },
    { "public before Main",
      "class Main {}",
      { { "Main.class", WITH_MAIN }, { "Z.class", PUBLIC_WITH_MAIN } },
      "Z" },
    { "Main before the first",
      "class A {} class Main {}",
      { { "A.class", WITH_MAIN }, { "p/Main.class", WITH_MAIN } },
      "p.Main" },
    { "the first in the source",
      "class C {} class B {} class A {}",
      { { "p/A.class", WITH_MAIN }, { "p/B.class", WITH_MAIN }, { "p/C.class", WITHOUT } },
      "p.B" },
    { "of two with one beginning",
      "class AA {} class A {}",
      { { "A.class", WITH_MAIN }, { "AA.class", WITH_MAIN } },
      "AA" },
    { "by escapes",
      "// \\u000a class \\u0042 {}\nclass A {}",
      { { "A.class", WITH_MAIN }, { "B.class", WITH_MAIN } },
      "B" },
    { "in a source that names none",
      "?",
      { { "B.class", WITH_MAIN }, { "A.class", WITH_MAIN } },
      "A" },
    { "nested", "class A {}", { { "A$B.class", NESTED_WITH_MAIN }, { "A.class", WITHOUT } }, NULL },
    { "not a class file's name", "", { { "A.klass", WITH_MAIN }, { ".class", WITH_MAIN } }, NULL },
};

static size_t put_file(uint8_t *out, const char *path, const void *data, size_t len)
{
    uint32_t head[] = { (uint32_t)strlen(path), (uint32_t)len };

    memcpy(out, head, sizeof head);
    memcpy(out + sizeof head, path, head[0]);
    memcpy(out + sizeof head + head[0], data, len);
    return sizeof head + head[0] + len;
}

static void test_trees(void **state)
{
    (void)state;
    static uint8_t archive[8192];

    for (size_t i = 0; i < ARRAY_LEN(trees); i++) {
        struct language_variables variables = { .main = "guess" };
        size_t len = put_file(archive, "README", "?", 1);
        for (size_t k = 0; k < ARRAY_LEN(trees[i].classes) && trees[i].classes[k].path; k++) {
            struct class_file f;
            class_make(&trees[i].classes[k].spec, &f);
            len += put_file(archive + len, trees[i].classes[k].path, f.data, f.len);
        }
        const char *why = inspect("java", archive, len, trees[i].source, &variables);
        const char *want = trees[i].main ? trees[i].main : "guess";
        if (strcmp(variables.main, want) != 0 || (why == NULL) != (trees[i].main != NULL) ||
            (why && strcmp(why, no_main) != 0))
            fail_msg("%s: '%s', %s", trees[i].what, variables.main, why ? why : "a program");
    }
}

/* The stem of source_name decides: Main for Java, another one in another language's file. */
static void test_named_as_its_file(void **state)
{
    static const struct class_spec with_main = WITH_MAIN;
    const struct language language = { .collect = AGENT_COLLECT_TREE,
                                       .naming = LANGUAGE_NAMING_JAVA,
                                       .source_name = "First.k" };
    struct language_variables variables = { .main = "guess" };
    struct bytes source = { .data = (char *)(uintptr_t) "", .len = 0 };
    uint8_t archive[4096];
    const char *why;
    struct class_file f;
    struct err e;
    (void)state;

    class_make(&with_main, &f);
    size_t len = put_file(archive, "Main.class", f.data, f.len);
    len += put_file(archive + len, "p/First.class", f.data, f.len);
    CLEANUP(closep) int fd = cell_memfd("artefact", archive, len, &e);
    assert_true(fd >= 0);
    assert_int_equal(artefact_inspect(&language, fd, &source, &variables, &why, &e), 0);
    assert_null(why);
    assert_string_equal(variables.main, "p.First");
}

static void test_no_bundle(void **state)
{
    (void)state;
    struct language_variables variables = { .main = "guess" };
    uint8_t archive[64];
    size_t len = put_file(archive, "a", "xyz", 3);

    for (size_t part = 1; part < len; part++)
        assert_string_equal(inspect("java", archive, part, "", &variables), "ours");
    assert_string_equal(inspect("java", archive, len, "", &variables), no_main);
    memset(archive + 4, 0xff, 4); /* a file of 4 GiB */
    assert_string_equal(inspect("java", archive, len, "", &variables), "ours");
    assert_string_equal(inspect("java", "", 0, "", &variables), no_main);
    assert_string_equal(variables.main, "guess");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_trees),
        cmocka_unit_test(test_named_as_its_file),
        cmocka_unit_test(test_no_bundle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
