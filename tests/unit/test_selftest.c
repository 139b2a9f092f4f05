/* Languages are made ready, doubted and proved again; with a Docker of the test's own. */
#include <poll.h>
#include <string.h>

#include "engine/build/toolchain.h"
#include "engine/cell/cell.h"
#include "engine/language/language.h"
#include "engine/pool/pool.h"
#include "engine/queue/readiness.h"
#include "engine/queue/selftest.h"
#include "schema/base/clock.h"
#include "tests/support/assert_err.h"
#include "tests/support/fake_docker.h"
#include "tests/support/fake_pool.h"

static struct place {
    struct language_table *languages;
    struct pool *pool;
    struct readiness *readiness;
    struct selftest *selftest;
} place;

static int open_place(void **state)
{
    place = (struct place){ .pool = NULL };
    if (fake_open(state) < 0)
        return -1;
    ASSERT_OK(language_table_open(NULL, NULL, 0, &place.languages, e));
    ASSERT_OK(language_table_choose(place.languages, "python, c", e));
    ASSERT_OK(readiness_open(place.languages, &place.readiness, e));
    place.pool = fake_pool(2);
    return 0;
}

static int close_place(void **state)
{
    fake_release();
    readiness_stop(place.readiness);
    place.selftest = selftest_stop(place.selftest);
    place.pool = pool_stop(place.pool);
    place.readiness = readiness_free(place.readiness);
    place.languages = language_table_free(place.languages);
    return fake_close(state);
}
#define ON_PLACE(test) cmocka_unit_test_setup_teardown(test, open_place, close_place)

enum { PYTHON, C };

static void start(void)
{
    const struct selftest_config c = { .engine = &fake.config,
                                       .languages = place.languages,
                                       .host = &fake.cell_host,
                                       .pool = place.pool,
                                       .readiness = place.readiness };
    ASSERT_OK(selftest_start(&c, &place.selftest, e));
}

static bool is(size_t index, enum readiness_state state)
{
    return readiness_state(place.readiness, index) == state;
}

static bool reason_has(const char *language, const char *words)
{
    char why[500];
    readiness_reason(place.readiness, language, why, sizeof why);
    return strstr(why, words) != NULL;
}

static const struct toolchain *toolchain_now(const char *language)
{
    size_t index;
    return readiness_toolchain(place.readiness, language, &index);
}

static int64_t idle_cells(void)
{
    struct pool_stats s;
    pool_stats(place.pool, &s);
    return s.idle;
}

static void version_or_hello(struct fake_run *r)
{
    if (strcmp(r->argv0, "gcc") == 0 && r->order->collect == AGENT_COLLECT_NONE)
        r->out = "gcc (test) 1.2\nand more\n";
    r->memory_bytes = 7 * MIB;
}

static void languages_become_ready(void **state)
{
    (void)state;
    fake.on_run = version_or_hello;
    start();
    FAKE_UNTIL(is(PYTHON, READINESS_OK) && is(C, READINESS_OK));
    assert_string_equal(toolchain_now("c")->version, "gcc (test) 1.2");
    assert_int_equal(toolchain_now("c")->memory_overhead, 2 * MIB);
    assert_int_equal(toolchain_now("python")->memory_overhead,
                     9 * MIB); /* measured, and a quarter more */
    FAKE_UNTIL(idle_cells() == 3);
}

static void c_fails(struct fake_run *r)
{
    bool run = r->order->collect == AGENT_COLLECT_NONE && strstr(r->source, "stdio.h");
    r->out = run ? "scrk\n" : r->out;
    r->err = run ? "it is broken: \xff" : "";
}

static void a_failure_is_reported_and_hurts_no_other(void **state)
{
    (void)state;
    fake.on_run = c_fails;
    start();
    FAKE_UNTIL(is(PYTHON, READINESS_OK) && is(C, READINESS_FAILED));
    assert_true(reason_has("c", "hello is WA"));
    assert_true(reason_has("c", "it is broken: ?")); /* invalid UTF-8 is replaced */
    assert_true(reason_has("python", ""));
    FAKE_UNTIL(idle_cells() == 1);
}

static void an_image_is_missing(void **state)
{
    (void)state;
    fake_refuse("GET", "/images/gcc:14/", 404, -1, NULL);
    fake_refuse("POST", "/images/create", 404, -1, "no such image anywhere");
    start();
    FAKE_UNTIL(is(PYTHON, READINESS_OK) && reason_has("c", "no such image anywhere"));
    assert_true(is(C, READINESS_PENDING));
    assert_true(readiness_has_images(place.readiness));
}

/* A worker could not acquire a cell: the language is tested at once, not after an hour. */
static void a_language_is_tested_again(void **state)
{
    (void)state;
    start();
    FAKE_UNTIL(is(PYTHON, READINESS_OK) && is(C, READINESS_OK));
    const struct toolchain *before = toolchain_now("c");
    assert_true(readiness_retest(place.readiness, C, before, true, "no cell"));
    FAKE_UNTIL(is(C, READINESS_OK));
    assert_ptr_not_equal(toolchain_now("c"), before);
    FAKE_UNTIL(idle_cells() == 3); /* the same pool classes */

    /* It passes but cannot be judged with: it is tested at growing intervals. */
    before = toolchain_now("c");
    int64_t runs = fake_count(&fake.runs);
    assert_true(readiness_retest(place.readiness, C, before, true, "no cell again"));
    FAKE_UNTIL(fake_count(&fake.runs) > runs || is(C, READINESS_PENDING));
    (void)poll(NULL, 0, 200); /* long enough for another test */
    assert_true(is(C, READINESS_PENDING));
    assert_int_equal(fake_count(&fake.runs), runs);
}

/* Its image was replaced, and that was noticed: no cell of the old image is kept. */
static void an_old_image_keeps_no_cell(void **state)
{
    (void)state;
    start();
    FAKE_UNTIL(is(PYTHON, READINESS_OK) && is(C, READINESS_OK));
    FAKE_UNTIL(idle_cells() == 3);
    FAKE_AWAIT(fake.created - fake.removed == 3); /* those of the tests are removed behind them */
    int64_t made = fake_count(&fake.created), gone = fake_count(&fake.removed);
    fake_image("sha256:another");
    assert_true(readiness_retest(place.readiness, PYTHON, toolchain_now("python"), false,
                                 "image went away"));
    FAKE_UNTIL(is(PYTHON, READINESS_OK));
    assert_string_equal(toolchain_now("python")->run_image, "sha256:another");
    FAKE_UNTIL(idle_cells() == 3);
    FAKE_AWAIT(fake.removed - gone == fake.created - made);

    /* And while the test fails, no cell is kept or created. */
    fake_refuse("GET", "/images/python", 404, -1, NULL);
    fake_refuse("GET", "/images/sha256:another", 404, -1, NULL);
    fake_refuse("POST", "/images/create", 404, -1, "gone");
    assert_true(readiness_retest(place.readiness, PYTHON, toolchain_now("python"), false,
                                 "image went away"));
    FAKE_UNTIL(idle_cells() == 2);
}

static void hold(struct fake_run *r) { r->way = FAKE_SILENT; }

/* A stop ends a run as well as a call to Docker. */
static void a_stop_ends_it(void **state)
{
    (void)state;
    for (int docker = 0; docker < 2; docker++) {
        if (docker) {
            assert_int_equal(close_place(state), 0);
            assert_int_equal(open_place(state), 0);
            fake_refuse("POST", "/containers/create", 0, -1, NULL);
        } else {
            fake.on_run = hold;
        }
        start();
        if (docker)
            FAKE_AWAIT(fake.rules[0].times == -1 && fake.clients_len > 0);
        else
            FAKE_AWAIT(fake.held > 0);
        int64_t began = clock_mono_ns();
        readiness_stop(place.readiness);
        place.selftest = selftest_stop(place.selftest);
        assert_in_range(clock_mono_ns() - began, 0, 15 * NS_PER_S);
        fake_refuse("POST", "/containers/create", 0, 0, NULL);
        for (size_t i = 0; i < fake.containers_len; i++) /* as the supervisor does */
            fake.containers[i].removed = true;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_PLACE(languages_become_ready),     ON_PLACE(a_failure_is_reported_and_hurts_no_other),
        ON_PLACE(an_image_is_missing),        ON_PLACE(a_language_is_tested_again),
        ON_PLACE(an_old_image_keeps_no_cell), ON_PLACE(a_stop_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
