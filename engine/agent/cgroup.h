/* engine/agent/cgroup.h - the counters of the container's own cgroup, version 1 and 2.
 *
 * Owns     its descriptors, from cgroup_open() to the end of the process. They work in boxes too,
 *          where /sys/fs/cgroup is not visible.
 * Errors   0, or -1 with *f filled.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

struct fault;

enum cgroup_counter {
    CGROUP_CPU,       /* nanoseconds of CPU time of all processes that ever ran in the cell */
    CGROUP_MEMORY,    /* bytes of anonymous and shared memory; page cache does not count */
    CGROUP_OOM_KILLS, /* processes the kernel killed for lack of memory, whatever limit was met */
    CGROUP_HITS,      /* how often the cell's own limit was met (v2: and nothing could be freed) */
    CGROUP_SWAP_HITS, /* v1: the same for the limit of memory and swap together */
    CGROUP_PEAK,      /* v1: the most bytes ever in use, with page cache */
    CGROUP_LIMIT,     /* v1: bytes */
    CGROUP_THROTTLED, /* nanoseconds in which the CPU quota stopped the cell; 0 without a quota */
    CGROUP_CPU_WAIT,  /* v2: nanoseconds in which every ready thread waited for a core, throttled
                         or not */
    CGROUP_IO_WAIT, /* v2: nanoseconds in which every thread that was not idle waited for a disk */
    CGROUP_PIDS_HITS, /* how often a process or thread was refused for the limit of processes */
    CGROUP_COUNTERS,
};

struct cgroup {
    uint32_t version; /* 1 or 2 */
    int fd[CGROUP_COUNTERS];
};

/* root is /sys/fs/cgroup. Opens the counters and reads each once. */
NODISCARD int cgroup_open(const char *root, struct cgroup *ret_group, struct fault *f);

/* True if this kernel has the counter. Those without a version in the list above are always
 * there. */
bool cgroup_has(const struct cgroup *g, enum cgroup_counter which);

/* The value of a counter now; 0 where it is not there. */
NODISCARD int cgroup_read(const struct cgroup *g, enum cgroup_counter which, int64_t *ret_value,
                          struct fault *f);

/* Reads the value of a counter from the NUL-terminated text of its file. False when it is not
 * there. */
bool cgroup_parse(uint32_t version, enum cgroup_counter which, const char *text,
                  int64_t *ret_value);

/* The counters that show whose limit caused an OOM kill. */
struct cgroup_oom {
    int64_t kills, hits, peak, limit;
};
NODISCARD int cgroup_oom_read(const struct cgroup *g, struct cgroup_oom *ret_oom, struct fault *f);

/* True if the cell's own limit caused the kills between the two readings; else that of the host or
 * a parent group did. */
bool cgroup_oom_own(uint32_t version, const struct cgroup_oom *before,
                    const struct cgroup_oom *now);
