/* engine/agent/box_plan.h - what a box is to be: the same plan for all boxes of a cell. */
#pragma once

#include <stdint.h>

#include "engine/agent/protocol.h"

struct cgroup;

struct box_plan {
    enum agent_isolation maker;
    const char *workdir;
    uint64_t tmpfs_bytes, tmpfs_inodes;
    const struct cgroup *group;
    int view; /* INPLACE: from view_open(); -1 */
};
