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
    struct readiness *ready;
    struct selftest *selftest;
} place;

static int open_place(void **state)
{
    place = (struct place){ .pool = NULL };
    if (fake_open(state) < 0)
        return -1;
    ASSERT_OK(language_table_open(NULL, NULL, 0, &place.languages, e));
    ASSERT_OK(language_table_choose(place.languages, "python, c", e));
    ASSERT_OK(readiness_open(place.languages, &place.ready, e));
    place.pool = fake_pool(2);
    return 0;
}

static int close_place(void **state)
{
    fake_release();
    readiness_stop(place.ready);
    place.selftest = selftest_stop(place.selftest);
    place.pool = pool_stop(place.pool);
    place.ready = readiness_free(place.ready);
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
                                       .ready = place.ready };
    ASSERT_OK(selftest_start(&c, &place.selftest, e));
}

static bool is(size_t index, enum readiness_state state)
{
    return readiness_state(place.ready, index) == state;
}

static bool says(const char *language, const char *words)
{
    char why[500];
    readiness_reason(place.ready, language, why, sizeof why);
    return strstr(why, words) != NULL;
}

static const struct toolchain *plan_now(const char *language)
{
    size_t index;
    return readiness_toolchain(place.ready, language, &index);
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
    assert_string_equal(plan_now("c")->version, "gcc (test) 1.2");
    assert_int_equal(plan_now("c")->allowance, 2 * MIB);
    assert_int_equal(plan_now("python")->allowance, 9 * MIB); /* measured: and a quarter more */
    FAKE_UNTIL(idle_cells() == 3);
}

static void c_says_no(struct fake_run *r)
{
    bool run = r->order->collect == AGENT_COLLECT_NONE && strstr(r->source, "stdio.h");
    r->out = run ? "scrk\n" : r->out;
    r->err = run ? "it is broken: \xff" : "";
}

static void what_fails_is_said_and_hurts_no_other(void **state)
{
    (void)state;
    fake.on_run = c_says_no;
    start();
    FAKE_UNTIL(is(PYTHON, READINESS_OK) && is(C, READINESS_FAILED));
    assert_true(says("c", "hello is WA"));
    assert_true(says("c", "it is broken: ?")); /* as text */
    assert_true(says("python", ""));
    FAKE_UNTIL(idle_cells() == 1);
}

static void an_image_is_missing(void **state)
{
    (void)state;
    fake_refuse("GET", "/images/gcc:14/", 404, -1, NULL);
    fake_refuse("POST", "/images/create", 404, -1, "no such image anywhere");
    start();
    FAKE_UNTIL(is(PYTHON, READINESS_OK) && says("c", "no such image anywhere"));
    assert_true(is(C, READINESS_PENDING));
    assert_true(readiness_has_images(place.ready));
}

/* A worker could get no cell: it is tested at once, and not after an hour. */
static void what_is_doubted_is_proved_again(void **state)
{
    (void)state;
    start();
    FAKE_UNTIL(is(PYTHON, READINESS_OK) && is(C, READINESS_OK));
    const struct toolchain *before = plan_now("c");
    assert_true(readiness_doubt(place.ready, C, before, true, "no cell"));
    FAKE_UNTIL(is(C, READINESS_OK));
    assert_ptr_not_equal(plan_now("c"), before);
    FAKE_UNTIL(idle_cells() == 3); /* the same shelves */

    /* It passes and is doubted, again and again: ever more seldom. */
    before = plan_now("c");
    int64_t runs = fake_count(&fake.runs);
    assert_true(readiness_doubt(place.ready, C, before, true, "no cell again"));
    FAKE_UNTIL(fake_count(&fake.runs) > runs || is(C, READINESS_PENDING));
    (void)poll(NULL, 0, 200); /* it would have been tested by now */
    assert_true(is(C, READINESS_PENDING));
    assert_int_equal(fake_count(&fake.runs), runs);
}

/* Its image was replaced, and it was noticed: nothing of the old one is kept. */
static void an_old_image_keeps_no_cell(void **state)
{
    (void)state;
    start();
    FAKE_UNTIL(is(PYTHON, READINESS_OK) && is(C, READINESS_OK));
    FAKE_UNTIL(idle_cells() == 3);
    int64_t made = fake_count(&fake.created), gone = fake_count(&fake.removed);
    fake_image("sha256:another");
    assert_true(readiness_doubt(place.ready, PYTHON, plan_now("python"), false, "image went away"));
    FAKE_UNTIL(is(PYTHON, READINESS_OK));
    assert_string_equal(plan_now("python")->run_image, "sha256:another");
    FAKE_UNTIL(idle_cells() == 3);
    FAKE_AWAIT(fake.removed - gone == fake.created - made);

    /* And while it cannot be tested, none is kept or tried at all. */
    fake_refuse("GET", "/images/python", 404, -1, NULL);
    fake_refuse("GET", "/images/sha256:another", 404, -1, NULL);
    fake_refuse("POST", "/images/create", 404, -1, "gone");
    assert_true(readiness_doubt(place.ready, PYTHON, plan_now("python"), false, "image went away"));
    FAKE_UNTIL(idle_cells() == 2);
}

static void hold(struct fake_run *r) { r->way = FAKE_SILENT; }

/* It ends in whatever it is: in a run, or in a call to Docker. */
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
        readiness_stop(place.ready);
        place.selftest = selftest_stop(place.selftest);
        assert_in_range(clock_mono_ns() - began, 0, 15 * NS_PER_S);
        fake_refuse("POST", "/containers/create", 0, 0, NULL);
        for (size_t i = 0; i < fake.containers_len; i++) /* a sweep's work */
            fake.containers[i].removed = true;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_PLACE(languages_become_ready),     ON_PLACE(what_fails_is_said_and_hurts_no_other),
        ON_PLACE(an_image_is_missing),        ON_PLACE(what_is_doubted_is_proved_again),
        ON_PLACE(an_old_image_keeps_no_cell), ON_PLACE(a_stop_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
