/* server/live/stats_types.h - the values of the statistics.
 *
 * Room     server/live. Plain values.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct stats_sample {
    bool seen; /* false: not sampled in this step */
    int32_t queued, running, cells_idle, cells_taken;
};

enum stats_latency { STATS_TOTAL, STATS_QUEUE, STATS_BUILD, STATS_RUN, STATS_LATENCIES };

/* Which latencies stats_write() includes. */
struct stats_filter {
    int language; /* index for stats_language_name(); -1: all */
    int verdict;  /* enum verdict; -1: all */
};
#define STATS_ALL ((struct stats_filter){ -1, -1 })
