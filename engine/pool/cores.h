/* engine/pool/cores.h - a core of its own for each run.
 *
 *     core = cores_take(c) ... the run, with this core ... cores_give(c, core, &how)
 *
 * The agent sets the affinity of a program before it starts, so no run moves between cores or
 * shares its core with another run. That holds only while at most as many runs go on as there are
 * cores, so with more workers none is given. A core that something else uses too is worse than
 * none, for the kernel would have moved the run: when a run had to wait there, its core is not
 * given for a while.
 *
 * Room     engine/pool.
 * Owns     which cores are taken.
 * Threads  any; no lock.
 * Errors   none but at the start: without a core a run goes where the kernel puts it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"

struct cores;
struct err;

/* The cores that this process may use. parallel: RUNNER_MAX_PARALLEL. ERR_NOMEM. */
NODISCARD int cores_open(int64_t parallel, struct cores **ret_cores, struct err *e);
struct cores *cores_free(struct cores *c);
DEFINE_CLEANUP(struct cores, cores_free)

/* How many this process may use; at least 1. */
int64_t cores_count(const struct cores *c);

/* A free core, as its number plus 1; 0: none. c may be NULL: none. */
uint32_t cores_take(struct cores *c);

struct cores_use { /* nanoseconds of the run that had it */
    int64_t wall_ns, cpu_ns;
    int64_t waited_ns; /* for a core; 0 in runs too short to be sampled */
};
/* Gives it back; 0 is ignored. use: all 0 when the run failed. */
void cores_give(struct cores *c, uint32_t core, const struct cores_use *use);

/* Sorts core numbers so that threads of one physical core are as far apart as can be. dir:
 * "/sys/devices/system/cpu"; where it says nothing, they stay in order. */
void cores_order(int *numbers, size_t len, const char *dir);
