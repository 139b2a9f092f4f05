/* engine/judge/run.h - one built submission in a run cell: all its tests, judged.
 *
 * Room     engine/judge.
 * Threads  one bench, one thread.
 * Errors   as cell_run(). A failing program is a verdict in the report, never an error.
 */
#pragma once

#include "engine/language/language.h"
#include "schema/base/base.h"
#include "schema/base/buf.h"
#include "schema/model/submission.h"

struct bench;
struct err;
struct plan;
struct report;

/* Everything is borrowed for the call. */
struct run_order {
    const struct plan *plan;
    const struct submission *submission;
    struct limits limits; /* effective ones (submission_limits) */
    const struct language_words *words;
    int source_fd;   /* what runs where nothing is built */
    int artefact_fd; /* what the build left, or -1 */
};

/* The runtime itself found that the source is no program (a syntax error): a build failure. */
struct run_refusal {
    bool refused;
    int exit_code;
    struct buf log; /* owned */
};

/* Begins to make the run cell ready, while something is built, when its memory is not the usual
 * one: telling Docker takes as long as a short run. */
void run_prepare(struct bench *b, const struct plan *p, const struct limits *limits);

/* Runs the tests in order, or once with an empty stdin when there are none. Fills verdict, tests
 * and all that is summed over them in *r, which must be empty there; on failure r is of no more
 * use. */
NODISCARD int run_tests(struct bench *b, const struct run_order *o, struct report *r,
                        struct run_refusal *ret_refusal, struct err *e);
