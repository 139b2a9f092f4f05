/* engine/judge/judge_report.h - the report of what was judged, and what of each output is in it.
 *
 *     judge_report_room()  how many bytes the outputs may have
 *     judge_report_keep()  for each test that has run: this much of its outputs
 *     judge_report_make()  at the end: the report
 *
 * Of each output the beginning is kept, and where it is wrong further on, a window around the first
 * difference too. All outputs of a report together have REPORT_BYTES: half of it is shared out to
 * the tests beforehand, the other half goes to who comes first.
 *
 * Room     engine/judge.
 * Threads  none of its own.
 * Errors   ERR_NOMEM.
 */
#pragma once

#include <stddef.h>

#include "engine/judge/judge_results.h"
#include "schema/base/base.h"

struct buf;
struct cell_result;
struct engine_config;
struct err;
struct report;
struct submission;
struct test_report;

/* For a report with this build log and so many tests. */
struct judge_report_room judge_report_room(const struct engine_config *c,
                                           const struct buf *build_log, size_t tests);

/* Fills the test's outputs, once its difference is known; what is cut is marked. To be called once
 * for each test that has run, in their order. */
NODISCARD int judge_report_keep(struct judge_report_room *room, const struct cell_result *result,
                                struct test_report *t, struct err *e);

/* The report of these results. It takes the tests' outputs out of them, and has all but
 * timestamp_ms, queue_ms, attempts and produced_by. The caller owns *ret_report. */
NODISCARD int judge_report_make(const struct submission *s, const struct engine_config *c,
                                struct judge_results *results, struct report **ret_report,
                                struct err *e);

/* The report of a submission that could not be judged: "-" and this error; otherwise the same. */
NODISCARD int judge_report_unjudged(const struct submission *s, const struct engine_config *c,
                                    const char *error, struct report **ret_report, struct err *e);
