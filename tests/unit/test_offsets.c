/* The offset that may be committed: that of the first message that is not settled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bridge/consume/offsets.h"

#define N 5000

static uint64_t begin(struct offsets *o, int64_t offset)
{
    uint64_t index;

    assert_int_equal(offsets_begin(o, offset, &index), 0);
    return index;
}

static bool is_reported(void *ctx, const struct offsets_entry *entry)
{
    const bool *unreported = ctx; /* by row */

    return !unreported[entry->awaits];
}

static int64_t ready(struct offsets *o, bool *unreported)
{
    int64_t next = -7;

    return offsets_ready(o, unreported ? is_reported : NULL, unreported, &next) ? next : -1;
}

static void nothing_is_ready_at_first(void **state)
{
    struct offsets o = { 0 };
    (void)state;

    assert_int_equal(ready(&o, NULL), -1);
    (void)begin(&o, 3);
    assert_int_equal(ready(&o, NULL), -1);
    offsets_clear(&o);
}

/* Offsets have gaps (markers, compaction): the last settled offset plus 1 is committed. */
static void the_first_unsettled_message_blocks_the_rest(void **state)
{
    struct offsets o = { 0 };
    uint64_t a = begin(&o, 10), b = begin(&o, 15), c = begin(&o, 16);
    (void)state;

    offsets_settle(&o, c, -1);
    offsets_settle(&o, b, -1);
    assert_int_equal(ready(&o, NULL), -1);
    offsets_settle(&o, a, -1);
    assert_int_equal(ready(&o, NULL), 17);
    assert_int_equal(ready(&o, NULL), -1);
    offsets_clear(&o);
}

/* Settled in a random order; after each step the result is compared with a plain array. */
static void any_order_of_settling(void **state)
{
    struct offsets o = { 0 };
    uint64_t indexes[N];
    bool settled[N] = { false };
    size_t order[N], front = 0;
    (void)state;

    srand(1);
    for (size_t i = 0; i < N; i++) {
        indexes[i] = begin(&o, (int64_t)(2 * i));
        order[i] = i;
    }
    for (size_t i = N - 1; i > 0; i--) {
        size_t j = (size_t)rand() % (i + 1), t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
    for (size_t i = 0; i < N; i++) {
        size_t before = front;
        offsets_settle(&o, indexes[order[i]], -1);
        settled[order[i]] = true;
        while (front < N && settled[front])
            front++;
        assert_int_equal(ready(&o, NULL), front == before ? -1 : (int64_t)(2 * front - 1));
    }
    offsets_clear(&o);
}

static void a_report_must_be_acknowledged(void **state)
{
    struct offsets o = { 0 };
    bool unreported[] = { [7] = true, [8] = true };
    uint64_t a = begin(&o, 0), b = begin(&o, 1), c = begin(&o, 2);
    (void)state;

    offsets_settle(&o, a, 7);
    offsets_settle(&o, b, 8);
    offsets_settle(&o, c, -1);
    assert_int_equal(ready(&o, unreported), -1);
    unreported[8] = false;
    assert_int_equal(ready(&o, unreported), -1);
    unreported[7] = false;
    assert_int_equal(ready(&o, unreported), 3);
    offsets_clear(&o);
}

/* Transaction markers take offsets, but are not delivered as messages. */
static void markers_at_the_end_are_committed(void **state)
{
    struct offsets o = { 0 };
    uint64_t a = begin(&o, 4);
    (void)state;

    offsets_reached(&o, 6);
    assert_int_equal(ready(&o, NULL), -1);
    offsets_settle(&o, a, OFFSETS_NOTHING);
    assert_int_equal(ready(&o, NULL), 6);
    offsets_reached(&o, 5); /* comes late */
    assert_int_equal(ready(&o, NULL), -1);
    uint64_t b = begin(&o, 6);
    assert_int_equal(ready(&o, NULL), -1);
    offsets_settle(&o, b, OFFSETS_NOTHING);
    assert_int_equal(ready(&o, NULL), 7);
    offsets_reached(&o, 8);
    assert_int_equal(ready(&o, NULL), 8);
    offsets_clear(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_ready_at_first),
        cmocka_unit_test(the_first_unsettled_message_blocks_the_rest),
        cmocka_unit_test(any_order_of_settling),
        cmocka_unit_test(markers_at_the_end_are_committed),
        cmocka_unit_test(a_report_must_be_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
