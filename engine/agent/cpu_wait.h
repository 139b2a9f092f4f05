/* engine/agent/cpu_wait.h - how long a run could not go on for want of a core or a disk.
 *
 * Version 2 of cgroups counts it: the time in which everything that was ready waited (cpu.pressure,
 * io.pressure). Elsewhere the kernel counts waits for a core for each thread (second field of
 * schedstat), and waits for a disk where kernel.task_delayacct is on. It books a wait only when it
 * is over, and forgets it with the thread. So whoever wants the sum looks now and then: a thread
 * that is ready at two looks and has not run in between has waited all that time. One that is ready
 * at a single look may be about to run or may have waited since the look before: for the while, it
 * has. What a vanished thread waited after the last look is lost.
 *
 * Threads wait side by side, so between two looks no more is added than the time that passed.
 *
 * Owns     a value: zero it for each run and set looked_ns to its start.
 * Errors   0, or -1 with the fault filled.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "engine/agent/cgroup.h"
#include "schema/base/base.h"

struct fault;

#define CPU_WAIT_THREADS_MAX 512

/* A program can wait for a disk as long as it likes, so only this much is forgiven. */
#define CPU_WAIT_IO_MAX_NS (10 * NS_PER_S)

/* The kernel's sums, of everything that ran in the cell. */
struct cpu_wait_sums {
    int64_t cpu_ns, io_ns;
};

struct cpu_wait {
    int64_t looked_ns; /* when we looked last; the start of the run before the first look */
    int64_t waited_ns; /* in all, for certain */
    int64_t maybe_ns;  /* more, if those that are ready just now have waited since the last look */
    int64_t io_ns;     /* of waited_ns, for a disk */
    struct cpu_wait_sums seen; /* at the last look; at first the idle cell's */
    int len;
    struct cpu_wait_thread {
        pid_t tid;
        uint32_t look; /* in which it was seen last */
        bool ready;    /* then */
        int64_t ran_ns, waited_ns, io_ticks;
        int64_t proven_ns, maybe_ns; /* of a wait that is not booked yet */
    } threads[CPU_WAIT_THREADS_MAX];
    uint32_t looks;
};

struct cpu_wait_place {
    const char *proc; /* "/proc" */
    pid_t init;       /* neither this one nor process 1 counts */
    const struct cgroup *group;
};

/* What the cgroup itself counts, for an idle cell. */
NODISCARD int cpu_wait_begin(const struct cgroup *group, struct cpu_wait_sums *ret_sums,
                             struct fault *f);

/* Looks; now is CLOCK_MONOTONIC. */
NODISCARD int cpu_wait_sample(struct cpu_wait *s, const struct cpu_wait_place *p, int64_t now_ns,
                              struct fault *f);

/* Nanoseconds so far. */
int64_t cpu_wait_read(const struct cpu_wait *s);
