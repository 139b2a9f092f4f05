/* engine/agent/monitor.h - watches one run, from the program's start to its RESULT.
 *
 * Owns     nothing: the box is the caller's, who closes it after success and failure alike.
 * Errors   -1 with *f filled: a fault of ours, the cell cannot be used any more.
 */
#pragma once

#include "engine/agent/box.h"
#include "engine/agent/cpu_wait.h"

struct monitor_cell {
    int server; /* KILL comes here; when it is closed the agent exits, and with it the container
                   ends */
    const struct cgroup *group;
    struct box *box; /* the RUN has been sent to it */
    int input;       /* the run's stdin, whose offset shows how much of it was read; -1: none */
    int64_t memory, pids_hits; /* counters before the run */
    struct cgroup_oom oom;
    struct cpu_wait_sums cpu_wait;
};

/* run must have been accepted (box_program_accepts()). On success the caller owns *ret_artefact
 * (-1: none). */
NODISCARD int monitor_run(const struct monitor_cell *cell, const struct agent_run *run,
                          struct agent_result *ret_result, int *ret_artefact, struct fault *f);
