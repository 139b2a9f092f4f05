/* engine/judge/judge_results.h - what judging one submission has found out: how the build ended,
 * and the result of each test that has run. judge_report_make() makes the report of it, once, at
 * the end.
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

/* How many bytes the outputs may still have in the stored form of the report. */
struct judge_report_room {
    size_t kept_max; /* largest part kept of one output, raw bytes */
    size_t left;     /* for the outputs of tests */
    size_t share;    /* bytes of `left` that are reserved for each... */
    size_t to_come;  /* ...of the tests that have not run */
    size_t top;      /* for the report's own outputs */
};

struct judge_results {
    bool build_failed;    /* verdict BF: the source is no program, and no test counts */
    int exit_code;        /* of the compiler or syntax check that failed; only when build_failed */
    struct buf build_log; /* owned; a successful build may have one too */
    int64_t build_ms, run_ms; /* wall time of the build, of all tests; 0: there was none */
    struct test_report
        *tests; /* owned; the tests that have run, in order; NULL before judge_results_open() */
    size_t tests_len;
    struct judge_report_room room; /* for outputs of tests that have not run yet */
};

/* Allocates room for `max` results, at least one: without tests there is one run. */
NODISCARD int judge_results_open(struct judge_results *r, size_t max, struct err *e);

/* Appends the result of one more test. Moves what t owns: t is empty afterwards. */
void judge_results_add(struct judge_results *r, struct test_report *t);

/* The build has failed, even if it seemed to succeed before. Moves the log. */
void judge_results_fail_build(struct judge_results *r, struct buf *log, int exit_code);

void judge_results_clear(struct judge_results *r); /* for CLEANUP(), too */
