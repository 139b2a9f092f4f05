/* tests/unit/test_orderset.c - the set against a sorted array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "schema/base/orderset.h"

#define N 600

/* Row i has the rank ranks[i] while it is in the set. */
struct model {
    bool has[N];
    int64_t ranks[N];
};

static int64_t count_up_to(const struct model *m, int64_t rank, int64_t seq)
{
    int64_t n = 0;

    for (int64_t i = 0; i < N; i++)
        n += m->has[i] && (m->ranks[i] < rank || (m->ranks[i] == rank && i <= seq));
    return n;
}

static int64_t rows_of(const struct orderset *s) { return orderset_place(s, INT64_MAX, INT64_MAX); }

static void check(const struct orderset *s, const struct model *m)
{
    int64_t oldest = -1, next = 0, len = 0;

    for (int64_t i = N - 1; i >= 0; i--) {
        if (m->has[i])
            oldest = i;
        if (m->has[i] && m->ranks[i] >= 25 && (next == 0 || m->ranks[i] < next))
            next = m->ranks[i];
        len += m->has[i];
        assert_int_equal(orderset_place(s, m->ranks[i], i), count_up_to(m, m->ranks[i], i));
    }
    assert_int_equal(orderset_oldest(s), oldest);
    assert_int_equal(orderset_next(s, 25), next);
    assert_int_equal(rows_of(s), len);
}

static void an_empty_set_has_no_oldest(void **state)
{
    struct orderset s = { 0 };
    (void)state;

    orderset_remove(&s, 1, 1);
    assert_int_equal(orderset_oldest(&s), -1);
    assert_int_equal(rows_of(&s), 0);
    assert_int_equal(orderset_place(&s, 100, 100), 0);
    orderset_clear(&s);
}

static void equal_ranks_are_in_the_order_of_their_numbers(void **state)
{
    struct orderset s = { 0 };
    (void)state;

    assert_int_equal(orderset_reserve(&s, 3), 0);
    orderset_add(&s, 7, 30);
    orderset_add(&s, 7, 10);
    orderset_add(&s, 6, 20);
    assert_int_equal(orderset_place(&s, 6, 20), 1);
    assert_int_equal(orderset_place(&s, 7, 10), 2);
    assert_int_equal(orderset_place(&s, 7, 30), 3);
    assert_int_equal(orderset_oldest(&s), 10);
    orderset_remove(&s, 7, 11); /* not in it */
    assert_int_equal(rows_of(&s), 3);
    orderset_clear(&s);
}

static void it_agrees_with_an_array(void **state)
{
    struct orderset s = { 0 };
    static struct model m;
    unsigned random = 7;
    (void)state;

    for (int step = 0; step < 20000; step++) {
        random = random * 1103515245 + 12345;
        int64_t seq = (int64_t)(random >> 8) % N;
        if (m.has[seq]) {
            orderset_remove(&s, m.ranks[seq], seq);
        } else {
            m.ranks[seq] = (int64_t)(random >> 20) % 50;
            assert_int_equal(orderset_reserve(&s, 1), 0);
            orderset_add(&s, m.ranks[seq], seq);
        }
        m.has[seq] = !m.has[seq];
        if (step % 1000 == 0)
            check(&s, &m);
    }
    check(&s, &m);
    orderset_clear(&s);
}

/* Ranks that only rise are what a queue gets: its depth must stay small. */
static void a_long_queue_is_not_deep(void **state)
{
    struct orderset s = { 0 };
    (void)state;

    for (int64_t i = 0; i < 300000; i++) {
        assert_int_equal(orderset_reserve(&s, 1), 0);
        orderset_add(&s, i, i);
    }
    for (int64_t i = 0; i < 300000; i += 1000)
        assert_int_equal(orderset_place(&s, i, i), i + 1);
    for (int64_t i = 0; i < 200000; i++)
        orderset_remove(&s, i, i);
    assert_int_equal(rows_of(&s), 100000);
    assert_int_equal(orderset_oldest(&s), 200000);
    orderset_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_set_has_no_oldest),
        cmocka_unit_test(equal_ranks_are_in_the_order_of_their_numbers),
        cmocka_unit_test(it_agrees_with_an_array),
        cmocka_unit_test(a_long_queue_is_not_deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
