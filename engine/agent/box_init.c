#include "engine/agent/box_init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "engine/agent/box_message.h"
#include "engine/agent/box_plan.h"
#include "engine/agent/box_program.h"
#include "engine/agent/cgroup.h"
#include "engine/agent/collect.h"
#include "engine/agent/fault.h"
#include "engine/agent/memfd.h"
#include "engine/agent/process.h"
#include "engine/agent/seccomp_filter.h"
#include "engine/agent/view.h"
#include "engine/agent/wire.h"

#ifndef PR_CAP_AMBIENT
#define PR_CAP_AMBIENT           47
#define PR_CAP_AMBIENT_CLEAR_ALL 4
#endif

/* The agent's descriptors are few and the lowest free ones; all are close-on-exec besides. */
#define AGENT_OPEN_MAX 128

#define REAPS_IN_A_ROW 64

static void on_child(int signal_number) { (void)signal_number; }

/* The handler only lets ppoll() return; SIGCHLD comes nowhere else. */
static int watch_children(struct fault *f)
{
    struct sigaction act = { .sa_handler = on_child };
    sigset_t child;

    (void)sigemptyset(&child);
    (void)sigaddset(&child, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &child, NULL) < 0 || sigaction(SIGCHLD, &act, NULL) < 0)
        return fault_errno(f, "SIGCHLD");
    return 0;
}

static void close_between(int first, int last)
{
    if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
        return;
    for (int fd = first; fd <= last; fd++) /* a kernel before 5.9 */
        (void)close(fd);
}

/* What the agent has open is none of the box's business. */
static void keep_only(const struct box_init_plan *p)
{
    int first = 3;

    for (int fd = first; fd < AGENT_OPEN_MAX; fd++) {
        bool keep = fd == p->control || fd == p->start || fd == p->box->view;

        for (int i = 0; i < CGROUP_COUNTERS; i++)
            keep = keep || fd == p->box->group->fd[i];
        if (!keep)
            continue;
        close_between(first, fd - 1);
        first = fd + 1;
    }
    close_between(first, AGENT_OPEN_MAX - 1);
}

static int become_root_of_box(const struct box_init_plan *p, struct fault *f)
{
    struct box_command order;
    size_t none;

    if (wire_receive(p->control, &order, sizeof order, NULL, &none, 0) <= 0)
        return fault_set(f, "no maps came");
    /* Straight to the kernel: libc would first look for other threads. */
    if (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, 0, 0, 0) < 0 ||
        syscall(SYS_setresuid, 0, 0, 0) < 0)
        return fault_errno(f, "become root of the box");
    return 0;
}

static int mount_tmpfs(const char *dir, unsigned long flags, uint64_t bytes, uint64_t inodes,
                       struct fault *f)
{
    char options[96];

    (void)snprintf(options, sizeof options, "mode=1777,size=%llu,nr_inodes=%llu",
                   (unsigned long long)bytes, (unsigned long long)inodes);
    if (mount("box", dir, "tmpfs", flags | MS_NOSUID | MS_NODEV, options) < 0)
        return fault_errno(f, "mount a tmpfs on %s", dir);
    return 0;
}

/* The cell's counters are in it, and they are of all its runs. */
#define HIDDEN "/sys/fs"

/* Everything in the container that the program could write to lies under a tmpfs of the box. */
static int mount_places(const struct box_plan *plan, struct fault *f)
{
    const uint64_t bytes = plan->tmpfs_bytes, inodes = plan->tmpfs_inodes;
    struct statvfs shm;

    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return fault_errno(f, "make mounts private");
    if (mount_tmpfs("/tmp", 0, bytes, inodes, f) < 0)
        return -1;
    if (statvfs("/dev/shm", &shm) == 0 && /* as large as Docker made it */
        mount_tmpfs("/dev/shm", MS_NOEXEC, shm.f_frsize * shm.f_blocks, inodes, f) < 0)
        return -1;
    if (mount_tmpfs(HIDDEN, MS_NOEXEC | MS_RDONLY, 4096, 1, f) < 0)
        return -1;
    if (strcmp(plan->workdir, "/tmp") == 0)
        return 0;
    if (strncmp(plan->workdir, "/tmp/", 5) == 0 && mkdir(plan->workdir, 0755) < 0)
        return fault_errno(f, "mkdir %s", plan->workdir);
    return mount_tmpfs(plan->workdir, 0, bytes, inodes, f);
}

/* Its last use; the program must not have it. */
static int limit_view(int view, struct fault *f)
{
    if (view < 0)
        return 0;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || view_restrict(view) < 0)
        return fault_errno(f, "limit what of /sys is seen");
    (void)close(view);
    return 0;
}

static int drop_for_good(struct fault *f)
{
    int cap = 0;

    while (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
        cap++;
    if (errno != EINVAL || prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0) /* not behind the last */
        return fault_errno(f, "drop capability %d from the bounding set", cap);
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
        return fault_errno(f, "clear ambient capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return fault_errno(f, "no new privileges");
    if (seccomp_filter_install() < 0)
        return fault_errno(f, "seccomp filter");
    return 0;
}

static int start_program(const struct box_init_plan *p, int oom, pid_t *ret_main, struct fault *f)
{
    const struct box_program_plan program = {
        .start = p->start, .uid = p->program, .group = p->box->group, .init_oom = oom
    };
    pid_t pid = process_fork(0);

    if (pid == 0) {
        (void)close(p->control);
        box_program_run(&program);
    }
    if (pid < 0)
        return fault_errno(f, "fork the program");
    (void)close(p->start);
    *ret_main = pid;
    return 0;
}

static int set_up(const struct box_init_plan *p, pid_t *ret_main, struct fault *f)
{
    bool apart = p->box->maker == AGENT_BOX_NAMESPACES;

    keep_only(p);
    /* Opened before our uid changes: the file belongs to the container's root. */
    CLEANUP(closep) int oom = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (oom < 0)
        return fault_errno(f, "oom_score_adj");
    if (watch_children(f) < 0)
        return -1;
    if (apart && (become_root_of_box(p, f) < 0 || mount_places(p->box, f) < 0))
        return -1;
    if (!apart && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
        return fault_errno(f, "become a subreaper");
    if (!apart && limit_view(p->box->view, f) < 0)
        return -1;
    if (chdir(p->box->workdir) < 0)
        return fault_errno(f, "enter %s", p->box->workdir);
    (void)umask(022);
    if (drop_for_good(f) < 0)
        return -1;
    return start_program(p, oom, ret_main, f);
}

struct watched {
    pid_t main;
    bool ended;
    struct box_event note;
};

/* Reaps one. Its pid, 0 when none is ready, -1 when none is left. */
static pid_t reap(struct watched *w, int flags)
{
    struct rusage usage;
    int status;
    pid_t pid;

    do {
        pid = wait4(-1, &status, flags, &usage);
    } while (pid < 0 && errno == EINTR);
    if (pid <= 0)
        return pid;
    uint64_t rss = (uint64_t)usage.ru_maxrss * KIB;
    if (rss > w->note.max_rss)
        w->note.max_rss = rss;
    if (pid == w->main) {
        w->ended = true;
        w->note.status = status;
        w->note.mono_ns = process_clock(CLOCK_MONOTONIC);
    }
    return pid;
}

/* Until the main process has ended or the agent says stop; that must be heard also where orphans
 * come faster than they can be reaped. */
static void await_end(struct watched *w, int control)
{
    const struct timespec at_once = { 0 };
    struct pollfd order = { .fd = control, .events = POLLIN };
    struct box_command ignored;
    sigset_t none;

    (void)sigemptyset(&none);
    for (unsigned n = 1;; n++) {
        bool idle = reap(w, WNOHANG) <= 0;

        if (w->ended)
            return;
        if (!idle && n % REAPS_IN_A_ROW != 0)
            continue;
        if (ppoll(&order, 1, idle ? NULL : &at_once, &none) <= 0)
            continue;
        (void)recv(control, &ignored, sizeof ignored, 0); /* STOP, or the agent has gone */
        w->note.stopped = 1;
        return;
    }
}

/* All others of the box descend from us, and orphans come to us: without a child we are alone. -1
 * spares us, and the agent: process 1 of the container. */
static void kill_all(struct watched *w)
{
    for (;;) {
        pid_t pid = reap(w, WNOHANG);

        if (pid < 0)
            return;
        if (pid > 0)
            continue;
        (void)kill(-1, SIGKILL);
        (void)reap(w, 0);
    }
}

/* Nothing lives here any more, so for the rest of our life we may be the program's user and see its
 * files as it did. The artefact is not its user's: another one that is given the same number must
 * not own it. */
static int collect(const struct box_init_plan *p, const struct box_command *order,
                   enum agent_collected *ret_what, int *ret_fd, struct fault *f)
{
    CLEANUP(closep) int out = memfd_new("artefact", MEMFD_PROGRAM);
    const struct collect_query q = { .kind = (enum agent_collect)order->collect,
                                     .name = order->name,
                                     .max = order->max,
                                     .out = out };

    if (out < 0)
        return fault_errno(f, "memfd");
    if (syscall(SYS_setresgid, p->program, p->program, p->program) < 0 ||
        syscall(SYS_setresuid, p->program, p->program, p->program) < 0)
        return fault_errno(f, "become the program's user");
    return collect_artefact(&q, ret_what, ret_fd, f);
}

static void answer_collect(const struct box_init_plan *p, const struct box_command *order)
{
    struct box_event note = { .says = BOX_COLLECTED };
    enum agent_collected what = AGENT_COLLECTED_NOTHING;
    struct fault f;
    int fd = -1;

    if (collect(p, order, &what, &fd, &f) < 0) {
        note.says = BOX_FAILED;
        memcpy(note.why, f.why, sizeof note.why);
    }
    note.collected = what;
    (void)wire_send(p->control, &note, sizeof note, &fd, fd >= 0);
}

_Noreturn void box_init_run(const struct box_init_plan *p)
{
    struct watched w = { .note.says = BOX_READY };
    struct box_command order;
    struct fault f;
    size_t none;

    if (set_up(p, &w.main, &f) < 0) {
        w.note.says = BOX_FAILED;
        memcpy(w.note.why, f.why, sizeof w.note.why);
        (void)wire_send(p->control, &w.note, sizeof w.note, NULL, 0);
        _exit(1);
    }
    (void)wire_send(p->control, &w.note, sizeof w.note, NULL, 0);

    await_end(&w, p->control);
    kill_all(&w);
    w.note.says = BOX_ENDED;
    (void)wire_send(p->control, &w.note, sizeof w.note, NULL, 0);

    if (wire_receive(p->control, &order, sizeof order, NULL, &none, 0) == (ssize_t)sizeof order &&
        order.kind == BOX_COLLECT)
        answer_collect(p, &order);
    (void)recv(p->control, &order, sizeof order, 0); /* until we are killed */
    _exit(0);
}
