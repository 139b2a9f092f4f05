#include "engine/agent/box_program.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "engine/agent/archive.h"
#include "engine/agent/box_message.h"
#include "engine/agent/fault.h"
#include "engine/agent/process.h"
#include "engine/agent/wire.h"

#define STACK_MIN         (1 * MIB)
#define STACK_UNLIMITED   (1 * GIB) /* RLIM_INFINITY would change the layout of the address space */
#define SIGNALS_PENDING   128       /* queued signals and POSIX timers, of all its processes */
#define CLOSE_ON_EXEC_ALL (1U << 2) /* CLOSE_RANGE_CLOEXEC */

#define OOM_PROGRAM "1000" /* short of memory, the kernel kills the program first, */
#define OOM_INIT    "750"  /* then init and with it the box, and the agent last */

bool box_program_accepts(const struct agent_run *run, size_t len, size_t fds)
{
    size_t strings = 0;

    if (len < sizeof *run || run->head.magic != AGENT_MAGIC || len != sizeof *run + run->blob_len)
        return false;
    if (run->argc < 1 || run->filec > AGENT_FILES_MAX || run->exec_fd > 1 ||
        run->collect > AGENT_COLLECT_TREE || run->cpu_limit_ns <= 0)
        return false;
    if (fds != 3 + (size_t)run->exec_fd + run->filec)
        return false;
    for (uint32_t i = 0; i < run->filec; i++)
        if (run->file_kind[i] != AGENT_FILE_PLAIN && run->file_kind[i] != AGENT_FILE_TREE)
            return false;
    for (uint32_t i = 0; i < run->blob_len; i++)
        strings += run->blob[i] == '\0';
    return strings == (size_t)run->argc + run->envc + 1 + run->filec &&
           run->blob[run->blob_len - 1] == '\0';
}

static const char *skip_strings(const char *at, uint32_t strings)
{
    while (strings-- > 0)
        at += strlen(at) + 1;
    return at;
}

const char *box_program_collect_name(const struct agent_run *run)
{
    return skip_strings(run->blob, run->argc + run->envc);
}

/* A NULL-terminated vector of the next n strings of the blob. */
static char **make_vector(char **at, uint32_t n)
{
    char **v = calloc((size_t)n + 1, sizeof *v);

    for (uint32_t i = 0; v && i < n; i++) {
        v[i] = *at;
        *at += strlen(*at) + 1;
    }
    return v;
}

static int install_files(const struct agent_run *run, const int *fds, struct fault *f)
{
    CLEANUP(closep) int dir = -1;
    const char *name = skip_strings(box_program_collect_name(run), 1);

    if (run->filec == 0)
        return 0;
    if ((dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return fault_errno(f, "open the work directory");
    for (uint32_t i = 0; i < run->filec; i++, name = skip_strings(name, 1)) {
        CLEANUP(closep) int out = -1;
        struct stat st;

        if (run->file_kind[i] == AGENT_FILE_TREE) {
            if (archive_unpack(fds[i], dir, f) < 0)
                return -1;
            continue;
        }
        if (fstat(fds[i], &st) < 0)
            return fault_errno(f, "file %.150s", name);
        if (archive_create(dir, name, strlen(name), &out, f) < 0 ||
            archive_copy(fds[i], 0, (size_t)st.st_size, out, f) < 0)
            return -1;
    }
    return 0;
}

static rlim_t stack_bytes(uint64_t memory_limit)
{
    if (memory_limit == 0 || memory_limit > STACK_UNLIMITED)
        return STACK_UNLIMITED;
    return memory_limit < STACK_MIN ? STACK_MIN : memory_limit;
}

struct resource_limit {
    unsigned which;
    rlim_t value;
    bool soft; /* may be raised again: the cell's memory limits it too */
};

/* Sets hard and soft limit, so that a program cannot raise them again; where the container's limit
 * is lower, that stays. RLIMIT_AS is never set: runtimes reserve address space that they do not
 * use. */
static int set_limits(const struct resource_limit *limits, size_t len, struct fault *f)
{
    for (size_t i = 0; i < len; i++) {
        struct rlimit now,
            want = { limits[i].value, limits[i].soft ? RLIM_INFINITY : limits[i].value };

        if (setrlimit(limits[i].which, &want) == 0)
            continue;
        if (getrlimit(limits[i].which, &now) < 0 || now.rlim_max > want.rlim_max)
            return fault_errno(f, "resource limit %u", limits[i].which);
        now.rlim_cur = want.rlim_cur < now.rlim_max ? want.rlim_cur : now.rlim_max;
        (void)setrlimit(limits[i].which, &now);
    }
    return 0;
}

/* The limits that are the same for every run. The kernel counts pending signals also for the host's
 * root, for all cells together, and compares that sum with the agent's own limit: so that one is
 * not lowered. */
static int set_fixed_limits(struct fault *f)
{
    static const struct resource_limit limits[] = {
        { RLIMIT_CORE, 1, false }, /* no core file, and no core_pattern helper on the host */
        { RLIMIT_MSGQUEUE, 0, false },
        { RLIMIT_MEMLOCK, 0, false },
        { RLIMIT_SIGPENDING, SIGNALS_PENDING, false },
    };
    return set_limits(limits, ARRAY_LEN(limits), f);
}

static int set_run_limits(const struct agent_run *run, struct fault *f)
{
    const rlim_t cpu_s = (rlim_t)((run->cpu_limit_ns + NS_PER_S - 1) / NS_PER_S) + 1;
    const struct resource_limit limits[] = {
        { RLIMIT_CPU, cpu_s, false }, /* of each process; in case that the agent gets no CPU */
        { RLIMIT_FSIZE, run->file_bytes, false },
        { RLIMIT_NOFILE, run->open_files, false },
        { RLIMIT_STACK, stack_bytes(run->memory_limit), true },
    };
    return set_limits(limits, ARRAY_LEN(limits), f);
}

/* System calls, for libc would first look for other threads. The change of uid clears all
 * capabilities but the inheritable ones, which capset() clears. */
static int become_user(uid_t uid, struct fault *f)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    const struct __user_cap_data_struct none[2] = { { 0 } };

    if (syscall(SYS_setresgid, uid, uid, uid) < 0 || syscall(SYS_setresuid, uid, uid, uid) < 0)
        return fault_errno(f, "become uid %u", uid);
    if (syscall(SYS_capset, &head, none) < 0)
        return fault_errno(f, "drop all capabilities");
    return 0;
}

static int install_descriptors(const int *fds, struct fault *f)
{
    for (int i = 0; i < 3; i++)
        if (dup2(fds[i], i) < 0)
            return fault_errno(f, "descriptor %d", i);
    /* All are close-on-exec already; this is a safeguard for descriptors that later versions of the
     * agent open. A kernel before 5.11 does not have the flag, which does no harm. */
    (void)syscall(SYS_close_range, 3, ~0U, CLOSE_ON_EXEC_ALL);
    return 0;
}

/* Reading this process's own CPU clock makes the kernel add what it has used since its last tick to
 * the cgroup's counter. */
static int send_started(const struct box_program_plan *p, const struct agent_run *run,
                        struct fault *f)
{
    struct box_event event = { .kind = BOX_STARTED, .memory = -1 };

    if (run->filec > 0 && cgroup_read(p->group, CGROUP_MEMORY, &event.memory, f) < 0)
        return -1;
    (void)process_clock(CLOCK_PROCESS_CPUTIME_ID);
    if (cgroup_read(p->group, CGROUP_CPU, &event.cpu_ns, f) < 0)
        return -1;
    event.mono_ns = process_clock(CLOCK_MONOTONIC);
    if (wire_send(p->start, &event, sizeof event, NULL, 0) < 0)
        return fault_errno(f, "send STARTED");
    return 0;
}

/* The file of a process that is not dumpable belongs to root, which in a box of namespaces we are
 * not; so this process is dumpable for a moment. No other program is in the box yet. */
static int open_oom_score(int *ret_fd, struct fault *f)
{
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    *ret_fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    return *ret_fd < 0 ? fault_errno(f, "oom_score_adj") : 0;
}

/* Only when the run begins: the kernel must not kill idle cells first. */
static int raise_oom_scores(const struct box_program_plan *p, int oom, struct fault *f)
{
    if (write(oom, OOM_PROGRAM, sizeof OOM_PROGRAM - 1) < 0 ||
        write(p->init_oom, OOM_INIT, sizeof OOM_INIT - 1) < 0)
        return fault_errno(f, "oom_score_adj");
    return 0;
}

static int prepare_program(const struct box_program_plan *p, const struct agent_run *run,
                           const int *fds, struct fault *f)
{
    if (install_files(run, fds + 3 + run->exec_fd, f) < 0 || set_run_limits(run, f) < 0 ||
        become_user(p->uid, f) < 0 || install_descriptors(fds, f) < 0)
        return -1;
    return send_started(p, run, f);
}

/* Returns only after a failure, with errno. */
static void execute_program(char **argv, char **envp, int exec_fd)
{
    sigset_t none;

    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (!argv || !envp) {
        errno = ENOMEM;
        return;
    }
    if (exec_fd >= 0) {
        (void)syscall(SYS_execveat, exec_fd, "", argv, envp, AT_EMPTY_PATH);
        return;
    }
    environ = envp; /* execvp() takes PATH from there */
    (void)execvp(argv[0], argv);
}

static union {
    struct agent_run run;
    char bytes[AGENT_MESSAGE_MAX];
} message;

/* Writes to the pages that will be written between RUN and exec, so that the kernel copies them
 * (copy on write) before the run is timed. */
static void touch_pages(const struct box_program_plan *p)
{
    static char **kept;
    struct fault ignored;
    int64_t cpu_ns;

    memset(message.bytes, 0, 4096);
    if (!kept)
        kept = calloc(2, sizeof(char *)); /* the next calloc() finds the heap set up */
    (void)process_clock(CLOCK_MONOTONIC); /* the page of code that reads it */
    if (cgroup_read(p->group, CGROUP_CPU, &cpu_ns, &ignored) < 0)
        return; /* send_started() will report it */
}

_Noreturn void box_program_run(const struct box_program_plan *p)
{
    struct box_event event = { .kind = BOX_FAILED };
    struct fault f;
    int fds[AGENT_FDS_MAX], oom = -1;
    size_t fds_len;

    (void)setsid(); /* kill(0) of the program reaches no process outside */
    /* Ends this process if init dies while it waits. The change of uid resets the setting; from
     * then on the agent notices the end of init. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    touch_pages(p);
    bool ready = set_fixed_limits(&f) == 0 && open_oom_score(&oom, &f) == 0;
    ssize_t len = wire_receive(p->start, &message, sizeof message, fds, &fds_len, 0);
    if (len <= 0 || !box_program_accepts(&message.run, (size_t)len, fds_len))
        _exit(0);

    char *at = message.run.blob;
    char **argv = make_vector(&at, message.run.argc), **envp = make_vector(&at, message.run.envc);
    if (!ready || raise_oom_scores(p, oom, &f) < 0 ||
        prepare_program(p, &message.run, fds, &f) < 0) {
        memcpy(event.why, f.why, sizeof event.why);
    } else {
        execute_program(argv, envp, message.run.exec_fd ? fds[3] : -1);
        event.kind = BOX_EXEC_FAILED;
        event.error = errno;
    }
    (void)wire_send(p->start, &event, sizeof event, NULL, 0);
    _exit(127);
}
