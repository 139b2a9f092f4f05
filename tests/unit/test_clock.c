#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schema/base/base.h"
#include "schema/base/clock.h"

static const struct {
    int64_t ms;
    const char *text;
} printed[] = {
    { 0, "1970-01-01T00:00:00.000Z" },
    { 1, "1970-01-01T00:00:00.001Z" },
    { 1736937000123, "2025-01-15T10:30:00.123Z" },
    { 951782400000, "2000-02-29T00:00:00.000Z" },
    { 253402300799999, "9999-12-31T23:59:59.999Z" },
    { 253402300800000, "9999-12-31T23:59:59.999Z" }, /* beyond what the format can express */
    { INT64_MAX, "9999-12-31T23:59:59.999Z" },
    { -1, "1970-01-01T00:00:00.000Z" },
};

static void prints_rfc3339(void **state)
{
    char text[CLOCK_RFC3339_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(printed); i++) {
        clock_rfc3339(printed[i].ms, text);
        assert_string_equal(text, printed[i].text);
    }
}

static const struct {
    const char *text;
    int64_t ms;
} parsed[] = {
    { "1970-01-01T00:00:00Z", 0 },
    { "2025-01-15T10:30:00.123Z", 1736937000123 },
    { "2025-01-15t10:30:00.123z", 1736937000123 },
    { "2025-01-15 10:30:00.123Z", 1736937000123 },
    { "2025-01-15T10:30:00.123999Z", 1736937000123 },
    { "2025-01-15T10:30:00.1Z", 1736937000100 },
    { "2025-01-15T12:30:00.123+02:00", 1736937000123 },
    { "2025-01-15T00:00:00.123-10:30", 1736937000123 },
    { "1969-12-31T23:59:59Z", -1000 },
    { "2000-02-29T00:00:00Z", 951782400000 },
    { "2016-12-31T23:59:60Z", 1483228800000 }, /* a leap second */
    { "0", 0 },
    { "1736937000", 1736937000000 },
    { "1736937000.5", 1736937000500 },
    { "1.736937e9", 1736937000000 },
    { "1736937000.5E+0", 1736937000500 },
    { "9.848e-168", 0 },
    { "253402300799", 253402300799000 },
};

static const char *const refused[] = {
    "",
    " ",
    "-1",
    "+1",
    "1e",
    "1e+",
    "1e3x",
    "1e999",
    "1.e3",
    "9e11",
    "0x10",
    "1.",
    ".5",
    "1 ",
    "now",
    "253402300800",
    "99999999999999999999999",
    "2025-01-15",
    "2025-01-15T10:30Z",
    "2025-01-15T10:30:00",
    "2025-1-15T10:30:00Z",
    "2025-13-01T00:00:00Z",
    "2025-00-01T00:00:00Z",
    "2025-02-30T00:00:00Z",
    "2023-02-29T00:00:00Z",
    "2025-04-31T23:59:60Z",
    "2025-01-00T00:00:00Z",
    "2025-01-15T24:00:00Z",
    "2025-01-15T10:60:00Z",
    "2025-01-15T10:30:61Z",
    "2025-01-15T10:30:00.Z",
    "2025-01-15T10:30:00+2:00",
    "2025-01-15T10:30:00+24:00",
    "2025-01-15T10:30:00+02",
    "2025-01-15T10:30:00ZZ",
    "2025-01-15T10:30:00Z ",
    "2025-01-15X10:30:00Z",
    "12025-01-15T10:30:00Z",
};

static void parses_both_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(parsed); i++) {
        int64_t ms = -7;
        assert_int_equal(clock_parse(parsed[i].text, &ms), 0);
        assert_int_equal(ms, parsed[i].ms);
    }
}

static void refuses_the_rest(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        int64_t ms = -7;
        if (clock_parse(refused[i], &ms) == 0)
            fail_msg("'%s' was read as %lld", refused[i], (long long)ms);
        assert_int_equal(ms, -7);
    }
}

static void every_prefix_is_refused_or_sane(void **state)
{
    static const char whole[] = "2025-01-15T12:30:00.123+02:00";
    char part[sizeof whole];

    (void)state;
    for (size_t n = 5; n < sizeof whole - 1; n++) {
        int64_t ms;
        memcpy(part, whole, n);
        part[n] = '\0';
        assert_int_equal(clock_parse(part, &ms), -1);
    }
}

static void clocks_move_forward(void **state)
{
    int64_t mono = clock_mono_ns(), wall = clock_wall_ms();

    (void)state;
    assert_true(wall > 1700000000000);
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_mono_ns();
        assert_true(now >= mono);
        mono = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_rfc3339),      cmocka_unit_test(parses_both_forms),
        cmocka_unit_test(refuses_the_rest),    cmocka_unit_test(every_prefix_is_refused_or_sane),
        cmocka_unit_test(clocks_move_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
