#include "schema/model/verdict.h"

#include <string.h>

#define NAME(verdict, name, six)   [verdict] = name,
#define IN_SIX(verdict, name, six) [verdict] = six,
static const char *const names[VERDICT_COUNT] = { VERDICTS(NAME) };
static const bool in_six[VERDICT_COUNT] = { VERDICTS(IN_SIX) };
#undef NAME
#undef IN_SIX

const char *verdict_name(enum verdict v) { return names[v]; }

bool verdict_from_name(const char *name, enum verdict *ret_verdict)
{
    for (enum verdict v = 0; v < VERDICT_COUNT; v++) {
        if (strcmp(names[v], name) == 0) {
            *ret_verdict = v;
            return true;
        }
    }
    return false;
}

const char *verdict_status(enum verdict v, enum status_set set, bool has_tests)
{
    if (set != STATUS_SET_SCRC || in_six[v])
        return names[v];
    return names[v == VERDICT_RE && !has_tests ? VERDICT_OK : VERDICT_WA];
}
