/* engine/judge/judge_compare.h - is this output the expected one, and where do they part?
 *
 * Linear time and constant memory beside its inputs, locale-free, for any bytes.
 * Threads  any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "schema/model/report.h"
#include "schema/model/submission.h"

/* True when got passes. When it does not, *ret_difference says where (present is true, its bytes
 * are owned by the caller: UTF-8, whole characters, a window of REPORT_DIFFERENCE_MAX around what
 * differs where the line or word is longer); it is untouched when got passes. Out of memory leaves
 * the difference's bytes empty, never the answer wrong. */
bool judge_compare(const struct checker *checker, const char *expected, size_t expected_len,
                   const char *got, size_t got_len, struct first_difference *ret_difference);
