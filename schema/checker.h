/* schema/checker.h - how an output is compared with the expected one: the words, not the deed. */
#pragma once

#include <stdbool.h>

#define CHECKERS(X)                                                                                \
    X(CHECKER_LINES, "lines") /* trailing blanks and trailing empty lines do not count */          \
    X(CHECKER_EXACT, "exact")                                                                      \
    X(CHECKER_TOKENS, "tokens")                                                                    \
    X(CHECKER_FLOAT, "float")

#define CHECKER_ENUM(kind, name) kind,
enum checker_kind { CHECKERS(CHECKER_ENUM) CHECKER_COUNT };
#undef CHECKER_ENUM

struct checker {
    enum checker_kind kind;
    bool case_sensitive;
    double absolute_tolerance, relative_tolerance; /* finite, >= 0 */
};

#define CHECKER_TOLERANCE 1e-6

/* What a bare "lines" means. */
#define CHECKER_INIT(kind_)                                                                        \
    {                                                                                              \
        .kind = (kind_), .case_sensitive = true, .absolute_tolerance = CHECKER_TOLERANCE,          \
        .relative_tolerance = CHECKER_TOLERANCE                                                    \
    }

/* "lines". Borrowed, static. */
const char *checker_kind_name(enum checker_kind kind);

/* False when name is no checker. */
bool checker_kind_from_name(const char *name, enum checker_kind *ret_kind);
