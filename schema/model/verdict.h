/* schema/model/verdict.h - the verdicts on a user's program. Never made from an enum err_kind: our
 * faults are no verdicts. No state.
 */
#pragma once

#include <stdbool.h>

/*    enum                   wire   in the reference's six  */
#define VERDICTS(X)                                                                                \
    X(VERDICT_NONE, "-", true) /* did not run, or could not be judged */                           \
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

/* RUNNER_STATUS_SET: the status words that a consumer knows (Report in openapi.yaml). */
enum status_set { STATUS_SET_BY_EDGE, STATUS_SET_FULL, STATUS_SET_SCRC };

/* "OK". Borrowed, static. */
const char *verdict_name(enum verdict v);

/* False: name is no verdict. */
bool verdict_from_name(const char *name, enum verdict *ret_verdict);

/* The status word for a consumer of `set`. With STATUS_SET_SCRC, RE and OL become WA, but RE of a
 * submission without tests becomes OK, as in the Go worker. */
const char *verdict_status(enum verdict v, enum status_set set, bool has_tests);
