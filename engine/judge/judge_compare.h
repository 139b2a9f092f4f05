/* engine/judge/judge_compare.h - compares an output with the expected one and finds the first
 * difference.
 *
 * Linear time and constant memory beside its inputs, for any bytes, in any locale.
 *
 * Room     engine/judge.
 * Threads  any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "schema/model/report.h"
#include "schema/model/submission.h"

/* True when got passes; *ret_difference is then untouched. False: *ret_difference describes the
 * first difference. present is true; expected and got are owned by the caller, are UTF-8 and
 * whole characters, and show a window of REPORT_DIFFERENCE_MAX bytes where the line or word is
 * longer. Out of memory leaves these two empty, but the answer is right. */
bool judge_compare(const struct checker *checker, const char *expected, size_t expected_len,
                   const char *got, size_t got_len, struct first_difference *ret_difference);
