/* engine/agent/box_plan.h - how to make a box: the same for all boxes of a cell. All borrowed. */
#pragma once

#include <stdint.h>

#include "engine/agent/protocol.h"

struct cgroup;

struct box_plan {
    enum agent_isolation isolation;
    const char *workdir;
    uint64_t tmpfs_bytes, tmpfs_inodes;
    const struct cgroup *group;
    int view; /* INPLACE: from view_open(), or -1 */
};
