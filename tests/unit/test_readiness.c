/* Which languages can be judged, and waiting for a change: no wake-up may be lost. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/queue/readiness.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"

#define LONG_MS (3600 * 1000LL)

static struct language_table *languages;

static int open_readiness(void **state)
{
    struct err e;
    struct readiness *r = NULL;
    if (language_table_open(NULL, NULL, 0, &languages, &e) < 0 ||
        readiness_open(languages, &r, &e) < 0)
        return -1;
    *state = r;
    return 0;
}

static int close_readiness(void **state)
{
    (void)readiness_free(*state);
    languages = language_table_free(languages);
    return 0;
}

static struct toolchain *toolchain_of(size_t index)
{
    struct toolchain *toolchain = calloc(1, sizeof *toolchain);
    assert_non_null(toolchain);
    toolchain->language = &languages->rows[index];
    return toolchain;
}

static size_t claimable(struct readiness *r, uint64_t *ret_ticket)
{
    const char *names[LANGUAGES_MAX + 1];
    size_t n = 0;
    *ret_ticket = readiness_claimable(r, names);
    while (names[n])
        n++;
    return n;
}

static void only_what_is_ok_is_claimed(void **state)
{
    struct readiness *r = *state;
    const char *names[LANGUAGES_MAX + 1];
    uint64_t version;
    size_t index = 99;
    char why[400];

    assert_int_equal(claimable(r, &version), 0);
    assert_null(readiness_toolchain(r, "c", &index));
    assert_null(readiness_toolchain(r, "no such language", &index));
    assert_false(readiness_has_images(r));
    struct toolchain *toolchain = toolchain_of(2);
    assert_true(readiness_available(r, 2, toolchain));
    (void)readiness_claimable(r, names);
    assert_string_equal(names[0], "c");
    assert_null(names[1]);
    assert_ptr_equal(readiness_toolchain(r, "c", &index), toolchain);
    assert_int_equal(index, 2);
    assert_true(readiness_has_images(r));
    readiness_reason(r, "c", why, sizeof why);
    assert_string_equal(why, "");

    assert_true(readiness_pause(r, "Docker is away"));
    assert_false(readiness_pause(r, "Docker is away still"));
    assert_int_equal(claimable(r, &version), 0);
    readiness_reason(r, "c", why, sizeof why);
    assert_string_equal(why, "Docker is away still");
    assert_true(readiness_resume(r));
    assert_false(readiness_resume(r));
    assert_int_equal(claimable(r, &version), 1);

    readiness_unavailable(r, 2, READINESS_FAILED, true, "hello is WA");
    assert_int_equal(claimable(r, &version), 0);
    readiness_reason(r, "c", why, sizeof why);
    assert_string_equal(why, "language 'c' is failed: hello is WA");
    readiness_stop(r);
    assert_true(readiness_stopping(r));
    assert_false(readiness_wait(r, version));
    readiness_reason(r, "c", why, sizeof why);
    assert_string_equal(why, "the server is stopping");
}

/* A fault of a toolchain that was replaced meanwhile does not count for the new one. */
static void an_old_toolchain_is_not_retested(void **state)
{
    struct readiness *r = *state;
    struct toolchain *old = toolchain_of(2), *new = toolchain_of(2);

    assert_true(readiness_available(r, 2, old));
    assert_true(readiness_available(r, 2, new));
    assert_false(readiness_retest(r, 2, old, true, "no cell"));
    assert_int_equal(readiness_state(r, 2), READINESS_OK);
    assert_true(readiness_retest(r, 2, new, true, "no cell"));
    assert_int_equal(readiness_state(r, 2), READINESS_PENDING);
    assert_true(readiness_has_images(r));
    assert_false(readiness_retest(r, 2, new, false, "a second worker's"));
    assert_true(readiness_has_images(r));
}

/* A change between reading the version and waiting ends the wait; here both waits would take an
 * hour. */
static void no_change_is_missed(void **state)
{
    struct readiness *r = *state;
    struct toolchain *toolchain = toolchain_of(2);
    uint64_t work, version = readiness_version(r);

    assert_true(readiness_available(r, 2, toolchain));
    (void)claimable(r, &work);
    assert_true(readiness_retest(r, 2, toolchain, true, "no cell"));
    assert_true(readiness_wait_ms(r, version, LONG_MS));
    readiness_signal(r, 1);
    assert_true(readiness_wait(r, work));
    assert_true(readiness_wait_ms(r, readiness_version(r), 1)); /* no change */
    readiness_pause(r, "x");
    assert_true(readiness_wait_paused(r, LONG_MS));
}

#define SLEEPERS 80
static struct sleeper {
    struct readiness *r;
    uint64_t version;
    pthread_t thread;
} sleepers[SLEEPERS];
static atomic_int awake;

static void *sleep_once(void *arg)
{
    const struct sleeper *s = arg;
    if (readiness_wait(s->r, s->version))
        atomic_fetch_add(&awake, 1);
    return NULL;
}

/* More waiting workers than one commit used to signal. */
static void all_are_woken(void **state)
{
    struct readiness *r = *state;

    awake = 0;
    for (int i = 0; i < SLEEPERS; i++) {
        sleepers[i].r = r;
        (void)claimable(r, &sleepers[i].version);
        assert_int_equal(pthread_create(&sleepers[i].thread, NULL, sleep_once, &sleepers[i]), 0);
    }
    int64_t until = clock_mono_ns() + NS_PER_S / 5; /* so that most of them are waiting then */
    while (clock_mono_ns() < until)
        (void)readiness_wait_ms(r, readiness_version(r), 10);
    readiness_signal(r, SLEEPERS);
    until = clock_mono_ns() + 30 * NS_PER_S;
    while (awake < SLEEPERS && clock_mono_ns() < until)
        (void)readiness_wait_ms(r, readiness_version(r), 10);
    int woken = awake;
    readiness_stop(r);
    for (int i = 0; i < SLEEPERS; i++)
        (void)pthread_join(sleepers[i].thread, NULL);
    assert_int_equal(woken, SLEEPERS);
}

/* A reason that was cut is still valid text for a JSON document. */
static void a_cut_reason_is_text(void **state)
{
    struct readiness *r = *state;
    struct err e;
    char umlauts[700], why[400];

    for (size_t i = 0; i + 1 < sizeof umlauts; i += 2)
        memcpy(umlauts + i, "\xc3\xa4", 2);
    umlauts[sizeof umlauts - 2] = '\0';
    for (int shift = 0; shift < 2; shift++) {
        (void)err_set(&e, ERR_DOCKER, "%s%.301s%s", shift ? "x" : "", umlauts, "\xff\xfe");
        (void)err_wrap(&e, "%.101s", umlauts);
        readiness_unavailable(r, 2, READINESS_FAILED, true, e.msg);
        json_t *list = readiness_languages(r);
        assert_non_null(list);
        json_decref(list);
        for (size_t size = 30; size < 90; size++) {
            readiness_reason(r, "c", why, size);
            json_t *text = json_string(why);
            assert_non_null(text);
            json_decref(text);
        }
    }
}

#define ON_READY(test) cmocka_unit_test_setup_teardown(test, open_readiness, close_readiness)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_READY(only_what_is_ok_is_claimed), ON_READY(an_old_toolchain_is_not_retested),
        ON_READY(no_change_is_missed),        ON_READY(all_are_woken),
        ON_READY(a_cut_reason_is_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
