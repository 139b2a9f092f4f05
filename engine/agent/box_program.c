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
#define SIGNALS_PENDING   128       /* queued ones and POSIX timers, of all its processes */
#define CLOSE_ON_EXEC_ALL (1U << 2) /* CLOSE_RANGE_CLOEXEC */

#define OOM_PROGRAM "1000" /* the kernel takes the program first, */
#define OOM_INIT    "750"  /* then the box with all its files, and the agent last */

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

static const char *skip(const char *at, uint32_t strings)
{
    while (strings-- > 0)
        at += strlen(at) + 1;
    return at;
}

const char *box_program_collect_name(const struct agent_run *run)
{
    return skip(run->blob, run->argc + run->envc);
}

/* A NULL-terminated vector of the next n strings of the blob. */
static char **vector(char **at, uint32_t n)
{
    char **v = calloc((size_t)n + 1, sizeof *v);

    for (uint32_t i = 0; v && i < n; i++) {
        v[i] = *at;
        *at += strlen(*at) + 1;
    }
    return v;
}

static int install(const struct agent_run *run, const int *fds, struct fault *f)
{
    CLEANUP(closep) int dir = -1;
    const char *name = skip(box_program_collect_name(run), 1);

    if (run->filec == 0)
        return 0;
    if ((dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return fault_errno(f, "open the work directory");
    for (uint32_t i = 0; i < run->filec; i++, name = skip(name, 1)) {
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

struct limit {
    unsigned which;
    rlim_t value;
    bool soft; /* may be raised again: the cell's memory bounds it all the same */
};

/* Hard and soft alike, so that nothing can be raised again; what the container allows less of stays
 * as it is. RLIMIT_AS never: runtimes reserve address space that they do not use. */
static int set_limits(const struct limit *limits, size_t len, struct fault *f)
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

/* Those that are the same for every run. Pending signals count for the host's root too, for all
 * cells together; the agent's own limit stays as it is, because the kernel holds that sum against
 * it. */
static int limit_ahead(struct fault *f)
{
    static const struct limit limits[] = {
        { RLIMIT_CORE, 1, false }, /* no core either, and no helper of core_pattern on the host */
        { RLIMIT_MSGQUEUE, 0, false },
        { RLIMIT_MEMLOCK, 0, false },
        { RLIMIT_SIGPENDING, SIGNALS_PENDING, false },
    };
    return set_limits(limits, ARRAY_LEN(limits), f);
}

static int limit_run(const struct agent_run *run, struct fault *f)
{
    const rlim_t cpu_s = (rlim_t)((run->cpu_limit_ns + NS_PER_S - 1) / NS_PER_S) + 1;
    const struct limit limits[] = {
        { RLIMIT_CPU, cpu_s, false }, /* for one process, and only if the agent should be starved */
        { RLIMIT_FSIZE, run->file_bytes, false },
        { RLIMIT_NOFILE, run->open_files, false },
        { RLIMIT_STACK, stack_bytes(run->memory_limit), true },
    };
    return set_limits(limits, ARRAY_LEN(limits), f);
}

/* Straight to the kernel: libc would first look for other threads. The change of uid takes all
 * capabilities but the inheritable ones. */
static int become(uid_t uid, struct fault *f)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    const struct __user_cap_data_struct none[2] = { { 0 } };

    if (syscall(SYS_setresgid, uid, uid, uid) < 0 || syscall(SYS_setresuid, uid, uid, uid) < 0)
        return fault_errno(f, "become uid %u", uid);
    if (syscall(SYS_capset, &head, none) < 0)
        return fault_errno(f, "drop all capabilities");
    return 0;
}

static int take_descriptors(const int *fds, struct fault *f)
{
    for (int i = 0; i < 3; i++)
        if (dup2(fds[i], i) < 0)
            return fault_errno(f, "descriptor %d", i);
    /* All are close-on-exec already; this holds whatever is added to the agent one day. A kernel
     * before 5.11 does not know the call and loses nothing. */
    (void)syscall(SYS_close_range, 3, ~0U, CLOSE_ON_EXEC_ALL);
    return 0;
}

/* The counter must not miss what this process has used since its last tick: asking for its own
 * clock makes the kernel book it. */
static int say_started(const struct box_program_plan *p, const struct agent_run *run,
                       struct fault *f)
{
    struct box_event note = { .says = BOX_STARTED, .memory = -1 };

    if (run->filec > 0 && cgroup_read(p->group, CGROUP_MEMORY, &note.memory, f) < 0)
        return -1;
    (void)process_clock(CLOCK_PROCESS_CPUTIME_ID);
    if (cgroup_read(p->group, CGROUP_CPU, &note.cpu_ns, f) < 0)
        return -1;
    note.mono_ns = process_clock(CLOCK_MONOTONIC);
    if (wire_send(p->start, &note, sizeof note, NULL, 0) < 0)
        return fault_errno(f, "say that it starts");
    return 0;
}

/* The file is root's, for we are not dumpable; in a box of namespaces we are another user, to whom
 * it belongs while we are. Nobody else is in the box yet. */
static int open_oom(int *ret_fd, struct fault *f)
{
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    *ret_fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    return *ret_fd < 0 ? fault_errno(f, "oom_score_adj") : 0;
}

/* Only now: an idle cell must not be the first that the kernel takes. */
static int offer_to_kernel(const struct box_program_plan *p, int oom, struct fault *f)
{
    if (write(oom, OOM_PROGRAM, sizeof OOM_PROGRAM - 1) < 0 ||
        write(p->init_oom, OOM_INIT, sizeof OOM_INIT - 1) < 0)
        return fault_errno(f, "oom_score_adj");
    return 0;
}

static int prepare(const struct box_program_plan *p, const struct agent_run *run, const int *fds,
                   struct fault *f)
{
    if (install(run, fds + 3 + run->exec_fd, f) < 0 || limit_run(run, f) < 0 ||
        become(p->uid, f) < 0 || take_descriptors(fds, f) < 0)
        return -1;
    return say_started(p, run, f);
}

/* Returns only when it could not, with errno. */
static void execute(char **argv, char **envp, int exec_fd)
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
    environ = envp; /* where execvp() looks for PATH */
    (void)execvp(argv[0], argv);
}

static union {
    struct agent_run run;
    char bytes[AGENT_MESSAGE_MAX];
} message;

/* Touches what the way to exec will touch, so that its pages are our own before they are needed. */
static void rehearse(const struct box_program_plan *p)
{
    static char **kept;
    struct fault ignored;
    int64_t cpu_ns;

    memset(message.bytes, 0, 4096);
    if (!kept)
        kept = calloc(2, sizeof(char *)); /* the next one finds the heap there */
    if (cgroup_read(p->group, CGROUP_CPU, &cpu_ns, &ignored) < 0)
        return; /* the real one will say so */
}

_Noreturn void box_program_run(const struct box_program_plan *p)
{
    struct box_event note = { .says = BOX_FAILED };
    struct fault f;
    int fds[AGENT_FDS_MAX], oom = -1;
    size_t fds_len;

    (void)setsid(); /* kill(0) of the program reaches nobody else */
    /* Without init there is no box. The change of uid ends this: from then on init's end is seen.
     */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    rehearse(p);
    bool ready = limit_ahead(&f) == 0 && open_oom(&oom, &f) == 0;
    ssize_t len = wire_receive(p->start, &message, sizeof message, fds, &fds_len, 0);
    if (len <= 0 || !box_program_accepts(&message.run, (size_t)len, fds_len))
        _exit(0);

    char *at = message.run.blob;
    char **argv = vector(&at, message.run.argc), **envp = vector(&at, message.run.envc);
    if (!ready || offer_to_kernel(p, oom, &f) < 0 || prepare(p, &message.run, fds, &f) < 0) {
        memcpy(note.why, f.why, sizeof note.why);
    } else {
        execute(argv, envp, message.run.exec_fd ? fds[3] : -1);
        note.says = BOX_EXEC_FAILED;
        note.error = errno;
    }
    (void)wire_send(p->start, &note, sizeof note, NULL, 0);
    _exit(127);
}
