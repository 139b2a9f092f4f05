/* server/api/process_stats.h - memory, CPU time, descriptors and threads of this process.
 *
 * Room     server/api.
 * Threads  any.
 */
#pragma once

#include <stdint.h>

struct process_stats {
    int64_t rss_bytes, virtual_bytes, cpu_ns, open_fds, max_fds, threads;
    double start_s; /* start of the process, seconds since 1970 */
};

/* A value that cannot be read is 0. */
void process_stats_read(struct process_stats *ret_stats);
