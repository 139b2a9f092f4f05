/* server/api/process_stats.h - what this process takes of its host.
 *
 * Room     server/api.
 * Threads  any.
 */
#pragma once

#include <stdint.h>

struct process_stats {
    int64_t rss_bytes, virtual_bytes, cpu_ns, open_fds, max_fds, threads;
    double start_s; /* when it began, seconds since 1970 */
};

/* What cannot be read stays 0. */
void process_stats_read(struct process_stats *ret_use);
