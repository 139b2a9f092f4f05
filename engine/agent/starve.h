/* engine/agent/starve.h - how long a run's threads stood ready without getting a core.
 *
 * The kernel counts it for each thread (second field of schedstat) and forgets it with the thread,
 * so whoever wants the sum looks now and then: what a vanished thread waited after the last look is
 * lost.
 *
 * Owns     a value: zero it for each run.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#define STARVE_THREADS_MAX 1024

struct starve {
    int64_t gone_ns; /* of threads that are no more */
    int len;
    struct starve_thread {
        pid_t tid;
        uint32_t seen; /* in which look */
        int64_t waited_ns;
    } threads[STARVE_THREADS_MAX];
    uint32_t looks;
};

/* Nanoseconds so far, of all threads in /proc but our own and init's. 0 without schedstat. */
int64_t starve_look(struct starve *s, pid_t init);
