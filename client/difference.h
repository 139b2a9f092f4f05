/* client/difference.h - shows where an output first differs from what was expected: both lines one
 * above the other, the lines before them, and blanks drawn where they are what differs.
 *
 *     test 2, line 3, column 4
 *             2 | 5 6
 *     expected  | 1 2 3
 *     got       | 1 2·4·
 *               |    ^
 *
 * Threads  any; no state.
 * Errors   none: what is not there is not shown.
 */
#pragma once

#include <jansson.h>

struct term;

/* test: a member of `tests` of a report. Nothing when it has no first_difference. title: of the
 * test, as "test 2". */
void difference_show(const struct term *t, const json_t *test, const char *title);
