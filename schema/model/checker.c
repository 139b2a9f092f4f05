#include "schema/model/checker.h"

#include <string.h>

#define NAME(kind, name) [kind] = name,
static const char *const names[CHECKER_COUNT] = { CHECKERS(NAME) };
#undef NAME

const char *checker_kind_name(enum checker_kind kind) { return names[kind]; }

bool checker_kind_from_name(const char *name, enum checker_kind *ret_kind)
{
    for (enum checker_kind kind = 0; kind < CHECKER_COUNT; kind++) {
        if (strcmp(names[kind], name) == 0) {
            *ret_kind = kind;
            return true;
        }
    }
    return false;
}
