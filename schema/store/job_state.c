#include "schema/store/job_state.h"

#include <string.h>

#include "schema/base/base.h"

#define STATE_NAME(state, name) [state] = name,
static const char *const names[JOB_STATE_COUNT] = { JOB_STATES(STATE_NAME) };
#undef STATE_NAME

const char *job_state_name(enum job_state s) { return names[s]; }

bool job_state_from_name(const char *name, enum job_state *ret_state)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i], name) == 0) {
            *ret_state = (enum job_state)i;
            return true;
        }
    }
    return false;
}
