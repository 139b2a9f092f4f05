#include "engine/agent/starve.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
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

/* False when the thread has just gone. */
static bool read_of(pid_t pid, pid_t tid, const char *file, char *text, size_t size)
{
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/%s", (int)pid, (int)tid, file);
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, size - 1) : -1;

    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* Running or waiting to. "tid (name) STATE ...", where the name may hold anything. */
static bool ready(pid_t pid, pid_t tid)
{
    char text[512];
    const char *state = NULL;

    if (read_of(pid, tid, "stat", text, sizeof text))
        state = strrchr(text, ')');
    return state && state[1] == ' ' && state[2] == 'R';
}

/* A new one may have been there since just after the last look. */
static struct starve_thread *entry_of(struct starve *s, pid_t tid)
{
    struct starve_thread *t = s->threads, *end = t + s->len;

    while (t < end && t->tid != tid)
        t++;
    if (t == end) {
        if (s->len == STARVE_THREADS_MAX)
            return NULL;
        s->len++;
        *t = (struct starve_thread){ .tid = tid, .idle_ns = s->looked_ns };
    }
    return t;
}

/* What it waited that the kernel has not booked yet. */
static int64_t pending_of(struct starve *s, pid_t pid, pid_t tid, int64_t now_ns)
{
    char text[96], *at = text;
    struct starve_thread *t = NULL;

    if (read_of(pid, tid, "schedstat", text, sizeof text))
        t = entry_of(s, tid);
    if (!t)
        return 0;
    int64_t ran_ns = (int64_t)strtoull(at, &at, 10), waited_ns = (int64_t)strtoull(at, &at, 10);
    int64_t unbooked_ns = now_ns - ran_ns - waited_ns;

    if (waited_ns < t->waited_ns) { /* the number has a new owner */
        s->gone_ns += t->waited_ns;
        t->idle_ns = s->looked_ns;
    }
    t->waited_ns = waited_ns;
    t->seen = s->looks;
    if (!ready(pid, tid))
        t->idle_ns = unbooked_ns;
    return unbooked_ns > t->idle_ns ? unbooked_ns - t->idle_ns : 0;
}

static int64_t look_at(struct starve *s, pid_t pid, int64_t now_ns)
{
    char path[40];
    int64_t pending = 0;

    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *d = opendir(path);
    if (!d)
        return 0;
    for (const struct dirent *e; (e = readdir(d));)
        if (number(e->d_name) > 0)
            pending += pending_of(s, pid, number(e->d_name), now_ns);
    (void)closedir(d);
    return pending;
}

/* Forgets those that this look has not seen; the sum of all. */
static int64_t add_up(struct starve *s)
{
    int64_t sum = 0;
    int kept = 0;

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

int64_t starve_look(struct starve *s, pid_t init, int64_t now_ns)
{
    int64_t pending = 0;
    DIR *d = opendir("/proc");

    if (!d)
        return s->gone_ns;
    s->looks++;
    for (const struct dirent *e; (e = readdir(d));) {
        pid_t pid = number(e->d_name);
        if (pid > 1 && pid != init)
            pending += look_at(s, pid, now_ns);
    }
    (void)closedir(d);
    s->looked_ns = now_ns;
    return add_up(s) + pending;
}
