/* P14: gives itself more than it was given.
 *
 * run: => TL : tried
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static void raise_one(int which, const char *name)
{
    struct rlimit r;

    if (getrlimit(which, &r) < 0 || r.rlim_max == RLIM_INFINITY)
        return;
    r.rlim_max *= 2;
    r.rlim_max += 2;
    r.rlim_cur = r.rlim_max;
    if (setrlimit(which, &r) == 0)
        (void)printf("allowed: setrlimit %s\n", name);
    if (prlimit(1, which, &r, NULL) == 0)
        (void)printf("allowed: prlimit of process 1, %s\n", name);
}

int main(void)
{
    struct sched_param first = { .sched_priority = 1 };

    raise_one(RLIMIT_CPU, "cpu");
    raise_one(RLIMIT_FSIZE, "fsize");
    raise_one(RLIMIT_NOFILE, "nofile");
    raise_one(RLIMIT_STACK, "stack");
    raise_one(RLIMIT_CORE, "core");
    raise_one(RLIMIT_MSGQUEUE, "msgqueue");
    raise_one(RLIMIT_MEMLOCK, "memlock");
    if (sched_setscheduler(0, SCHED_FIFO, &first) == 0)
        (void)puts("allowed: SCHED_FIFO");
    if (setpriority(PRIO_PROCESS, 0, -20) == 0)
        (void)puts("allowed: nice -20");
    (void)signal(SIGXCPU, SIG_IGN);
    (void)puts("tried");
    (void)fflush(stdout);
    for (;;)
        ;
}
