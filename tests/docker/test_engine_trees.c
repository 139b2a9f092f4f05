/* Sources of several files, from the table to the compiler and the runtime: files beside the
 * program, and in folders below it. */
#include "tests/support/assert_err.h"
#include "tests/support/engine_fixture.h"
#include "tests/support/order.h"
#include "tests/support/report_json.h"

static const struct {
    const char *what, *verdict;
    struct order order;
} cases[] = {
    { "C: three files",
      "OK",
      { .language = "c",
        .files = { { "prog.c", "#include <stdio.h>\n#include \"util.h\"\n#include \"lib/six.h\"\n"
                               "int main(void) { printf(\"%d\\n\", util(SIX)); return 0; }\n" },
                   { "util.h", "static inline int util(int x) { return x; }\n" },
                   { "lib/six.h", "#define SIX 6\n" } },
        .tests = { { "", "6" } } } },
    { "C: another file beside it",
      "WA",
      { .language = "c",
        .files = { { "prog.c", "#include <stdio.h>\n#include \"util.h\"\n#include \"lib/six.h\"\n"
                               "int main(void) { printf(\"%d\\n\", util(SIX)); return 0; }\n" },
                   { "util.h", "static inline int util(int x) { return x; }\n" },
                   { "lib/six.h", "#define SIX 7\n" } },
        .tests = { { "", "6" } } } },
    { "C: a file is missing",
      "BF",
      { .language = "c",
        .files = { { "prog.c", "#include \"util.h\"\nint main(void) { return 0; }\n" },
                   { "lib/util.h", "" } } } },
    { "Java: a class of a package",
      "OK",
      { .language = "java",
        .files = { { "Main.java", "public class Main { public static void main(String[] a) {"
                                  " System.out.println(lib.Six.SIX); } }\n" },
                   { "lib/Six.java",
                     "package lib; public class Six { public static int SIX = 6; }\n" } },
        .tests = { { "", "6" } } } },
    { "Python: an import, in each test",
      "OK",
      { .language = "python",
        .files = { { "prog.py", "import lib.six\nprint(lib.six.SIX + int(input()))\n" },
                   { "lib/six.py", "SIX = 6\n" } },
        .tests = { { "0", "6" }, { "1", "7" } } } },
};

static void sources_of_several_files(void **state)
{
    (void)state;
    struct submitted tickets[ARRAY_LEN(cases)];

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        tickets[i] = order_put(&cases[i].order);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_auto_t *r = order_report(&tickets[i]);
        report_expect(r, cases[i].verdict, cases[i].what);
        assert_string_equal(report_text(r, "error"), "");
    }
}

static int ready(void **state)
{
    (void)state;
    engine_await("c");
    engine_await("java");
    engine_await("python");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sources_of_several_files) };

    if (engine_open(NULL) < 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, ready, NULL);
    return engine_close() < 0 || failed ? 1 : 0;
}
