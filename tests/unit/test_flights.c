/* What of the outbox is on its way: places, counts, and what may be removed from the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bridge/flights.h"

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct flights));
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static void one_flies_lands_and_goes(void **state)
{
    struct flights *f = *state;
    int64_t numbers[FLIGHTS_MAX];
    struct flight *x = flights_begin(f, 7, 0);

    assert_int_equal(x->state, FLIGHT_FLYING);
    assert_true(flights_has(f, 7) && !flights_has(f, 8));
    assert_int_equal(flights_count(f), 1);
    assert_int_equal(flights_landed(f, numbers), 0);

    flights_land(f, x);
    assert_true(flights_has(f, 7)); /* its row is still there, and must not be sent again */
    assert_int_equal(flights_count(f), 1);
    assert_int_equal(f->flying[0], 0);
    assert_int_equal(flights_landed(f, numbers), 1);
    assert_int_equal(numbers[0], 7);

    flights_clear_landed(f);
    assert_false(flights_has(f, 7));
    assert_int_equal(flights_count(f), 0);
    assert_int_equal(flights_landed(f, numbers), 0);
}

static void what_failed_may_begin_again(void **state)
{
    struct flights *f = *state;

    (void)flights_begin(f, 6, 1);
    flights_fail(f, flights_begin(f, 7, 1));
    assert_true(flights_has(f, 6) && !flights_has(f, 7));
    assert_int_equal(flights_count(f), 1);
    assert_non_null(flights_begin(f, 7, 1));
    assert_true(flights_has(f, 7));
}

static void topics_are_counted_apart(void **state)
{
    struct flights *f = *state;
    struct flight *result = flights_begin(f, 1, 0);

    struct flight *letter = flights_begin(f, 2, 1);
    (void)flights_begin(f, 3, 1);
    assert_int_equal(f->flying[0], 1);
    assert_int_equal(f->flying[1], 2);
    flights_land(f, result);
    assert_int_equal(f->flying[0], 0);
    assert_int_equal(f->flying[1], 2);
    flights_land(f, letter);
    assert_int_equal(f->flying[0], 0);
    assert_int_equal(f->flying[1], 1);
    assert_int_equal(flights_count(f), 3);
}

/* Landed ones keep their place until they are gone from the table. */
static void a_place_is_for_one(void **state)
{
    struct flights *f = *state;
    struct flight *all[FLIGHTS_MAX];

    for (int i = 0; i < FLIGHTS_MAX; i++) {
        all[i] = flights_begin(f, i, 0);
        assert_non_null(all[i]);
    }
    assert_null(flights_begin(f, FLIGHTS_MAX, 0));
    flights_land(f, all[100]);
    assert_null(flights_begin(f, FLIGHTS_MAX, 0));
    flights_clear_landed(f);
    struct flight *x = flights_begin(f, FLIGHTS_MAX, 0);
    assert_ptr_equal(x, all[100]);
    assert_null(flights_begin(f, FLIGHTS_MAX + 1, 0));
    assert_true(flights_has(f, 99) && !flights_has(f, 100) && flights_has(f, FLIGHTS_MAX));
}

/* A new flight knows nothing of the one that had its place. */
static void a_place_is_clean(void **state)
{
    struct flights *f = *state;

    for (int i = 0; i < 2 * FLIGHTS_MAX; i++) {
        struct flight *x = flights_begin(f, i, 1);
        assert_non_null(x);
        assert_false(x->sent || x->alone);
        assert_int_equal(x->bytes, 0);
        x->sent = x->alone = true;
        x->bytes = 9;
        flights_land(f, x);
        flights_clear_landed(f);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_flies_lands_and_goes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_failed_may_begin_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(topics_are_counted_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_place_is_for_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_place_is_clean, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
