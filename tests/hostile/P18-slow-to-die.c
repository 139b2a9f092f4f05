/* P18: makes its own end costly: for the kernel that tears its processes down, and for whoever
 * waits for that. The cell serves the next run, or is gone, in time all the same.
 *
 * run: pressure => OK RE TL
 * run: mappings => OK RE TL ML
 * run: sparse => OK RE TL ML
 * run: threads => OK RE TL ML
 * run: chain => OK RE TL ML
 * run: timers => OK RE TL ML
 * run: descriptors => OK RE TL ML
 * run: stopped => OK RE TL ML
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MIB (1024L * 1024)

/* Each trigger of the kernel's is taken down alone, and waits for all cores. */
static void pressure(void)
{
    static const char *const files[] = { "/proc/pressure/cpu", "/proc/pressure/io",
                                         "/proc/pressure/memory", "/sys/fs/cgroup/cpu.pressure",
                                         "/sys/fs/cgroup/memory.pressure" };
    static const char trigger[] = "some 500000 10000000";

    for (int i = 0; i < 5000; i++) {
        int fd = open(files[i % 5], O_RDWR | O_NONBLOCK);
        if (fd >= 0 && write(fd, trigger, sizeof trigger) < 0)
            (void)close(fd);
    }
}

/* As many areas as there may be, no two of them neighbours that could be joined. */
static void mappings(void)
{
    for (int i = 0; i < 70000; i++) {
        void *p =
            mmap(NULL, 8192, i % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            return;
    }
}

/* Page tables of terabytes. */
static void sparse(void)
{
    for (int i = 0; i < 4000; i++) {
        volatile char *p = mmap(NULL, 1024 * MIB, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED)
            return;
        (void)madvise((void *)p, 1024 * MIB, MADV_NOHUGEPAGE);
        (void)p[512 * MIB]; /* the page of zeros, and the tables to it */
    }
}

static void *spin(void *ignored)
{
    for (;;)
        (void)sched_getaffinity(0, sizeof(cpu_set_t), &(cpu_set_t){ 0 });
    return ignored;
}

static void threads(void)
{
    pthread_t t;

    while (pthread_create(&t, NULL, spin, NULL) == 0)
        ;
    for (;;)
        (void)pause();
}

/* Each the child of the one before, in a session of its own; each waits for the next. */
static void chain(void)
{
    while (fork() == 0) {
        (void)setsid();
        for (int s = 1; s < NSIG; s++)
            (void)signal(s, SIG_IGN);
    }
    for (;;)
        (void)pause();
}

static void timers(void)
{
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
    struct itimerspec soon = { { 0, 100000 }, { 0, 100000 } };
    timer_t t;

    (void)signal(SIGRTMIN, SIG_IGN);
    for (int i = 0; i < 200000 && timer_create(CLOCK_MONOTONIC, &event, &t) == 0; i++)
        if (i < 1000)
            (void)timer_settime(t, 0, &soon, NULL);
}

/* Each watches the one before: closing one wakes the next. */
static void descriptors(void)
{
    struct rlimit most;
    struct epoll_event event = { .events = EPOLLIN };
    int pair[2];

    if (getrlimit(RLIMIT_NOFILE, &most) == 0) {
        most.rlim_cur = most.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &most);
    }
    int watcher = epoll_create1(0);
    for (int i = 0; i < 100000 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0; i++) {
        (void)epoll_ctl(watcher, EPOLL_CTL_ADD, pair[0], &event);
        (void)epoll_ctl(watcher, EPOLL_CTL_ADD, pair[1], &event);
        if (i % 4 == 0)
            watcher = epoll_create1(0);
    }
}

/* Children that stop themselves, and a parent that does. */
static void stopped(void)
{
    for (int i = 0; i < 100 && fork() > 0; i++)
        ;
    (void)raise(SIGSTOP);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*make)(void);
    } kinds[] = { { "pressure", pressure }, { "mappings", mappings },
                  { "sparse", sparse },     { "threads", threads },
                  { "chain", chain },       { "timers", timers },
                  { "stopped", stopped },   { "descriptors", descriptors } };
    char how[16] = "";

    (void)scanf("%15s", how);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(how, kinds[i].name) == 0)
            kinds[i].make();
    return 0;
}
