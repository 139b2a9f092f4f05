#include "engine/agent/cpu_wait.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define STAT_STATE    3  /* fields of /proc/PID/stat as proc(5) numbers them */
#define STAT_IO_TICKS 42 /* waits for block devices, in hundredths of a second */
#define TICK_NS       (10 * NS_PER_MS)

/* 0 when name is no number. */
static pid_t number(const char *name)
{
    long n = 0;

    for (; *name >= '0' && *name <= '9' && n < INT32_MAX / 10; name++)
        n = n * 10 + (*name - '0');
    return *name == '\0' ? (pid_t)n : 0;
}

/* False when the thread has just gone. */
static bool read_of(const char *task, pid_t tid, const char *file, char *text, size_t size)
{
    char path[256];

    (void)snprintf(path, sizeof path, "%s/%d/%s", task, (int)tid, file);
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, size - 1) : -1;

    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* "tid (name) STATE ...", where the name may hold anything. Running or waiting to is R. */
static void read_stat(const char *task, pid_t tid, bool *ret_ready, int64_t *ret_io_ticks)
{
    char text[1024];
    const char *at = NULL;

    *ret_ready = false;
    *ret_io_ticks = 0;
    if (read_of(task, tid, "stat", text, sizeof text))
        at = strrchr(text, ')');
    if (!at || at[1] != ' ')
        return;
    at += 2;
    *ret_ready = *at == 'R';
    for (int field = STAT_STATE; field < STAT_IO_TICKS && at; field++)
        if ((at = strchr(at, ' ')))
            at++;
    if (at)
        *ret_io_ticks = (int64_t)strtoull(at, NULL, 10);
}

/* A new one has booked nothing before this run. */
static struct cpu_wait_thread *entry_of(struct cpu_wait *s, pid_t tid)
{
    struct cpu_wait_thread *t = s->threads, *end = t + s->len;

    while (t < end && t->tid != tid)
        t++;
    if (t == end) {
        if (s->len == CPU_WAIT_THREADS_MAX)
            return NULL;
        s->len++;
        *t = (struct cpu_wait_thread){ .tid = tid };
    }
    return t;
}

/* Adds to *add what this thread waited since the last look. */
static void look_at_thread(struct cpu_wait *s, const char *task, pid_t tid, int64_t passed_ns,
                           struct cpu_wait_sums *add)
{
    char text[96], *at = text;
    struct cpu_wait_thread *t = NULL;
    bool ready;
    int64_t io_ticks;

    if (read_of(task, tid, "schedstat", text, sizeof text))
        t = entry_of(s, tid);
    if (!t)
        return;
    int64_t ran_ns = (int64_t)strtoull(at, &at, 10), waited_ns = (int64_t)strtoull(at, &at, 10);
    read_stat(task, tid, &ready, &io_ticks);
    if (waited_ns < t->waited_ns || ran_ns < t->ran_ns || io_ticks < t->io_ticks)
        *t = (struct cpu_wait_thread){ .tid = tid }; /* the number has a new owner */

    if (ready && t->ready && ran_ns == t->ran_ns && waited_ns == t->waited_ns) {
        t->proven_ns += passed_ns;
        add->cpu_ns += passed_ns;
    } else {
        int64_t booked_ns = waited_ns - t->waited_ns;
        add->cpu_ns += booked_ns > t->proven_ns ? booked_ns - t->proven_ns : 0;
        t->proven_ns = 0;
        t->maybe_ns = ready ? passed_ns : 0;
    }
    add->io_ns += (io_ticks - t->io_ticks) * TICK_NS;
    t->ran_ns = ran_ns;
    t->waited_ns = waited_ns;
    t->io_ticks = io_ticks;
    t->ready = ready;
    t->look = s->looks;
}

static void look_at_process(struct cpu_wait *s, const char *proc, pid_t pid, int64_t passed_ns,
                            struct cpu_wait_sums *add)
{
    char path[200];

    (void)snprintf(path, sizeof path, "%s/%d/task", proc, (int)pid);
    DIR *d = opendir(path);
    if (!d)
        return;
    for (const struct dirent *e; (e = readdir(d));)
        if (number(e->d_name) > 0)
            look_at_thread(s, path, number(e->d_name), passed_ns, add);
    (void)closedir(d);
}

/* Forgets those that this look has not seen; of the others, the longest that may have to be added.
 */
static int64_t keep_seen(struct cpu_wait *s)
{
    int64_t maybe_ns = 0;
    int kept = 0;

    for (int i = 0; i < s->len; i++) {
        if (s->threads[i].look != s->looks)
            continue;
        if (s->threads[i].maybe_ns > maybe_ns)
            maybe_ns = s->threads[i].maybe_ns;
        s->threads[kept++] = s->threads[i];
    }
    s->len = kept;
    return maybe_ns;
}

static void look_at_all(struct cpu_wait *s, const struct cpu_wait_place *p, int64_t passed_ns,
                        struct cpu_wait_sums *add)
{
    DIR *d = opendir(p->proc);

    if (!d)
        return;
    s->looks++;
    for (const struct dirent *e; (e = readdir(d));) {
        pid_t pid = number(e->d_name);
        if (pid > 1 && pid != p->init)
            look_at_process(s, p->proc, pid, passed_ns, add);
    }
    (void)closedir(d);
}

static int64_t less(int64_t a, int64_t b) { return a < b ? a : b; }

int cpu_wait_begin(const struct cgroup *group, struct cpu_wait_sums *ret_sums, struct fault *f)
{
    bool counts = cgroup_has(group, CGROUP_CPU_WAIT);

    if (cgroup_read(group, counts ? CGROUP_CPU_WAIT : CGROUP_THROTTLED, &ret_sums->cpu_ns, f) < 0)
        return -1;
    return cgroup_read(group, CGROUP_IO_WAIT, &ret_sums->io_ns, f);
}

int cpu_wait_sample(struct cpu_wait *s, const struct cpu_wait_place *p, int64_t now_ns,
                    struct fault *f)
{
    int64_t passed_ns = now_ns - s->looked_ns, maybe_ns = 0;
    struct cpu_wait_sums now, add = { 0 }, threads = { 0 };

    if (passed_ns <= 0)
        return 0;
    if (cpu_wait_begin(p->group, &now, f) < 0)
        return -1;
    add.cpu_ns = now.cpu_ns - s->seen.cpu_ns;
    add.io_ns = now.io_ns - s->seen.io_ns;
    if (!cgroup_has(p->group, CGROUP_CPU_WAIT) || !cgroup_has(p->group, CGROUP_IO_WAIT)) {
        look_at_all(s, p, passed_ns, &threads);
        maybe_ns = keep_seen(s);
    }
    if (cgroup_has(p->group, CGROUP_CPU_WAIT))
        maybe_ns = 0;
    else
        add.cpu_ns += threads.cpu_ns;
    if (!cgroup_has(p->group, CGROUP_IO_WAIT))
        add.io_ns += threads.io_ns;

    /* What may have been waited before the last look may be booked only now. */
    int64_t room_ns = passed_ns + s->maybe_ns;
    int64_t cpu_ns = less(add.cpu_ns, room_ns);
    int64_t io_ns = less(less(add.io_ns, room_ns - cpu_ns), CPU_WAIT_IO_MAX_NS - s->io_ns);
    s->waited_ns += cpu_ns + io_ns;
    s->io_ns += io_ns;
    s->maybe_ns = less(maybe_ns, room_ns - cpu_ns - io_ns);
    s->seen = now;
    s->looked_ns = now_ns;
    return 0;
}

int64_t cpu_wait_read(const struct cpu_wait *s) { return s->waited_ns + s->maybe_ns; }
