/* engine/judge/judge_report.h - makes the report of the results, and decides how much of each
 * output is kept.
 *
 *     judge_report_room()  how many bytes the outputs may have
 *     judge_report_keep()  after each test that has run: keeps this much of its outputs
 *     judge_report_make()  at the end: the report
 *
 * The beginning of each output is kept; if the first difference is further on, a window around it
 * too. All outputs of a report together may have REPORT_BYTES: one half is divided evenly among the
 * tests beforehand, the other half goes to the tests that need it first.
 *
 * Room     engine/judge.
 * Threads  any; no state.
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
struct limits;
struct report;
struct submission;
struct test_report;

/* Computes the room for a report with this build log and so many tests. */
struct judge_report_room judge_report_room(const struct engine_config *c,
                                           const struct buf *build_log, size_t tests);

/* Fills the outputs of the test, whose difference is already known; marks what is cut. To be
 * called once for each test that has run, in order. */
NODISCARD int judge_report_keep(struct judge_report_room *room, const struct cell_result *result,
                                struct test_report *t, struct err *e);

/* Makes the report of these results, with the limits that were in force. Moves the tests' outputs
 * out of them, and fills everything but timestamp_ms, queue_ms, attempts and produced_by. The
 * caller owns *ret_report. */
NODISCARD int judge_report_make(const struct submission *s, const struct limits *limits,
                                struct judge_results *results, struct report **ret_report,
                                struct err *e);

/* The same for a submission that could not be judged: verdict "-" and this error. */
NODISCARD int judge_report_unjudged(const struct submission *s, const struct limits *limits,
                                    const char *error, struct report **ret_report, struct err *e);
