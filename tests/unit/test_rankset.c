/* tests/unit/test_rankset.c - the set against an array of flags. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "schema/base/rankset.h"

#define N 2000

static void check(const struct rankset *s, const bool *has)
{
    int64_t rank = 0, first = -1;

    for (int64_t i = 0; i < N; i++) {
        if (has[i] && first < 0)
            first = i;
        rank += has[i];
        assert_int_equal(rankset_has(s, i), has[i]);
        assert_int_equal(rankset_rank(s, i), rank);
    }
    assert_int_equal(rankset_first(s), first);
}

static void an_empty_set_has_no_first(void **state)
{
    struct rankset s = { 0 };
    (void)state;

    assert_int_equal(rankset_first(&s), -1);
    assert_int_equal(rankset_rank(&s, 100), 0);
    rankset_remove(&s, 5);
    rankset_trim(&s);
    assert_int_equal(rankset_reserve(&s, 5), 0);
    assert_int_equal(rankset_first(&s), -1);
    rankset_clear(&s);
}

/* A word has 64 numbers: errors of a rank are most likely at its edges. */
static void ranks_hold_at_the_edges_of_words(void **state)
{
    static const int64_t seqs[] = { 63, 64, 65, 127, 128, 191, 1000 };
    struct rankset s = { 0 };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(seqs); i++) {
        assert_int_equal(rankset_reserve(&s, seqs[i]), 0);
        rankset_add(&s, seqs[i]);
        assert_int_equal(rankset_rank(&s, seqs[i]), (int64_t)i + 1);
        assert_int_equal(rankset_rank(&s, seqs[i] - 1), (int64_t)i);
    }
    assert_int_equal(rankset_first(&s), 63);
    rankset_clear(&s);
}

static void it_agrees_with_an_array(void **state)
{
    struct rankset s = { 0 };
    bool has[N] = { false };
    unsigned random = 7;
    (void)state;

    for (int step = 0; step < 20000; step++) {
        random = random * 1103515245 + 12345;
        int64_t seq = (int64_t)(random >> 8) % N;
        if (random & 64) { /* a queue: old ones are removed, new ones added, some added again */
            assert_int_equal(rankset_reserve(&s, seq), 0);
            rankset_add(&s, seq);
            has[seq] = true;
        } else {
            int64_t first = rankset_first(&s);
            if (first >= 0) {
                rankset_remove(&s, first);
                has[first] = false;
            }
        }
        if (step % 3 == 0)
            rankset_trim(&s);
        if (step % 500 == 0)
            check(&s, has);
    }
    check(&s, has);
    rankset_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_set_has_no_first),
        cmocka_unit_test(ranks_hold_at_the_edges_of_words),
        cmocka_unit_test(it_agrees_with_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
