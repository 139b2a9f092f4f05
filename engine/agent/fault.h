/* engine/agent/fault.h - an error in the cell, with a message for the server.
 *
 * A fault is always ours, never the program's: the server discards the cell.
 */
#pragma once

#include <stdbool.h>

#include "schema/base/base.h"

struct fault {
    bool host; /* the host had no memory or no core for us: another cell would have failed too */
    char why[240];
};

/* Always -1, so that a step ends with `return fault_set(f, "archive: cut in a name")`. */
int fault_set(struct fault *f, const char *fmt, ...) PRINTF(2, 3);

/* The same, with the text of errno at the end. */
int fault_errno(struct fault *f, const char *fmt, ...) PRINTF(2, 3);

/* The same as fault_set(), with host set. */
int fault_host(struct fault *f, const char *fmt, ...) PRINTF(2, 3);
