/* engine/judge/judge_tests.h - one built submission in a run cell: all its tests, judged.
 *
 * Room     engine/judge.
 * Threads  one bench, one thread.
 * Errors   as cell_run(). A failing program is a verdict in the results, never an error.
 */
#pragma once

#include "schema/base/base.h"
#include "schema/model/submission.h"

struct lease;
struct err;
struct executable;
struct judge_results;
struct toolchain;

/* Everything is borrowed for the call. */
struct judge_tests_request {
    const struct executable *program; /* loaded, and built where there is something to build */
    const struct submission *submission;
    struct limits limits; /* effective ones (submission_limits) */
};

/* Begins to make the run cell ready, while something is built, when its memory is not the usual
 * one: telling Docker takes as long as a short run. */
void judge_tests_prefetch(struct lease *lease, const struct toolchain *toolchain,
                          const struct limits *limits);

/* Runs the tests in order, or once with an empty stdin when there are none, and adds what each gave
 * to the results, which have the build's part already. When the runtime itself finds that the
 * source is no program (a syntax error), the build has failed. On failure the results are of no
 * more use. */
NODISCARD int judge_tests(struct lease *lease, const struct judge_tests_request *request,
                          struct judge_results *results, struct err *e);
