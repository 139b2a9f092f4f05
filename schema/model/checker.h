/* schema/model/checker.h - the ways to compare an output with the expected one. The comparison
 * itself is in engine/judge. No state. */
#pragma once

#include <stdbool.h>

#define CHECKERS(X)                                                                                \
    X(CHECKER_LINES, "lines") /* trailing blanks and trailing empty lines do not count */          \
    X(CHECKER_EXACT, "exact")                                                                      \
    X(CHECKER_TOKENS, "tokens")                                                                    \
    X(CHECKER_FLOAT, "float")                                                                      \
    X(CHECKER_NONE, "none") /* every output is right */

#define CHECKER_ENUM(kind, name) kind,
enum checker_kind { CHECKERS(CHECKER_ENUM) CHECKER_COUNT };
#undef CHECKER_ENUM

struct checker {
    enum checker_kind kind;
    bool case_sensitive; /* false: upper and lower case of ASCII letters are equal */
    /* Of CHECKER_FLOAT: finite and >= 0, or CHECKER_NOT_GIVEN. A tolerance that is not given
     * accepts nothing; if neither is given, both are CHECKER_TOLERANCE. */
    double absolute_tolerance, relative_tolerance;
};

#define CHECKER_TOLERANCE 1e-6
#define CHECKER_NOT_GIVEN (-1.0)

/* The options of a checker that is given by its name only. */
#define CHECKER_INIT(kind_)                                                                        \
    {                                                                                              \
        .kind = (kind_), .case_sensitive = true, .absolute_tolerance = CHECKER_NOT_GIVEN,          \
        .relative_tolerance = CHECKER_NOT_GIVEN                                                    \
    }

/* "lines". Borrowed, static. */
const char *checker_kind_name(enum checker_kind kind);

/* False: name is no checker. */
bool checker_kind_from_name(const char *name, enum checker_kind *ret_kind);
