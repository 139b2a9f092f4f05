/* tests/unit/test_traceparent.c - which places in a trace are valid. */
#include <string.h>

#include "schema/base/traceparent.h"
#include "tests/support/assert_err.h"

#define TRACE  "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"

static const struct {
    const char *value, *want; /* want NULL: not valid */
} traces[] = {
    { "00-" TRACE "-" PARENT "-01", "00-" TRACE "-" PARENT "-01" },
    { "00-" TRACE "-" PARENT "-00", "00-" TRACE "-" PARENT "-00" },
    { "00-" TRACE "-" PARENT "-ff", "00-" TRACE "-" PARENT "-ff" },
    /* a later version: what we know of it, as we write it */
    { "01-" TRACE "-" PARENT "-03", "00-" TRACE "-" PARENT "-01" },
    { "cc-" TRACE "-" PARENT "-02-what-comes", "00-" TRACE "-" PARENT "-00" },
    { "cc-" TRACE "-" PARENT "-01.what", NULL },
    { "ff-" TRACE "-" PARENT "-01", NULL },
    { "00-" TRACE "-" PARENT "-01-", NULL },
    { "00-" TRACE "-" PARENT "-0", NULL },
    { "00-" TRACE "-" PARENT "-0g", NULL },
    { "00-" TRACE "-" PARENT, NULL },
    { "00-00000000000000000000000000000000-" PARENT "-01", NULL },
    { "00-" TRACE "-0000000000000000-01", NULL },
    { "00-0AF7651916CD43DD8448EB211C80319C-" PARENT "-01", NULL },
    { "0x-" TRACE "-" PARENT "-01", NULL },
    { "00_" TRACE "-" PARENT "-01", NULL },
    { "00-" TRACE "_" PARENT "-01", NULL },
    { " 00-" TRACE "-" PARENT "-01", NULL },
    { "", NULL },
};

static void valid_places_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(traces); i++) {
        char out[TRACEPARENT_SIZE] = "before";
        bool valid = traceparent_read(traces[i].value, strlen(traces[i].value), out);
        if (valid != (traces[i].want != NULL) ||
            strcmp(out, traces[i].want ? traces[i].want : "") != 0)
            fail_msg("%s: %s", traces[i].value, out);
    }
}

static void a_nul_is_no_digit(void **state)
{
    static const char value[] = "00-" TRACE "-" PARENT "-0\0";
    char out[TRACEPARENT_SIZE];

    (void)state;
    assert_false(traceparent_read(value, TRACEPARENT_SIZE - 1, out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_places_are_read),
        cmocka_unit_test(a_nul_is_no_digit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
