/* engine/agent/starve.h - how long a run's threads stood ready without getting a core.
 *
 * The kernel counts it for each thread (second field of schedstat), but books a wait only when it
 * is over, and forgets it with the thread. So whoever wants the sum looks now and then: of a thread
 * that is ready, all time since it was last seen asleep is running or waiting, booked or not. What
 * a vanished thread waited after the last look is lost.
 *
 * Owns     a value: zero it for each run.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#define STARVE_THREADS_MAX 1024

struct starve {
    int64_t looked_ns; /* when we looked last; the start of the run before the first look */
    int64_t gone_ns;   /* of threads that are no more */
    int len;
    struct starve_thread {
        pid_t tid;
        uint32_t seen; /* in which look */
        int64_t waited_ns;
        int64_t idle_ns; /* clock less everything booked, when it was last seen asleep */
    } threads[STARVE_THREADS_MAX];
    uint32_t looks;
};

/* Nanoseconds so far, of all threads in /proc but our own and init's; now is CLOCK_MONOTONIC. 0
 * without schedstat. */
int64_t starve_look(struct starve *s, pid_t init, int64_t now_ns);
