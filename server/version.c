#include "server/version.h"

#include <stdio.h>

#ifndef SCRC_COMMIT
#define SCRC_COMMIT ""
#endif

#define COMMIT_SHOWN 12 /* digits: enough to find it */

const char *version_commit(void) { return SCRC_COMMIT[0] ? SCRC_COMMIT : NULL; }

const char *version_line(void)
{
    static char line[120];

    if (!line[0] && SCRC_COMMIT[0])
        (void)snprintf(line, sizeof line, "scrc %s (commit %.*s)", SCRC_VERSION, COMMIT_SHOWN,
                       SCRC_COMMIT);
    return line[0] ? line : "scrc " SCRC_VERSION;
}
