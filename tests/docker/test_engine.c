/* tests/docker/test_engine.c - the engine with a real job table and a real Docker: verdicts of five
 * languages, and odd cases. PROGRAMS is tests/programs. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/language/language.h"
#include "schema/base/clock.h"
#include "tests/support/assert_err.h"
#include "tests/support/engine_fixture.h"
#include "tests/support/order.h"
#include "tests/support/report_json.h"
#include "tests/support/scratch.h"

static const char *const languages[] = { "python", "go", "c", "cpp", "java" };

/* ---- the 25 ---- */

struct outcome {
    const char *name, *verdict;
    int64_t time_ms, memory_mib;
    const char *tests[2][2];
};

static const struct outcome outcomes[] = {
    { "ok", "OK", 2000, 256, { { "1 2 3", "6" }, { "10 -5 7", "12" } } },
    { "wa", "WA", 2000, 256, { { "1 2 3", "6" }, { "10 -5 7", "12" } } },
    { "tl", "TL", 1000, 256, { { "", "" } } },
    { "ml", "ML", 5000, 16, { { "", "" } } },
    { "bf", "BF", 2000, 256, { { NULL } } },
};

static char *read_program(const char *language, const char *outcome)
{
    char path[300];
    const char *ending = strcmp(language, "python") == 0 ? "py" : language;

    (void)snprintf(path, sizeof path, "%s/%s-%s.%s", PROGRAMS, language, outcome, ending);
    return scratch_read(path, NULL);
}

static struct submitted put_outcome(const char *language, const struct outcome *o)
{
    CLEANUP(freep) char *source = read_program(language, o->name);
    struct order order = {
        .language = language, .source = source, .time_ms = o->time_ms, .memory_mib = o->memory_mib
    };
    memcpy(order.tests, o->tests, sizeof order.tests);
    return order_put(&order);
}

static void check_outcome(json_t *r, const char *language, const struct outcome *o)
{
    char what[40];
    (void)snprintf(what, sizeof what, "%s-%s", language, o->name);
    print_message("%-10s %-2s exit %3ld  cpu %5ld ms  wall %5ld ms  memory %6ld KiB  queue %5ld  "
                  "build %4ld  run %4ld ms\n",
                  what, report_text(r, "verdict"), (long)report_int(r, "exit_code"),
                  (long)report_int(r, "cpu_time_ms"), (long)report_int(r, "duration_ms"),
                  (long)report_int(r, "memory_bytes") / 1024, (long)report_int(r, "queue_ms"),
                  (long)report_int(r, "build_ms"), (long)report_int(r, "run_ms"));
    report_expect(r, o->verdict, what);
    assert_string_equal(report_text(r, "error"), "");
    assert_int_equal(report_int(r, "attempts"), 1);
    if (strcmp(o->name, "bf") == 0) {
        assert_true(strlen(report_text(r, "build_log")) > 10);
        assert_string_equal(report_text(r, "stderr"), report_text(r, "build_log"));
    }
    if (strcmp(o->name, "tl") == 0)
        assert_true(report_int(r, "duration_ms") >= 1050); /* a busy host makes it longer */
    if (strcmp(o->name, "wa") == 0)
        assert_string_equal(report_text(report_test(r, 1), "verdict"), "-");
}

static void test_outcomes(void **state)
{
    (void)state;
    struct submitted tickets[ARRAY_LEN(languages)][ARRAY_LEN(outcomes)];

    int64_t start = clock_mono_ns();
    for (size_t o = 0; o < ARRAY_LEN(outcomes); o++)
        for (size_t l = 0; l < ARRAY_LEN(languages); l++)
            tickets[l][o] = put_outcome(languages[l], &outcomes[o]);
    for (size_t l = 0; l < ARRAY_LEN(languages); l++) {
        for (size_t o = 0; o < ARRAY_LEN(outcomes); o++) {
            json_auto_t *r = order_report(&tickets[l][o]);
            check_outcome(r, languages[l], &outcomes[o]);
        }
    }
    print_message("25 submissions: %ld ms\n", (long)((clock_mono_ns() - start) / NS_PER_MS));
}

/* ---- one by one ---- */

#define C_MAIN(body)                                                                               \
    "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"                               \
    "#include <signal.h>\n#include <unistd.h>\nint main(void) {" body "}"

struct odd_case {
    const char *what, *verdict;
    struct order order;
};

static const struct odd_case odd_cases[] = {
    { "right output, exit 3",
      "RE",
      { .language = "c", .source = C_MAIN("puts(\"6\"); return 3;"), .tests = { { "", "6" } } } },
    { "killed by a signal",
      "RE",
      { .language = "c", .source = C_MAIN("*(volatile int *)0 = 1;"), .tests = { { "", "6" } } } },
    { "no tests", "OK", { .language = "c", .source = C_MAIN("puts(\"x\"); return 0;") } },
    { "no tests, exit 1", "RE", { .language = "c", .source = C_MAIN("return 1;") } },
    { "empty expected",
      "OK",
      { .language = "c", .source = C_MAIN("return 0;"), .tests = { { "", "" } } } },
    { "empty expected, output",
      "WA",
      { .language = "c", .source = C_MAIN("puts(\"x\"); return 0;"), .tests = { { "", "" } } } },
    { "ignores SIGTERM",
      "TL",
      { .language = "c",
        .source = C_MAIN("signal(SIGTERM, SIG_IGN); for (;;) pause();"),
        .time_ms = 300,
        .tests = { { "", "" } } } },
    { "spins",
      "TL",
      { .language = "c",
        .source = C_MAIN("for (;;) ;"),
        .time_ms = 300,
        .tests = { { "", "" } } } },
    { "100 MB of output",
      "OL",
      { .language = "c",
        .source = C_MAIN("static char b[1 << 20]; memset(b, 'x', sizeof b);"
                         "for (int i = 0; i < 100; i++) fwrite(b, 1, sizeof b, stdout);"),
        .tests = { { "", "" } } } },
    { "Python: syntax error", "BF", { .language = "python", .source = "print('a'\nprint(2)\n" } },
    { "Python: exit 1", "RE", { .language = "python", .source = "raise SystemExit(1)\n" } },
    { "Python: exception", "RE", { .language = "python", .source = "print(1)\n1/0\n" } },
    { "Python: MemoryError with nothing used",
      "RE",
      { .language = "python", .source = "raise MemoryError\n", .tests = { { "", "" } } } },
    { "Java: package and own class name",
      "OK",
      { .language = "java",
        .source = "package a.b; public class Odd { public static void main(String[] a) {"
                  "System.out.println(new Inner().x); } static class Inner { int x = 6; } }",
        .tests = { { "", "6" } } } },
    { "Java: no main",
      "BF",
      { .language = "java", .source = "public class A { }", .tests = { { "", "6" } } } },
    { "Java: UTF-8",
      "OK",
      { .language = "java",
        .source = "public class \xc3\x84 { public static void main(String[] a) {"
                  "System.out.println(\"\xe2\x82\xac\"); } }",
        .tests = { { "", "\xe2\x82\xac" } } } },
    { "Go: cgo",
      "BF",
      { .language = "go", .source = "package main\nimport \"C\"\nfunc main() {}\n" } },
    { "Go: a module from the net",
      "BF",
      { .language = "go",
        .source = "package main\nimport _ \"example.com/x\"\nfunc main() {}\n" } },
    { "C: libm",
      "OK",
      { .language = "c",
        .source = "#include <math.h>\n#include <stdio.h>\nint main(void) { double x; scanf(\"%lf\","
                  " &x); printf(\"%.3f\", sqrt(x)); return 0; }",
        .tests = { { "2", "1.414" } } } },
    { "C: endless include", "BF", { .language = "c", .source = "#include \"/dev/zero\"\n" } },
    { "C: huge artefact",
      "BF",
      { .language = "c", .source = "char a[300 << 20] = { 1 }; int main(void) { return a[7]; }" } },
    { "C: a flood of errors",
      "BF",
      { .language = "c",
        .source = "#define A(x) x x x x x x x x x x\n#define B(x) A(A(A(x)))\n"
                  "B(A(int f(void) { return undeclared; }))\n" } },
    { "C: C++", "BF", { .language = "c", .source = "#include <iostream>\nint main() {}\n" } },
    { "C: empty source", "BF", { .language = "c", .source = "\n" } },
    { "memory, 1 byte at a time, children",
      "ML",
      { .language = "c",
        .source = C_MAIN("if (fork() == 0) { for (;;) memset(malloc(1 << 20), 1, 1 << 20); }"
                         "sleep(1); puts(\"6\"); return 0;"),
        .memory_mib = 16,
        .tests = { { "", "6" } } } },
};

static void test_odd(void **state)
{
    (void)state;
    struct submitted tickets[ARRAY_LEN(odd_cases)];

    for (size_t i = 0; i < ARRAY_LEN(odd_cases); i++)
        tickets[i] = order_put(&odd_cases[i].order);
    for (size_t i = 0; i < ARRAY_LEN(odd_cases); i++) {
        json_auto_t *r = order_report(&tickets[i]);
        print_message("%-36s %-2s exit %3ld  build %5ld  run %5ld ms\n", odd_cases[i].what,
                      report_text(r, "verdict"), (long)report_int(r, "exit_code"),
                      (long)report_int(r, "build_ms"), (long)report_int(r, "run_ms"));
        report_expect(r, odd_cases[i].verdict, odd_cases[i].what);
        assert_string_equal(report_text(r, "error"), "");
    }
}

/* 16 MiB is for the program, not its runtime: hello fits, 64 MiB of arrays do not. */
static void test_small_memory(void **state)
{
    (void)state;
    static const char *const eaters[] = {
        "x = bytearray(64 << 20)\nprint(len(x))\n",
        "package main\nimport \"fmt\"\nfunc main() { x := make([]byte, 64<<20); for i := range x "
        "{ x[i] = 1 }; fmt.Println(len(x)) }\n",
        C_MAIN("volatile char *x = malloc(64 << 20); for (int i = 0; i < 64 << 20; i++) x[i] = 1;"
               "return 0;"),
        "#include <iostream>\n#include <vector>\nint main() { std::vector<char> v(64 << 20, 'x'); "
        "std::cout << v[7] << v.size(); }\n",
        "public class A { public static void main(String[] a) { byte[] x = new byte[64 << 20]; "
        "System.out.println(x.length); } }\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(languages); i++) {
        struct order o = { .language = languages[i], .source = eaters[i], .memory_mib = 16 };
        json_auto_t *big = order_judge(&o);
        o.source = language_table_find(engine_fixture.languages, languages[i])->hello;
        json_auto_t *small = order_judge(&o);
        print_message("%-8s hello needs %ld KiB\n", languages[i],
                      (long)report_int(small, "memory_bytes") / 1024);
        report_expect(big, "ML", languages[i]);
        report_expect(small, "OK", languages[i]);
    }
}

static void test_report_fields(void **state)
{
    (void)state;
    struct order o = { .language = "c",
                       .source = C_MAIN("int x = getchar(); if (x == 'a') puts(\"one\"); else {"
                                        "fputs(\"say\", stderr); abort(); } return 0;"),
                       .run_all = true,
                       .tests = { { "b", "one" }, { "a", "two\n" } } };
    json_auto_t *r = order_judge(&o);
    json_t *first = report_test(r, 0), *second = report_test(r, 1);
    json_t *difference = json_object_get(second, "first_difference");

    report_expect(r, "RE", "first failure decides");
    assert_int_equal(report_int(r, "exit_code"), 134);
    assert_string_equal(report_text(r, "signal"), "SIGABRT");
    assert_string_equal(report_text(r, "stdout"), "one\n");
    assert_string_equal(report_text(r, "stderr"), "say");
    assert_string_equal(report_text(first, "verdict"), "RE");
    assert_string_equal(report_text(first, "signal"), "SIGABRT");
    assert_string_equal(report_text(second, "verdict"), "WA");
    assert_int_equal(report_int(difference, "line"), 1);
    assert_int_equal(report_int(difference, "column"), 1);
    assert_string_equal(report_text(difference, "expected"), "two");
    assert_string_equal(report_text(difference, "got"), "one");
    assert_true(report_int(r, "memory_bytes") > 0);
    json_t *made = json_object_get(r, "produced_by");
    assert_non_null(strstr(report_text(made, "image"), "/gcc@sha256:"));
    assert_non_null(strstr(report_text(made, "image"), "/run@sha256:"));
    assert_non_null(strstr(report_text(made, "compiler"), "gcc"));
    assert_string_equal(report_text(made, "run"), "./main");
    assert_string_equal(report_text(made, "version"), SCRC_VERSION);
}

static void test_bytes(void **state)
{
    (void)state;
    struct order o = { .language = "c",
                       .source = C_MAIN("fwrite(\"a\\0\\xff\\n\", 1, 4, stdout); return 0;"),
                       .tests = { { "", "a" } } };
    json_auto_t *r = order_judge(&o);
    json_t *t = report_test(r, 0);

    report_expect(r, "WA", "bytes");
    assert_int_equal(json_string_length(json_object_get(t, "stdout")), 6); /* a NUL U+FFFD \n */
    assert_string_equal(report_text(t, "stdout_base64"), "YQD/Cg==");
}

static void test_unread_input(void **state)
{
    (void)state;
    size_t len = 64 << 20;
    CLEANUP(freep) char *input = malloc(len);
    assert_non_null(input);
    memset(input, '7', len);
    struct order o = { .language = "c",
                       .source = C_MAIN("puts(\"6\"); return 0;"),
                       .input_len = len,
                       .tests = { { input, "6" } } };
    json_auto_t *r = order_judge(&o);
    report_expect(r, "OK", "64 MB that nobody reads");
    print_message("run %ld ms\n", (long)report_int(r, "run_ms"));
}

static void test_languages(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(languages); i++)
        engine_await(languages[i]);
    json_auto_t *all = engine_languages(engine_fixture.engine);
    json_t *list = json_object_get(all, "languages");
    assert_int_equal(json_array_size(list), ARRAY_LEN(languages));
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *l = json_array_get(list, i);
        print_message("%-8s %-8s %-60s allowance %ld KiB\n", report_text(l, "name"),
                      report_text(l, "state"), report_text(l, "version"),
                      (long)report_int(l, "memory_allowance_bytes") / 1024);
        assert_string_equal(report_text(l, "state"), "ok");
        assert_true(strlen(report_text(l, "version")) > 4);
    }
    struct engine_health h;
    engine_health(engine_fixture.engine, &h);
    assert_true(h.docker && h.ready);
    assert_string_equal(h.why, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_languages),     cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_odd),           cmocka_unit_test(test_small_memory),
        cmocka_unit_test(test_report_fields), cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_unread_input),
    };
    if (engine_open(NULL) < 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return engine_close() < 0 || failed ? 1 : 0;
}
