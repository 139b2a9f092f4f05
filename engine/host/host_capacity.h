/* engine/host/host_capacity.h - what this host can do: submissions a second, with a container for
 * each and with cells that are reused.
 *
 * A life of a container is made by Docker, its shims and the kernel, in processes that are nobody's
 * children. So its CPU time is taken from the idle time of the whole host, and what else runs here
 * counts too: the best measurement since the start is kept, and one from a busy host is marked.
 *
 * Room     engine/host. What is parsed and printed are parameters, so that all can be tested.
 * Owns     the best measurement of this process.
 * Threads  any.
 * Errors   none: what cannot be measured is 0.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/host/host_diagnostic.h"

struct host_capacity {
    int64_t life_ns; /* CPU time of a container's life: created, started, removed; 0: not known */
    int64_t
        run_ns; /* a run in a reused cell, with the check that the cell is clean; 0: not known */
    char program[40]; /* whose runs, as "small python programs" */
    bool busy;        /* other programs ran on this host meanwhile */
};

/* A moment, from /proc/stat. */
struct host_capacity_moment {
    int64_t idle_ns; /* of all cores together, since boot */
    int64_t wall_ns; /* CLOCK_MONOTONIC */
    int64_t running; /* processes that run or wait for a core, this one included */
};
/* False when the text holds no such numbers. hertz: ticks a second of that file. */
bool host_capacity_parse(const char *stat, int64_t hertz, struct host_capacity_moment *ret_moment);
/* All 0 where it cannot be read. */
struct host_capacity_moment host_capacity_now(void);
/* CPU time of the host between two moments, on so many cores; at least 1, 0: not known. */
int64_t host_capacity_cpu(const struct host_capacity_moment *begin,
                          const struct host_capacity_moment *end, int64_t cores);

/* Keeps it if it is better than the one kept, and returns the one that is kept. */
struct host_capacity host_capacity_keep(const struct host_capacity *measured);

/* One line; what a busy host measured is a lower bound. uses: RUNNER_CELL_USES; 1: an example says
 * what a larger one brings. */
void host_capacity_say(struct host_diagnostic *f, const struct host_capacity *c, int64_t cores,
                       int64_t uses);
