/* engine/agent/fault.h - what broke in the cell, in words for the server.
 *
 * A fault is always ours, never the program's: the server throws the cell away.
 */
#pragma once

#include <stdbool.h>

#include "schema/base/base.h"

struct fault {
    bool host; /* the host had no memory or no core for us: no other cell would have done better */
    char why[240];
};

/* Always -1, so that a step ends with `return fault_set(f, "bundle: cut in a name")`. */
int fault_set(struct fault *f, const char *fmt, ...) PRINTF(2, 3);

/* The same, with errno in words behind it. */
int fault_errno(struct fault *f, const char *fmt, ...) PRINTF(2, 3);

/* The same as fault_set(), and the host's. */
int fault_host(struct fault *f, const char *fmt, ...) PRINTF(2, 3);
