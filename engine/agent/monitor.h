/* engine/agent/monitor.h - one run, from the program's start to its RESULT.
 *
 * Owns     nothing: the box stays its maker's, who closes it whatever comes out.
 * Errors   -1 with the fault filled: ours, the cell is of no more use.
 */
#pragma once

#include "engine/agent/box.h"
#include "engine/agent/cpu_wait.h"

struct monitor_cell {
    int server; /* KILL comes here; its end ends the process, and with it the container */
    const struct cgroup *group;
    struct box *box; /* the RUN has been sent to it */
    int input;       /* the run's stdin, whose offset says how much of it was read; -1: none */
    int64_t memory;  /* counters before the run */
    struct cgroup_oom oom;
    struct cpu_wait_sums starve;
};

/* run was accepted (box_program.h). On success the caller owns *ret_artefact (-1: none). */
NODISCARD int monitor_run(const struct monitor_cell *cell, const struct agent_run *run,
                          struct agent_result *ret_result, int *ret_artefact, struct fault *f);
