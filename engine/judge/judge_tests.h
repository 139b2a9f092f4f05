/* engine/judge/judge_tests.h - one built submission in a run cell: all its tests, judged.
 *
 * Room     engine/judge.
 * Threads  one bench, one thread.
 * Errors   as cell_run(). A failing program is a verdict in the report, never an error.
 */
#pragma once

#include "schema/base/base.h"
#include "schema/base/buf.h"
#include "schema/model/submission.h"

struct lease;
struct err;
struct executable;
struct toolchain;
struct report;

/* Everything is borrowed for the call. */
struct judge_tests_request {
    const struct executable *program; /* loaded, and built where there is something to build */
    const struct submission *submission;
    struct limits limits; /* effective ones (submission_limits) */
};

/* The runtime itself found that the source is no program (a syntax error): a build failure. */
struct judge_syntax_error {
    bool refused;
    int exit_code;
    struct buf log; /* owned */
};

/* Begins to make the run cell ready, while something is built, when its memory is not the usual
 * one: telling Docker takes as long as a short run. */
void judge_tests_prefetch(struct lease *b, const struct toolchain *p, const struct limits *limits);

/* Runs the tests in order, or once with an empty stdin when there are none. Fills verdict, tests
 * and all that is summed over them in *r, which must be empty there; on failure r is of no more
 * use. */
NODISCARD int judge_tests(struct lease *b, const struct judge_tests_request *o, struct report *r,
                          struct judge_syntax_error *ret_refusal, struct err *e);
