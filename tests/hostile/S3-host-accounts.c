/* S3: what the kernel counts for the host's root, for all cells together: a program may take none
 * of it, or little.
 *
 * run: inotify => OK : none
 * run: fanotify => OK : none
 * run: signals => OK : few
 * run: timers => OK : few
 * run: queues => OK : none
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MANY 4096

static int queue_signals(void)
{
    union sigval value = { 0 };
    sigset_t all;
    int n = 0;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, NULL);
    while (n < MANY && sigqueue(getpid(), SIGRTMIN, value) == 0)
        n++;
    return n;
}

static int make_timers(void)
{
    int n = 0, id;

    while (n < MANY && syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id) == 0)
        n++;
    return n;
}

static int make_instances(void)
{
    int n = 0;

    while (n < MANY && (inotify_init1(0) >= 0 || syscall(SYS_inotify_init1, 0) >= 0))
        n++;
    return n;
}

int main(void)
{
    char how[16] = "";
    int n = 0;

    (void)scanf("%15s", how);
    if (strcmp(how, "inotify") == 0)
        n = make_instances();
    else if (strcmp(how, "fanotify") == 0)
        n = syscall(SYS_fanotify_init, 0x200, 0) >= 0;
    else if (strcmp(how, "signals") == 0)
        n = queue_signals();
    else if (strcmp(how, "timers") == 0)
        n = make_timers();
    else if (strcmp(how, "queues") == 0)
        n = syscall(SYS_mq_open, "q", O_RDWR | O_CREAT, 0600, NULL) >= 0;
    if (n > 1024)
        (void)printf("allowed: %d\n", n);
    else
        (void)puts(n == 0 ? "none" : "few");
    return 0;
}
