/* engine/host/host_diagnostic.h - the result of one check of this host: what was found, its impact,
 * the remedy.
 *
 * Room     engine/host. A plain value.
 * Owns     nothing.
 * Threads  any; no state.
 * Errors   none. A text that is too long is truncated.
 */
#pragma once

#include "schema/base/base.h"

enum host_level { HOST_OK, HOST_WARNING, HOST_UNFIT };

struct host_diagnostic {
    const char *name;      /* "cgroup", static */
    enum host_level level; /* UNFIT: nothing can be judged until it is remedied */
    char message[200];     /* what was found */
    char impact[200];      /* what that means for judging */
    char remedy[200];      /* what to do; "" when nothing needs to be done */
};

/* Sets the level and what was found. */
PRINTF(3, 4)
void host_diagnostic_add(struct host_diagnostic *f, enum host_level level, const char *fmt, ...);

/* Sets impact and remedy; both are copied. */
void host_diagnostic_advise(struct host_diagnostic *f, const char *impact, const char *remedy);
