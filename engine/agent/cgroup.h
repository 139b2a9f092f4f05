/* engine/agent/cgroup.h - the counters of the container's own cgroup, version 1 and 2.
 *
 * Owns     four descriptors, from cgroup_open() to the end of the process: a box has other mounts,
 *          the descriptors work in all of them.
 * Errors   0, or -1 with the fault filled.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base.h"

struct fault;

enum cgroup_counter {
    CGROUP_CPU,       /* nanoseconds of CPU time of everything that ever ran here */
    CGROUP_MEMORY,    /* bytes of anonymous and shared memory; page cache does not count */
    CGROUP_OOM_KILLS, /* processes the kernel killed for want of memory */
    CGROUP_THROTTLED, /* nanoseconds the quota held us back; 0 where there is no quota */
    CGROUP_COUNTERS,
};

struct cgroup {
    uint32_t version; /* 1 or 2 */
    int fd[CGROUP_COUNTERS];
};

/* root is /sys/fs/cgroup. Opens the counters and reads each once. */
NODISCARD int cgroup_open(const char *root, struct cgroup *ret_group, struct fault *f);

/* The value of a counter now. */
NODISCARD int cgroup_read(const struct cgroup *g, enum cgroup_counter which, int64_t *ret_value,
                          struct fault *f);

/* The value of a counter in the text of its file; text has a NUL behind it. False when it is not
 * there. */
bool cgroup_parse(uint32_t version, enum cgroup_counter which, const char *text,
                  int64_t *ret_value);
