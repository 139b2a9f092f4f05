#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schema/model/checker.h"
#include "schema/model/verdict.h"

/* The status word of each verdict in each set. */
static const struct {
    enum verdict verdict;
    const char *full, *six_with_tests, *six_without;
} rows[] = {
    { VERDICT_NONE, "-", "-", "-" },  { VERDICT_OK, "OK", "OK", "OK" },
    { VERDICT_WA, "WA", "WA", "WA" }, { VERDICT_TL, "TL", "TL", "TL" },
    { VERDICT_ML, "ML", "ML", "ML" }, { VERDICT_BF, "BF", "BF", "BF" },
    { VERDICT_RE, "RE", "WA", "OK" }, { VERDICT_OL, "OL", "WA", "WA" },
};

static void statuses_by_consumer(void **state)
{
    (void)state;
    assert_int_equal(sizeof rows / sizeof rows[0], VERDICT_COUNT);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum verdict v = rows[i].verdict;
        assert_string_equal(verdict_name(v), rows[i].full);
        assert_string_equal(verdict_status(v, STATUS_SET_FULL, true), rows[i].full);
        assert_string_equal(verdict_status(v, STATUS_SET_BY_EDGE, false), rows[i].full);
        assert_string_equal(verdict_status(v, STATUS_SET_SCRC, true), rows[i].six_with_tests);
        assert_string_equal(verdict_status(v, STATUS_SET_SCRC, false), rows[i].six_without);
    }
}

static void names_go_both_ways(void **state)
{
    static const char *const no_verdict[] = { "", "ok", "OKAY", "O", " OK", "--" };
    enum verdict v = VERDICT_OL;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(verdict_from_name(rows[i].full, &v));
        assert_int_equal(v, rows[i].verdict);
    }
    v = VERDICT_TL;
    for (size_t i = 0; i < sizeof no_verdict / sizeof no_verdict[0]; i++)
        assert_false(verdict_from_name(no_verdict[i], &v));
    assert_int_equal(v, VERDICT_TL);
}

static void checker_names_go_both_ways(void **state)
{
    static const char *const names[] = { "lines", "exact", "tokens", "float", "none" };
    enum checker_kind kind;

    (void)state;
    assert_int_equal(sizeof names / sizeof names[0], CHECKER_COUNT);
    for (enum checker_kind k = 0; k < CHECKER_COUNT; k++) {
        assert_string_equal(checker_kind_name(k), names[k]);
        assert_true(checker_kind_from_name(names[k], &kind));
        assert_int_equal(kind, k);
    }
    assert_false(checker_kind_from_name("Lines", &kind));
    assert_false(checker_kind_from_name("", &kind));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses_by_consumer),
        cmocka_unit_test(names_go_both_ways),
        cmocka_unit_test(checker_names_go_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
