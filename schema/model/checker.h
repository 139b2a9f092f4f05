/* schema/model/checker.h - how an output is compared with the expected one: the words, not the
 * deed. */
#pragma once

#include <stdbool.h>

#define CHECKERS(X)                                                                                \
    X(CHECKER_LINES, "lines") /* trailing blanks and trailing empty lines do not count */          \
    X(CHECKER_EXACT, "exact")                                                                      \
    X(CHECKER_TOKENS, "tokens")                                                                    \
    X(CHECKER_FLOAT, "float")                                                                      \
    X(CHECKER_NONE, "none") /* whatever it prints is right */

#define CHECKER_ENUM(kind, name) kind,
enum checker_kind { CHECKERS(CHECKER_ENUM) CHECKER_COUNT };
#undef CHECKER_ENUM

struct checker {
    enum checker_kind kind;
    bool case_sensitive; /* false: ASCII letters alone are folded */
    /* Of CHECKER_FLOAT: finite and >= 0, or CHECKER_NOT_GIVEN. One that is not given lets nothing
     * pass, unless neither is: then both are CHECKER_TOLERANCE. */
    double absolute_tolerance, relative_tolerance;
};

#define CHECKER_TOLERANCE 1e-6
#define CHECKER_NOT_GIVEN (-1.0)

/* What a bare "lines" means. */
#define CHECKER_INIT(kind_)                                                                        \
    {                                                                                              \
        .kind = (kind_), .case_sensitive = true, .absolute_tolerance = CHECKER_NOT_GIVEN,          \
        .relative_tolerance = CHECKER_NOT_GIVEN                                                    \
    }

/* "lines". Borrowed, static. */
const char *checker_kind_name(enum checker_kind kind);

/* False when name is no checker. */
bool checker_kind_from_name(const char *name, enum checker_kind *ret_kind);
