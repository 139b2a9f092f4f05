/* server/api/process.h - what this process takes of its host.
 *
 * Room     server/api.
 * Threads  any.
 */
#pragma once

#include <stdint.h>

struct process_use {
    int64_t rss_bytes, virtual_bytes, cpu_ns, open_fds, max_fds, threads;
    double start_s; /* when it began, seconds since 1970 */
};

/* What cannot be read stays 0. */
void process_look(struct process_use *ret_use);
