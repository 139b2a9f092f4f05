/* engine/judge/judge_results.h - what one judgement has found out: how the build ended, and what
 * each test that has run gave. judge_report_make() makes the report of it, once, at the end.
 *
 * Room     engine/judge. A value.
 * Owns     the build log and the tests, until judge_results_clear().
 * Threads  any; no state.
 * Errors   ERR_NOMEM.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/base/buf.h"

struct err;
struct test_report;

/* Bytes of the stored form that are still free. */
struct judge_report_room {
    size_t kept_max; /* raw bytes of one output */
    size_t left;     /* for the tests */
    size_t share;    /* what of `left` is each test's own... */
    size_t to_come;  /* ...of so many that have not run */
    size_t top;      /* for the report's own outputs */
};

struct judge_results {
    bool build_failed;         /* the source is no program: BF, and no test counts */
    int exit_code;             /* of what refused it; only when build_failed */
    struct buf build_log;      /* owned; a build that went well may have one too */
    int64_t build_ms, run_ms;  /* wall time of all of it; 0: there was none */
    struct test_report *tests; /* owned; those that have run, in order; NULL before the first */
    size_t tests_len;
    struct judge_report_room room; /* what these tests' outputs leave of the report's bytes */
};

/* Gets ready for `max` results. 0: without tests, where one run gives one all the same. */
NODISCARD int judge_results_open(struct judge_results *r, size_t max, struct err *e);

/* Adds what one more test gave. Takes what t owns: t is empty afterwards. */
void judge_results_add(struct judge_results *r, struct test_report *t);

/* The source is no program after all, or never was one. Takes the log. */
void judge_results_fail_build(struct judge_results *r, struct buf *log, int exit_code);

void judge_results_clear(struct judge_results *r); /* for CLEANUP(), too */
