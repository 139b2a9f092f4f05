/* engine/agent/box_program.h - a process that waits for a RUN and executes the program it names.
 *
 * It is started with its box, before the RUN comes, so that between RUN and exec only that is done
 * which depends on the RUN: files, limits, descriptors, uid.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "engine/agent/cgroup.h"
#include "engine/agent/protocol.h"

struct box_program_plan {
    int start; /* the RUN comes here, events (box_message.h) go back */
    uid_t uid; /* to become; the gid is the same number */
    const struct cgroup *group;
    int init_oom; /* oom_score_adj of init */
};

/* The current directory must be the program's work directory. */
_Noreturn void box_program_run(const struct box_program_plan *p);

/* True if this datagram of len bytes and this many descriptors is a whole RUN; only then may it be
 * given to other functions. */
bool box_program_accepts(const struct agent_run *run, size_t len, size_t fds);

/* The name of what to collect; borrowed from run. */
const char *box_program_collect_name(const struct agent_run *run);
