/* tests/unit/test_near.c - which name was meant. */
#include <string.h>

#include "schema/base/near.h"
#include "tests/support/assert_err.h"

static const char *const names[] = {
    "tests", "time_limit_ms", "wall_time_limit_ms", "c", "id", NULL
};

static const char *known(const void *ctx, size_t i) { return ((const char *const *)ctx)[i]; }

static void near_names_are_found(void **state)
{
    static const struct {
        const char *name, *want;
        size_t most;
    } rows[] = {
        { "test", "tests", 1 },
        { "tsets", "tests", 2 },
        { "tsets", NULL, 1 },
        { "tests", NULL, 2 }, /* known itself */
        { "time_limit", "time_limit_ms", 3 },
        { "walltime_limit_ms", "wall_time_limit_ms", 1 },
        { "", NULL, 0 },
        { "x", NULL, 0 },
        { "0123456789012345678901234567890123456789", NULL, 3 },
        { "01234567890123456789012345678901234567890", NULL, 3 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *got = near_name(rows[i].name, strlen(rows[i].name), rows[i].most, known, names);
        if (!got != !rows[i].want || (got && strcmp(got, rows[i].want) != 0))
            fail_msg("%s: %s", rows[i].name, got ? got : "none");
    }
}

static void words_in_other_styles(void **state)
{
    static const char *const rows[][2] = {
        { "timeLimitMs", "time_limit_ms" },
        { "Time-Limit-Ms", "time_limit_ms" },
        { "TIME_LIMIT_MS", "time_limit_ms" },
        { "Time Limit", "time_limit" },
        { "", "" },
        { "a", "a" },
        { "\xC3\x89", "\xC3\x89" },
        { "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZ",
          "abcdefghijklmnopqrstuvwxyzabcdefghijklmn" },
    };
    char out[NEAR_NAME_MAX + 1];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(near_snake(rows[i][0], out), strlen(rows[i][1]));
        assert_string_equal(out, rows[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(near_names_are_found),
        cmocka_unit_test(words_in_other_styles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
