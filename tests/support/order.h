/* tests/support/order.h - a submission in a few words, given to the engine of engine_fixture.h. All
 * fail the test where they cannot do it. */
#pragma once

#include <jansson.h>

#include "schema/model/checker.h"
#include "tests/support/submitted.h"

struct order {
    const char *language, *source;
    size_t source_len;       /* 0: a string */
    const char *files[3][2]; /* name, text: a tree instead of `source`; NULL: no more */
    int64_t time_ms, wall_ms, memory_mib;
    enum checker_kind checker;
    bool run_all;
    const char *tests[2][2]; /* input, expected; NULL: no (more) tests */
    size_t input_len;        /* of the first; 0: a string */
};

struct submitted order_put(const struct order *o);

/* Waits for the report and reads it. The caller owns it. */
json_t *order_report(const struct submitted *t);

/* Both. */
json_t *order_judge(const struct order *o);
