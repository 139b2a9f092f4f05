/* engine/host/host_diagnostic.h - one thing that was looked at on this host, and what it means.
 *
 * Room     engine/host. A plain value.
 * Owns     nothing.
 * Threads  any; no state.
 * Errors   none. A text that is too long is cut.
 */
#pragma once

#include "schema/base/base.h"

enum host_level { PLATFORM_OK, PLATFORM_WARNING, PLATFORM_UNFIT };

struct host_diagnostic {
    const char *name;      /* "cgroup", static */
    enum host_level level; /* UNFIT: nothing can be judged until it is mended */
    char says[200];        /* what was found */
    char means[200];       /* what that means for judging */
    char mend[200];        /* how to mend it; "" when there is nothing to mend */
};

/* Sets the level and what was found. */
PRINTF(3, 4)
void host_diagnostic_add(struct host_diagnostic *f, enum host_level level, const char *fmt, ...);

/* Sets what it means and how to mend it; both are copied. */
void host_diagnostic_advise(struct host_diagnostic *f, const char *means, const char *mend);
