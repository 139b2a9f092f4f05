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
static pid_t parse_pid(const char *name)
{
    long n = 0;

    for (; *name >= '0' && *name <= '9' && n < INT32_MAX / 10; name++)
        n = n * 10 + (*name - '0');
    return *name == '\0' ? (pid_t)n : 0;
}

/* False when the thread has just ended. */
static bool read_thread_file(const char *task, pid_t tid, const char *file, char *text, size_t size)
{
    char path[256];

    (void)snprintf(path, sizeof path, "%s/%d/%s", task, (int)tid, file);
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, size - 1) : -1;

    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* "tid (name) STATE ...", where the name may hold any bytes. State R: it runs or is ready to. */
static void read_thread_stat(const char *task, pid_t tid, bool *ret_ready, int64_t *ret_io_ticks)
{
    char text[1024];
    const char *at = NULL;

    *ret_ready = false;
    *ret_io_ticks = 0;
    if (read_thread_file(task, tid, "stat", text, sizeof text))
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

/* What the kernel says of a thread. */
struct thread_times {
    bool ready;
    int64_t ran_ns, waited_ns, io_ticks;
};

/* False when the thread has just ended. */
static bool read_thread(const char *task, pid_t tid, struct thread_times *ret)
{
    char text[96], *at = text;

    if (!read_thread_file(task, tid, "schedstat", text, sizeof text))
        return false;
    ret->ran_ns = (int64_t)strtoull(at, &at, 10);
    ret->waited_ns = (int64_t)strtoull(at, &at, 10);
    read_thread_stat(task, tid, &ret->ready, &ret->io_ticks);
    return true;
}

/* A thread that is new starts from 0, for none of a run is older than the run; init is, and starts
 * from what it has. NULL: too many. */
static struct cpu_wait_thread *find_or_add_thread(struct cpu_wait *w, pid_t tid, bool init,
                                                  const struct thread_times *now)
{
    struct cpu_wait_thread *t = w->threads, *end = t + w->len;

    while (t < end && t->tid != tid)
        t++;
    if (t < end && (now->waited_ns < t->waited_ns || now->ran_ns < t->ran_ns ||
                    now->io_ticks < t->io_ticks)) /* another thread has this tid now */
        *t = (struct cpu_wait_thread){ .tid = tid, .read_ns = t->read_ns };
    if (t < end)
        return t;
    if (w->len == CPU_WAIT_THREADS_MAX)
        return NULL;
    w->len++;
    *t = (struct cpu_wait_thread){ .tid = tid, .read_ns = w->sampled_ns };
    if (init) {
        t->ran_ns = now->ran_ns;
        t->waited_ns = now->waited_ns;
        t->io_ticks = now->io_ticks;
    }
    return t;
}

/* Adds to *add what this thread waited since the last sample. */
static void sample_thread(struct cpu_wait *w, const struct cpu_wait_place *p, const char *task,
                          pid_t tid, struct cpu_wait_sums *add)
{
    int64_t read_ns = p->clock();
    struct thread_times now;
    struct cpu_wait_thread *t =
        read_thread(task, tid, &now) ? find_or_add_thread(w, tid, tid == p->init, &now) : NULL;

    if (!t)
        return;
    int64_t passed_ns = p->clock() - t->read_ns;
    if (now.ready && t->ready && now.ran_ns == t->ran_ns && now.waited_ns == t->waited_ns) {
        t->certain_ns += passed_ns;
        add->cpu_ns += passed_ns;
    } else {
        t->certain_ns -= now.waited_ns - t->waited_ns;
        if (t->certain_ns < 0) {
            add->cpu_ns -= t->certain_ns;
            t->certain_ns = 0;
        }
        t->maybe_ns = now.ready ? passed_ns : 0;
    }
    add->io_ns += (now.io_ticks - t->io_ticks) * TICK_NS;
    t->ran_ns = now.ran_ns;
    t->waited_ns = now.waited_ns;
    t->io_ticks = now.io_ticks;
    t->ready = now.ready;
    t->read_ns = read_ns;
    t->sample = w->samples;
}

static void sample_process(struct cpu_wait *w, const struct cpu_wait_place *p, pid_t pid,
                           struct cpu_wait_sums *add)
{
    char path[200];

    (void)snprintf(path, sizeof path, "%s/%d/task", p->proc, (int)pid);
    DIR *d = opendir(path);
    if (!d)
        return;
    for (const struct dirent *entry; (entry = readdir(d));)
        if (parse_pid(entry->d_name) > 0)
            sample_thread(w, p, path, parse_pid(entry->d_name), add);
    (void)closedir(d);
}

/* Removes the threads that this sample has not seen. Returns the largest maybe_ns of the others. */
static int64_t forget_unseen_threads(struct cpu_wait *w)
{
    int64_t maybe_ns = 0;
    int kept = 0;

    for (int i = 0; i < w->len; i++) {
        if (w->threads[i].sample != w->samples)
            continue;
        if (w->threads[i].maybe_ns > maybe_ns)
            maybe_ns = w->threads[i].maybe_ns;
        w->threads[kept++] = w->threads[i];
    }
    w->len = kept;
    return maybe_ns;
}

static void sample_all_threads(struct cpu_wait *w, const struct cpu_wait_place *p,
                               struct cpu_wait_sums *add)
{
    DIR *d = opendir(p->proc);

    if (!d)
        return;
    w->samples++;
    for (const struct dirent *entry; (entry = readdir(d));) {
        pid_t pid = parse_pid(entry->d_name);
        if (pid > 1)
            sample_process(w, p, pid, add);
    }
    (void)closedir(d);
}

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

int cpu_wait_begin(const struct cgroup *group, struct cpu_wait_sums *ret_sums, struct fault *f)
{
    bool counts = cgroup_has(group, CGROUP_CPU_WAIT);

    if (cgroup_read(group, counts ? CGROUP_CPU_WAIT : CGROUP_THROTTLED, &ret_sums->cpu_ns, f) < 0)
        return -1;
    return cgroup_read(group, CGROUP_IO_WAIT, &ret_sums->io_ns, f);
}

int cpu_wait_sample(struct cpu_wait *w, const struct cpu_wait_place *p, struct fault *f)
{
    int64_t began_ns = p->clock(), maybe_ns = 0;
    struct cpu_wait_sums now, add = { 0 }, threads = { 0 };

    if (began_ns <= w->sampled_ns)
        return 0;
    if (cpu_wait_begin(p->group, &now, f) < 0)
        return -1;
    add.cpu_ns = now.cpu_ns - w->seen.cpu_ns;
    add.io_ns = now.io_ns - w->seen.io_ns;
    if (!cgroup_has(p->group, CGROUP_CPU_WAIT) || !cgroup_has(p->group, CGROUP_IO_WAIT)) {
        sample_all_threads(w, p, &threads);
        maybe_ns = forget_unseen_threads(w);
    }
    if (cgroup_has(p->group, CGROUP_CPU_WAIT))
        maybe_ns = 0;
    else
        add.cpu_ns += threads.cpu_ns;
    if (!cgroup_has(p->group, CGROUP_IO_WAIT))
        add.io_ns += threads.io_ns;

    /* A wait that was uncertain at the last sample may be added only now. */
    int64_t room_ns = p->clock() - w->sampled_ns + w->maybe_ns;
    int64_t cpu_ns = smaller(add.cpu_ns, room_ns);
    int64_t io_ns = smaller(smaller(add.io_ns, room_ns - cpu_ns), CPU_WAIT_IO_MAX_NS - w->io_ns);
    w->waited_ns += cpu_ns + io_ns;
    w->io_ns += io_ns;
    w->maybe_ns = smaller(maybe_ns, room_ns - cpu_ns - io_ns);
    w->seen = now;
    w->sampled_ns = began_ns;
    return 0;
}

int64_t cpu_wait_read(const struct cpu_wait *w) { return w->waited_ns + w->maybe_ns; }
