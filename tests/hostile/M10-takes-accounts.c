/* M10: what the kernel counts for each user, and for the cells of one host on the account of its
 * root: all that it can get, kept for a moment, so that whoever looks at the host can see it.
 *
 * run: signals => OK RE TL ML
 * run: timers => OK RE TL ML
 * run: inotify => OK RE TL ML
 * run: watches => OK RE TL ML
 * run: keys => OK RE TL ML
 * run: ptys => OK RE TL ML
 * run: queues => OK RE TL ML
 * run: epoll => OK RE TL ML
 * run: locks => OK RE TL ML
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MANY 200000

static void signals(void)
{
    sigset_t all;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, NULL);
    for (int i = 0; i < MANY && sigqueue(getpid(), SIGRTMIN, (union sigval){ i }) == 0; i++)
        ;
}

static void timers(void)
{
    struct sigevent event = { .sigev_notify = SIGEV_NONE };
    timer_t t;

    for (int i = 0; i < MANY && timer_create(CLOCK_MONOTONIC, &event, &t) == 0; i++)
        ;
}

static void inotify(void)
{
    while (inotify_init1(IN_NONBLOCK) >= 0)
        ;
}

static void watches(void)
{
    char path[32];
    int fd = inotify_init1(IN_NONBLOCK);

    for (int i = 0; i < MANY; i++) {
        (void)snprintf(path, sizeof path, "/tmp/%d", i);
        if (fd < 0 || mkdir(path, 0700) < 0 || inotify_add_watch(fd, path, IN_ALL_EVENTS) < 0)
            return;
    }
}

static void keys(void)
{
    char name[32];

    for (int i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof name, "k%d", i);
        if (syscall(SYS_add_key, "user", name, "payload", 7, -2 /* of the process */) < 0)
            return;
    }
}

static void ptys(void)
{
    while (open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK) >= 0)
        ;
}

static void queues(void)
{
    char name[32];

    for (int i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof name, "/q%d", i);
        if (mq_open(name, O_CREAT | O_RDWR, 0600, NULL) < 0)
            return;
    }
}

static void epoll(void)
{
    struct epoll_event event = { .events = EPOLLIN };
    int ends[2];

    if (pipe(ends) < 0)
        return;
    for (int watcher; (watcher = epoll_create1(0)) >= 0;)
        for (int fd = 0; fd < 4096; fd++)
            (void)epoll_ctl(watcher, EPOLL_CTL_ADD, fd, &event);
}

static void locks(void)
{
    for (long size = 1L << 40; size >= 4096; size /= 2) {
        void *p = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p != MAP_FAILED)
            (void)mlock(p, (size_t)size);
    }
}

int main(void)
{
    static const struct {
        const char *name;
        void (*take)(void);
    } kinds[] = { { "signals", signals }, { "timers", timers }, { "inotify", inotify },
                  { "watches", watches }, { "keys", keys },     { "ptys", ptys },
                  { "queues", queues },   { "epoll", epoll },   { "locks", locks } };
    struct rlimit most;
    char how[16] = "";

    (void)scanf("%15s", how);
    for (int resource = 0; resource < RLIMIT_NLIMITS; resource++)
        if (getrlimit(resource, &most) == 0) {
            most.rlim_cur = most.rlim_max;
            (void)setrlimit(resource, &most);
        }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(how, kinds[i].name) == 0)
            kinds[i].take();
    (void)usleep(300 * 1000);
    return 0;
}
