/* engine/agent/cpu_wait.h - how long a run could not go on because it got no core or no disk.
 *
 * Version 2 of cgroups counts it: the time in which everything that was ready waited (cpu.pressure,
 * io.pressure). Elsewhere the kernel counts waits for a core for each thread (second field of
 * schedstat), and waits for a disk where kernel.task_delayacct is on. It adds a wait only when that
 * is over, and the counters vanish with the thread. So samples are taken: a thread that is ready in
 * two samples and has not run in between has waited all that time. One that is ready in a single
 * sample may be about to run or may have waited since the sample before; until the next sample it
 * counts as waiting. What a thread that has ended waited after its last sample is lost.
 *
 * Threads wait side by side, so between two samples no more is added than the time that passed. To
 * read takes a while, and on a busy machine a long one: what counts as passed is the time from
 * before the one sample until after the next. Otherwise what is waited meanwhile would be lost.
 *
 * Owns     nothing: a value; for each run zero it, give it threads, set sampled_ns to its start.
 * Errors   0, or -1 with *f filled.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "engine/agent/cgroup.h"
#include "schema/base/base.h"

struct fault;

#define CPU_WAIT_THREADS_MAX 512

/* A program can make itself wait for a disk, so no more than this counts. */
#define CPU_WAIT_IO_MAX_NS (10 * NS_PER_S)

/* The kernel's sums for everything that ran in the cell. */
struct cpu_wait_sums {
    int64_t cpu_ns, io_ns;
};

struct cpu_wait_thread {
    pid_t tid;
    uint32_t sample; /* number of the last one that has seen it */
    bool ready;      /* at that sample */
    int64_t read_ns; /* when it was looked at; at first when the sample before began */
    int64_t ran_ns, waited_ns, io_ticks;
    int64_t certain_ns; /* added before the kernel did */
    int64_t maybe_ns;   /* of a wait that the kernel has not added yet */
};

struct cpu_wait {
    int64_t sampled_ns; /* when the last sample began; at first the start of the run */
    int64_t waited_ns;  /* in all, certain */
    int64_t maybe_ns;   /* more, if threads that are ready now have waited since the last sample */
    int64_t io_ns;      /* the part of waited_ns that was for a disk */
    struct cpu_wait_sums seen;       /* at the last sample; at first the idle cell's */
    struct cpu_wait_thread *threads; /* borrowed: room for CPU_WAIT_THREADS_MAX */
    int len;
    uint32_t samples;
};

struct cpu_wait_place {
    const char *proc; /* "/proc" */
    pid_t init;       /* counts too, from the first sample on: the end of the run waits for it */
    const struct cgroup *group;
    int64_t (*clock)(void); /* CLOCK_MONOTONIC */
};

/* The cgroup's own sums, read while the cell is idle. */
NODISCARD int cpu_wait_begin(const struct cgroup *group, struct cpu_wait_sums *ret_sums,
                             struct fault *f);

/* Takes a sample. */
NODISCARD int cpu_wait_sample(struct cpu_wait *w, const struct cpu_wait_place *p, struct fault *f);

/* Nanoseconds waited so far. */
int64_t cpu_wait_read(const struct cpu_wait *w);
