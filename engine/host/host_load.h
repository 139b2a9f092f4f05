/* engine/host/host_load.h - are cores, memory and load enough for the configured work? The numbers
 * are parameters, so that every case can be tested.
 *
 * Room     engine/host.
 * Threads  any; no state.
 */
#pragma once

#include <stdint.h>

#include "engine/host/host_diagnostic.h"

/* RUNNER_MAX_PARALLEL against the cores. */
void host_load_parallel(struct host_diagnostic *f, int64_t parallel, int64_t cores);

/* /proc/meminfo against what so many runs and builds may take together. */
void host_load_memory(struct host_diagnostic *f, const char *meminfo, int64_t parallel,
                      int64_t run_bytes, int64_t build_bytes);

/* /proc/loadavg. */
void host_load_busy(struct host_diagnostic *f, const char *loadavg, int64_t cores);

/* Docker's containers, and how long it took to answer. */
void host_load_containers(struct host_diagnostic *f, int64_t running, int64_t stopped,
                          int64_t asked_ms);
