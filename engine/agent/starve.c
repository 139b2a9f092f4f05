#include "engine/agent/starve.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "schema/base.h"

/* 0 when name is no number. */
static pid_t number(const char *name)
{
    long n = 0;

    for (; *name >= '0' && *name <= '9' && n < INT32_MAX / 10; name++)
        n = n * 10 + (*name - '0');
    return *name == '\0' ? (pid_t)n : 0;
}

/* "ran waited slices", in nanoseconds. -1 when the thread has just gone. */
static int64_t waited_of(pid_t pid, pid_t tid)
{
    char path[64], text[96], *second;

    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", (int)pid, (int)tid);
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;

    if (n <= 0)
        return -1;
    text[n] = '\0';
    second = strchr(text, ' ');
    return second ? (int64_t)strtoull(second, NULL, 10) : -1;
}

static void note(struct starve *s, pid_t tid, int64_t waited_ns)
{
    struct starve_thread *t = s->threads;
    const struct starve_thread *end = t + s->len;

    while (t < end && t->tid != tid)
        t++;
    if (t == end) {
        if (s->len == STARVE_THREADS_MAX)
            return;
        s->len++;
        *t = (struct starve_thread){ .tid = tid };
    }
    if (waited_ns < t->waited_ns) /* the number has a new owner */
        s->gone_ns += t->waited_ns;
    t->waited_ns = waited_ns;
    t->seen = s->looks;
}

static void look_at(struct starve *s, pid_t pid)
{
    char path[40];

    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *d = opendir(path);
    if (!d)
        return;
    for (const struct dirent *e; (e = readdir(d));) {
        pid_t tid = number(e->d_name);
        int64_t waited_ns = tid > 0 ? waited_of(pid, tid) : -1;
        if (waited_ns >= 0)
            note(s, tid, waited_ns);
    }
    (void)closedir(d);
}

int64_t starve_look(struct starve *s, pid_t init)
{
    int64_t sum = 0;
    int kept = 0;
    DIR *d = opendir("/proc");

    if (!d)
        return s->gone_ns;
    s->looks++;
    for (const struct dirent *e; (e = readdir(d));) {
        pid_t pid = number(e->d_name);
        if (pid > 1 && pid != init)
            look_at(s, pid);
    }
    (void)closedir(d);

    for (int i = 0; i < s->len; i++) {
        if (s->threads[i].seen != s->looks) {
            s->gone_ns += s->threads[i].waited_ns;
            continue;
        }
        sum += s->threads[i].waited_ns;
        s->threads[kept++] = s->threads[i];
    }
    s->len = kept;
    return s->gone_ns + sum;
}
