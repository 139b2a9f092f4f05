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

/* The agent has few descriptors, so that all are below this; all are close-on-exec too. */
#define AGENT_OPEN_MAX 128

#define REAPS_IN_A_ROW 64

static void on_child(int signal_number) { (void)signal_number; }

/* The handler does nothing, but ppoll() returns; elsewhere SIGCHLD is blocked. */
static int handle_sigchld(struct fault *f)
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

/* Closes all of the agent's descriptors that this box does not use. */
static void close_foreign_fds(const struct box_init_plan *p)
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

static int become_box_root(const struct box_init_plan *p, struct fault *f)
{
    struct box_command command;
    size_t none;

    if (wire_receive(p->control, &command, sizeof command, NULL, &none, 0) <= 0)
        return fault_set(f, "no maps came");
    /* System calls, for libc would first look for other threads. */
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

/* It holds the cell's counters, which would show a program earlier runs. */
#define HIDDEN "/sys/fs"

/* Mounts a tmpfs of the box over every place of the container where the program could write. */
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

/* Closes view after its last use: the program must not have it. */
static int restrict_view(int view, struct fault *f)
{
    if (view < 0)
        return 0;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || view_restrict(view) < 0)
        return fault_errno(f, "limit what of /sys is seen");
    (void)close(view);
    return 0;
}

static int drop_privileges(struct fault *f)
{
    int cap = 0;

    while (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
        cap++;
    if (errno != EINVAL ||
        prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0) /* cap is one that the kernel has */
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

static int set_up_box(const struct box_init_plan *p, pid_t *ret_main, struct fault *f)
{
    bool in_namespaces = p->box->isolation == AGENT_BOX_NAMESPACES;

    close_foreign_fds(p);
    /* Opened before our uid changes: the file belongs to the container's root. */
    CLEANUP(closep) int oom = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (oom < 0)
        return fault_errno(f, "oom_score_adj");
    if (handle_sigchld(f) < 0)
        return -1;
    if (in_namespaces && (become_box_root(p, f) < 0 || mount_places(p->box, f) < 0))
        return -1;
    if (!in_namespaces && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
        return fault_errno(f, "become a subreaper");
    if (!in_namespaces && restrict_view(p->box->view, f) < 0)
        return -1;
    if (chdir(p->box->workdir) < 0)
        return fault_errno(f, "enter %s", p->box->workdir);
    (void)umask(022);
    if (drop_privileges(f) < 0)
        return -1;
    return start_program(p, oom, ret_main, f);
}

struct init_state {
    pid_t main;
    bool ended;
    struct box_event event;
};

/* Reaps one child. Its pid; 0: none has ended; -1: there is none. */
static pid_t reap_child(struct init_state *state, int flags)
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
    if (rss > state->event.max_rss)
        state->event.max_rss = rss;
    if (pid == state->main) {
        state->ended = true;
        state->event.status = status;
        state->event.mono_ns = process_clock(CLOCK_MONOTONIC);
    }
    return pid;
}

/* Until the main process has ended or the agent sends STOP. That must be noticed also where orphans
 * come faster than they can be reaped, so the socket is checked after every REAPS_IN_A_ROW
 * reaps. */
static void await_main_end(struct init_state *state, int control)
{
    const struct timespec at_once = { 0 };
    struct pollfd command = { .fd = control, .events = POLLIN };
    struct box_command ignored;
    sigset_t none;

    (void)sigemptyset(&none);
    for (unsigned n = 1;; n++) {
        bool idle = reap_child(state, WNOHANG) <= 0;

        if (state->ended)
            return;
        if (!idle && n % REAPS_IN_A_ROW != 0)
            continue;
        if (ppoll(&command, 1, idle ? NULL : &at_once, &none) <= 0)
            continue;
        (void)recv(control, &ignored, sizeof ignored, 0); /* STOP, or the agent is gone */
        state->event.stopped = 1;
        return;
    }
}

/* All other processes of the box are descendants of init, and orphans become its children: when it
 * has no child, it is alone. kill(-1) does not reach init itself, nor process 1 of the container,
 * the agent. */
static void kill_all_others(struct init_state *state)
{
    for (;;) {
        pid_t pid = reap_child(state, WNOHANG);

        if (pid < 0)
            return;
        if (pid > 0)
            continue;
        (void)kill(-1, SIGKILL);
        (void)reap_child(state, 0);
    }
}

/* Asked when all processes are dead: then memory of the program is left only in files, which it can
 * make in these places alone. */
static bool has_no_files(const struct box_plan *plan)
{
    const char *const places[] = { "/tmp", "/dev/shm", plan->workdir };
    struct statvfs st;

    if (plan->isolation != AGENT_BOX_NAMESPACES)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        if (statvfs(places[i], &st) < 0 || st.f_bfree != st.f_blocks)
            return false;
    return true;
}

/* All other processes are dead, so init may become the program's user for good, and sees its files
 * as the program did. The memfd is made before: the program's user must not own the artefact, for a
 * later program may get the same uid. */
static int collect_as_program(const struct box_init_plan *p, const struct box_command *command,
                              enum agent_collected *ret_what, int *ret_fd, struct fault *f)
{
    CLEANUP(closep) int out = memfd_new("artefact", MEMFD_PROGRAM);
    const struct collect_query q = { .kind = (enum agent_collect)command->collect,
                                     .name = command->name,
                                     .max = command->max,
                                     .out = out };

    if (out < 0)
        return fault_errno(f, "memfd");
    if (syscall(SYS_setresgid, p->program, p->program, p->program) < 0 ||
        syscall(SYS_setresuid, p->program, p->program, p->program) < 0)
        return fault_errno(f, "become the program's user");
    return collect_artefact(&q, ret_what, ret_fd, f);
}

static void send_collected(const struct box_init_plan *p, const struct box_command *command)
{
    struct box_event event = { .kind = BOX_COLLECTED };
    enum agent_collected what = AGENT_COLLECTED_NOTHING;
    struct fault f;
    int fd = -1;

    if (collect_as_program(p, command, &what, &fd, &f) < 0) {
        event.kind = BOX_FAILED;
        memcpy(event.why, f.why, sizeof event.why);
    }
    event.collected = what;
    (void)wire_send(p->control, &event, sizeof event, &fd, fd >= 0);
}

_Noreturn void box_init_run(const struct box_init_plan *p)
{
    struct init_state state = { .event.kind = BOX_READY };
    struct box_command command;
    struct fault f;
    size_t none;

    if (set_up_box(p, &state.main, &f) < 0) {
        state.event.kind = BOX_FAILED;
        memcpy(state.event.why, f.why, sizeof state.event.why);
        (void)wire_send(p->control, &state.event, sizeof state.event, NULL, 0);
        _exit(1);
    }
    (void)wire_send(p->control, &state.event, sizeof state.event, NULL, 0);

    /* Pages that are needed when the program has ended: the kernel provides them now. */
    errno = 0;
    (void)process_clock(CLOCK_MONOTONIC);
    await_main_end(&state, p->control);
    kill_all_others(&state);
    state.event.kind = BOX_ENDED;
    state.event.no_files = has_no_files(p->box);
    (void)wire_send(p->control, &state.event, sizeof state.event, NULL, 0);

    if (wire_receive(p->control, &command, sizeof command, NULL, &none, 0) ==
            (ssize_t)sizeof command &&
        command.kind == BOX_COLLECT)
        send_collected(p, &command);
    (void)recv(p->control, &command, sizeof command, 0); /* until we are killed */
    _exit(0);
}
