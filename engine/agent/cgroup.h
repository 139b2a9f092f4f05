/* engine/agent/cgroup.h - the counters of the container's own cgroup, version 1 and 2.
 *
 * Owns     its descriptors, from cgroup_open() to the end of the process: a box has other mounts,
 *          the descriptors work in all of them.
 * Errors   0, or -1 with the fault filled.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

struct fault;

enum cgroup_counter {
    CGROUP_CPU,       /* nanoseconds of CPU time of everything that ever ran here */
    CGROUP_MEMORY,    /* bytes of anonymous and shared memory; page cache does not count */
    CGROUP_OOM_KILLS, /* processes the kernel killed for want of memory, by whosever limit */
    CGROUP_HITS,      /* times our own limit was met: v2: and nothing could be freed */
    CGROUP_SWAP_HITS, /* v1: the same of memory and swap together */
    CGROUP_PEAK,      /* v1: the most bytes ever in use, page cache too */
    CGROUP_LIMIT,     /* v1: bytes */
    CGROUP_THROTTLED, /* nanoseconds the quota held us back; 0 where there is no quota */
    CGROUP_CPU_WAIT,  /* v2: nanoseconds in which all that was ready waited for a core, throttled
                         or not */
    CGROUP_IO_WAIT,   /* v2: nanoseconds in which all that was not asleep waited for a disk */
    CGROUP_COUNTERS,
};

struct cgroup {
    uint32_t version; /* 1 or 2 */
    int fd[CGROUP_COUNTERS];
};

/* root is /sys/fs/cgroup. Opens the counters and reads each once. */
NODISCARD int cgroup_open(const char *root, struct cgroup *ret_group, struct fault *f);

/* Does this kernel have it? Those that are not marked are always there. */
bool cgroup_has(const struct cgroup *g, enum cgroup_counter which);

/* The value of a counter now; 0 where it is not there. */
NODISCARD int cgroup_read(const struct cgroup *g, enum cgroup_counter which, int64_t *ret_value,
                          struct fault *f);

/* The value of a counter in the text of its file; text has a NUL behind it. False when it is not
 * there. */
bool cgroup_parse(uint32_t version, enum cgroup_counter which, const char *text,
                  int64_t *ret_value);

/* What says whose limit an OOM kill came from. */
struct cgroup_oom {
    int64_t kills, hits, peak, limit;
};
NODISCARD int cgroup_oom_read(const struct cgroup *g, struct cgroup_oom *ret_oom, struct fault *f);

/* Were the kills between the two readings ours? Another limit that kills here is the host's or a
 * parent group's. */
bool cgroup_oom_own(uint32_t version, const struct cgroup_oom *before,
                    const struct cgroup_oom *now);
