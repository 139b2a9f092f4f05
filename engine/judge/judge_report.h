/* engine/judge/judge_report.h - what of a run's output goes into its report.
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
#include <stdint.h>

#include "schema/base/base.h"

struct cell_result;
struct engine_config;
struct err;
struct report;
struct test_report;

/* Bytes of the stored form that are still free. */
struct judge_report_room {
    size_t kept_max; /* raw bytes of one output */
    size_t left;     /* for the tests */
    size_t share;    /* what of `left` is each test's own... */
    size_t to_come;  /* ...of so many that have not run */
    size_t top;      /* for the report's own outputs */
};

/* For a report that has its tests and build log, but no outputs. */
struct judge_report_room judge_report_room(const struct engine_config *c, const struct report *r);

/* Fills the test's outputs, once its difference is known; what is cut is marked. To be called once
 * for each test that has run, in their order. */
NODISCARD int judge_report_keep(struct judge_report_room *room, const struct cell_result *c,
                                struct test_report *t, struct err *e);

/* The report's own outputs: those of the last test that printed something. */
NODISCARD int judge_report_top(struct judge_report_room *room, struct report *r, struct err *e);
