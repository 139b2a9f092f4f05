/* schema/model/verdict.h - what we say about a program of theirs. Not an error kind, and never made
 * from one.
 */
#pragma once

#include <stdbool.h>

/*    enum                   wire   in the reference's six  */
#define VERDICTS(X)                                                                                \
    X(VERDICT_NONE, "-", true) /* did not run, or no verdict could be had */                       \
    X(VERDICT_OK, "OK", true)                                                                      \
    X(VERDICT_WA, "WA", true)  /* wrong answer */                                                  \
    X(VERDICT_TL, "TL", true)  /* time limit */                                                    \
    X(VERDICT_ML, "ML", true)  /* memory limit */                                                  \
    X(VERDICT_BF, "BF", true)  /* build failure */                                                 \
    X(VERDICT_RE, "RE", false) /* run-time error: signal or non-zero exit */                       \
    X(VERDICT_OL, "OL", false) /* output limit */

#define VERDICT_ENUM(verdict, name, six) verdict,
enum verdict { VERDICTS(VERDICT_ENUM) VERDICT_COUNT };
#undef VERDICT_ENUM

/* RUNNER_STATUS_SET: which words a consumer understands (openapi.yaml, Report). */
enum status_set { STATUS_SET_BY_EDGE, STATUS_SET_FULL, STATUS_SET_SCRC };

/* "OK". Borrowed, static. */
const char *verdict_name(enum verdict v);

/* False when name is no verdict. */
bool verdict_from_name(const char *name, enum verdict *ret_verdict);

/* The status word for a consumer of `set`. With STATUS_SET_SCRC, RE and OL become WA, or OK where
 * a submission without tests merely exited non-zero (as the Go worker has it). */
const char *verdict_status(enum verdict v, enum status_set set, bool has_tests);
