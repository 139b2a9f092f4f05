/* Cells that serve many submissions: nothing of one is there for the next, and how quick it is. */
#include <jansson.h>
#include <stdlib.h>

#include "engine/cell/cell.h"
#include "engine/engine.h"
#include "schema/base/clock.h"
#include "tests/support/assert_err.h"
#include "tests/support/engine_fixture.h"
#include "tests/support/order.h"
#include "tests/support/report_json.h"

static void many_uses(struct engine_config *c)
{
    c->cell_uses = 100;
    c->parallel = 1;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Microseconds from accept to the report, the median of 30. */
static int64_t median_us(const struct order *o, const char *what)
{
    int64_t us[30];

    for (size_t i = 0; i < ARRAY_LEN(us); i++) {
        int64_t start = clock_mono_ns();
        json_auto_t *r = order_judge(o);
        us[i] = (clock_mono_ns() - start) / 1000;
        report_expect(r, "OK", what);
    }
    qsort(us, ARRAY_LEN(us), sizeof *us, by_value);
    print_message("%-24s p50 %6ld us  p90 %6ld us\n", what, (long)us[15], (long)us[27]);
    return us[15];
}

static void test_latency(void **state)
{
    (void)state;
    struct order python = { .language = "python",
                            .source = "print(input())\n",
                            .tests = { { "x\n", "x\n" } } };
    struct order c = { .language = "c",
                       .source = "#include <stdio.h>\nint main(void) { puts(\"x\"); return 0; }",
                       .tests = { { "", "x" } } };

    (void)median_us(&python, "python, one line");
    python.memory_mib = 64;
    (void)median_us(&python, "python, 64 MiB");
    (void)median_us(&c, "c, built each time");
}

static void test_nothing_left(void **state)
{
    (void)state;
    struct order o = { .language = "python",
                       .source = "import os, sys\n"
                                 "seen = [d + '/' + f for d in ('/tmp', '/dev/shm')\n"
                                 "        for f in os.listdir(d) if f != 'script.py']\n"
                                 "for d in ('/tmp', '/dev/shm'):\n"
                                 "    open(d + '/left', 'w').write('x')\n"
                                 "if os.fork() == 0:\n"
                                 "    os.setsid()\n"
                                 "    while True: pass\n"
                                 "print(seen)\n",
                       .run_all = true,
                       .tests = { { "a", "[]" }, { "b", "[]" } } };
    for (int i = 0; i < 5; i++) {
        json_auto_t *r = order_judge(&o);
        report_expect(r, "OK", "what is left");
    }
    struct engine_health h;
    engine_health(engine_fixture.engine, &h);
    print_message("%ld cells idle\n", (long)h.cells_idle);
}

static int ready(void **state)
{
    (void)state;
    engine_await("python");
    engine_await("c");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_nothing_left),
                                        cmocka_unit_test(test_latency) };
    if (engine_open(many_uses) < 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, ready, NULL);
    return engine_close() < 0 || failed ? 1 : 0;
}
