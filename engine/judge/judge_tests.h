/* engine/judge/judge_tests.h - runs a built submission in a run cell: all its tests.
 *
 * Room     engine/judge.
 * Threads  one thread for each lease.
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
    struct limits limits; /* the effective ones (submission_limits) */
};

/* Starts to prefetch the run cell while the source is built, when its memory is not the default:
 * setting the memory through Docker takes as long as a short run. */
void judge_tests_prefetch(struct lease *lease, const struct toolchain *toolchain,
                          const struct limits *limits);

/* Runs the tests in order, or once with an empty stdin when there are none, and appends their
 * results; the results have the part of the build already. When the runtime finds a syntax
 * error, the build has failed. On failure the results must not be used. */
NODISCARD int judge_tests(struct lease *lease, const struct judge_tests_request *request,
                          struct judge_results *results, struct err *e);
