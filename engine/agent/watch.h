/* engine/agent/watch.h - one run, from the program's start to its RESULT.
 *
 * Owns     nothing: the box stays its maker's, who closes it whatever comes out.
 * Errors   -1 with the fault filled: ours, the cell is of no more use.
 */
#pragma once

#include "engine/agent/box.h"

struct watch_cell {
    int server; /* KILL comes here; its end ends the process, and with it the container */
    const struct cgroup *group;
    struct box *box;                         /* the RUN has been sent to it */
    int64_t memory, oom_kills, throttled_ns; /* counters before the run */
};

/* run was accepted (program.h). On success the caller owns *ret_artefact (-1: none). */
NODISCARD int watch_run(const struct watch_cell *cell, const struct agent_run *run,
                        struct agent_result *ret_result, int *ret_artefact, struct fault *f);
