/* tests/unit/test_agent_seccomp_filter.c - what the filter of a box answers to every system call,
 * by an interpreter of ours, and the same program installed in a process.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "engine/agent/seccomp_filter.h"

#if defined(__x86_64__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#else
#define OWN_ARCH AUDIT_ARCH_AARCH64
#endif
#define FOREIGN_ARCH AUDIT_ARCH_I386
#define X32          0x40000000U

#define ALLOWED      SECCOMP_RET_ALLOW
#define FAILS(error) (SECCOMP_RET_ERRNO | (uint32_t)(error))
#define ODD          SECCOMP_RET_KILL_PROCESS /* the interpreter's, for a program that is wrong */

/* Runs the program as the kernel does. Counts the instructions that it meets. */
static uint32_t interpret(const struct sock_filter *code, unsigned len,
                          const struct seccomp_data *data, unsigned *ret_met)
{
    uint32_t a = 0;
    bool yes;

    *ret_met = 0;
    for (unsigned at = 0; at < len; at++) {
        const struct sock_filter *i = &code[at];

        ++*ret_met;
        switch (i->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            if (i->k > sizeof *data - sizeof a || i->k % sizeof a != 0)
                return ODD;
            memcpy(&a, (const char *)data + i->k, sizeof a);
            continue;
        case BPF_RET | BPF_K:
            return i->k;
        case BPF_JMP | BPF_JEQ | BPF_K:
            yes = a == i->k;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            yes = a >= i->k;
            break;
        case BPF_JMP | BPF_JSET | BPF_K:
            yes = (a & i->k) != 0;
            break;
        default:
            return ODD;
        }
        at += yes ? i->jt : i->jf;
    }
    return ODD; /* it ran past its end */
}

static struct sock_filter code[SECCOMP_FILTER_MAX];
static unsigned code_len;

static uint32_t answer(uint32_t arch, uint32_t nr, unsigned arg, uint64_t value)
{
    struct seccomp_data data = { .nr = (int)nr, .arch = arch };
    unsigned met;

    /* What is not looked at must not matter. */
    memset(data.args, 0x5a, sizeof data.args);
    data.args[arg] = value;
    return interpret(code, code_len, &data, &met);
}

/* Calls that always fail: by the names of this architecture, or by the numbers that all share. */
static const uint32_t denied[] = {
    SYS_unshare,
    SYS_setns,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_swapon,
    SYS_swapoff,
    SYS_quotactl,
    SYS_msgget,
    SYS_msgsnd,
    SYS_msgrcv,
    SYS_msgctl,
    SYS_semget,
    SYS_semop,
    SYS_semtimedop,
    SYS_semctl,
    SYS_shmget,
    SYS_shmat,
    SYS_shmdt,
    SYS_shmctl,
    SYS_mq_open,
    SYS_mq_unlink,
    SYS_add_key,
    SYS_request_key,
    SYS_keyctl,
#ifdef SYS_inotify_init
    SYS_inotify_init,
#endif
    SYS_inotify_init1,
    SYS_fanotify_init,
    SYS_seccomp,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_name_to_handle_at,
    SYS_open_by_handle_at,
    SYS_acct,
    SYS_syslog,
    SYS_reboot,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_vhangup,
    425, /* io_uring_setup */
    426, /* io_uring_enter */
    427, /* io_uring_register */
    428, /* open_tree */
    429, /* move_mount */
    430, /* fsopen */
    431, /* fsconfig */
    432, /* fsmount */
    433, /* fspick */
    442, /* mount_setattr */
    443, /* quotactl_fd */
    444, /* landlock_create_ruleset */
    445, /* landlock_add_rule */
    446, /* landlock_restrict_self */
    447, /* memfd_secret */
    451, /* cachestat */
    467, /* open_tree_attr */
};

#define CLONE3     435
#define PIDFD_OPEN 434
#define NAMESPACE(flag)                                                                            \
    {                                                                                              \
        SYS_clone, 0, (flag) | SIGCHLD, FAILS(EPERM)                                               \
    }

/* Calls that fail for some values of an argument. The kernel takes the low half of it. */
static const struct row {
    uint32_t nr;
    unsigned arg;
    uint64_t value;
    uint32_t answer;
} by_argument[] = {
    { SYS_mmap, 3, MAP_PRIVATE | MAP_ANONYMOUS, ALLOWED },
    { SYS_mmap, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, FAILS(ENOMEM) },
    { SYS_mmap, 3, 0xffffffff00000000ULL | MAP_HUGETLB, FAILS(ENOMEM) },
    { SYS_mmap, 3, (uint64_t)MAP_HUGETLB << 32, ALLOWED },
    { SYS_memfd_create, 1, 1, ALLOWED },
    { SYS_memfd_create, 1, 4 | 1, FAILS(ENOSYS) },
    { SYS_clone, 0, SIGCHLD, ALLOWED },
    { SYS_clone, 0, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD, ALLOWED },
    NAMESPACE(CLONE_NEWNS),
    NAMESPACE(0x02000000), /* cgroup */
    NAMESPACE(CLONE_NEWUTS),
    NAMESPACE(CLONE_NEWIPC),
    NAMESPACE(CLONE_NEWUSER),
    NAMESPACE(CLONE_NEWPID),
    NAMESPACE(CLONE_NEWNET),
    { SYS_socket, 0, AF_UNIX, ALLOWED },
    { SYS_socket, 0, AF_INET, FAILS(EAFNOSUPPORT) },
    { SYS_socket, 0, AF_NETLINK, FAILS(EAFNOSUPPORT) },
    { SYS_socket, 0, AF_UNSPEC, FAILS(EAFNOSUPPORT) },
    { SYS_socket, 0, AF_UNIX | 0x10000, FAILS(EAFNOSUPPORT) },
    { SYS_socketpair, 0, AF_UNIX, ALLOWED },
    { SYS_socketpair, 0, AF_INET, FAILS(EAFNOSUPPORT) },
    { SYS_setsockopt, 2, SO_ATTACH_FILTER, FAILS(EPERM) },
    { SYS_setsockopt, 2, 51, FAILS(EPERM) }, /* SO_ATTACH_REUSEPORT_CBPF */
    { SYS_setsockopt, 2, SO_SNDBUF, ALLOWED },
    { SYS_prctl, 0, PR_SET_SECCOMP, FAILS(EPERM) },
    { SYS_prctl, 0, 0x100000000ULL | PR_SET_SECCOMP, FAILS(EPERM) },
    { SYS_prctl, 0, PR_SET_NAME, ALLOWED },
    { PIDFD_OPEN, 0, 1, FAILS(EPERM) },
    { PIDFD_OPEN, 0, 2, ALLOWED },
    { SYS_fadvise64, 3, POSIX_FADV_DONTNEED, FAILS(0) },
    { SYS_fadvise64, 3, POSIX_FADV_SEQUENTIAL, ALLOWED },
};

static bool is_denied(uint32_t nr)
{
    for (size_t i = 0; i < ARRAY_LEN(denied); i++)
        if (denied[i] == nr)
            return true;
    return false;
}

static bool has_rows(uint32_t nr)
{
    for (size_t i = 0; i < ARRAY_LEN(by_argument); i++)
        if (by_argument[i].nr == nr)
            return true;
    return false;
}

static int make(void **state)
{
    (void)state;
    code_len = seccomp_filter_make(code);
    return code_len > 0 && code_len <= SECCOMP_FILTER_MAX ? 0 : -1;
}

static void every_number_has_its_answer(void **state)
{
    (void)state;
    for (uint32_t nr = 0; nr <= 1200; nr++) {
        uint32_t want = is_denied(nr) ? FAILS(EPERM) : nr == CLONE3 ? FAILS(ENOSYS) : ALLOWED;

        if (!has_rows(nr) && answer(OWN_ARCH, nr, 0, 0) != want)
            fail_msg("call %u: %#x instead of %#x", nr, answer(OWN_ARCH, nr, 0, 0), want);
    }
}

static void arguments_decide(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(by_argument); i++) {
        const struct row *r = &by_argument[i];
        uint32_t is = answer(OWN_ARCH, r->nr, r->arg, r->value);

        if (is != r->answer)
            fail_msg("row %zu, call %u: %#x instead of %#x", i, r->nr, is, r->answer);
    }
}

static void other_numberings_do_not_exist(void **state)
{
    (void)state;
    for (uint32_t nr = 0; nr <= 1200; nr++)
        assert_int_equal(answer(FOREIGN_ARCH, nr, 0, 0), FAILS(ENOSYS));
#if defined(__x86_64__)
    for (uint32_t nr = 0; nr <= 1200; nr++)
        assert_int_equal(answer(OWN_ARCH, nr | X32, 0, AF_UNIX), FAILS(ENOSYS));
    assert_int_equal(answer(OWN_ARCH, UINT32_MAX, 0, 0), FAILS(ENOSYS));
    assert_int_equal(answer(OWN_ARCH, X32 - 1, 0, 0), ALLOWED); /* the kernel has no such call */
#endif
}

/* When the program is installed, the kernel runs it for each number. */
static void a_number_meets_few_instructions(void **state)
{
    (void)state;
    for (uint32_t nr = 0; nr <= 1200; nr++) {
        const struct seccomp_data data = { .nr = (int)nr, .arch = OWN_ARCH };
        unsigned met;

        (void)interpret(code, code_len, &data, &met);
        if (met > 20)
            fail_msg("call %u meets %u instructions", nr, met);
    }
}

static bool failed(long result, int error) { return result == -1 && errno == error; }

/* In a process of its own. Returns 0, or which of these is wrong. */
static int try_calls(void)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || seccomp_filter_install() < 0)
        return 1;
    if (getppid() <= 0 || write(-1, "", 1) >= 0 || errno != EBADF)
        return 2;
    if (!failed(syscall(SYS_unshare, CLONE_NEWUSER), EPERM) ||
        !failed(syscall(SYS_mount, "a", "/tmp", "tmpfs", 0, NULL), EPERM) ||
        !failed(shmget(IPC_PRIVATE, 4096, 0600), EPERM))
        return 3;
    if (!failed(syscall(CLONE3, NULL, 0), ENOSYS))
        return 4;
    if (!failed(socket(AF_INET, SOCK_DGRAM, 0), EAFNOSUPPORT) || socket(AF_UNIX, SOCK_DGRAM, 0) < 0)
        return 5;
    if (!failed(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL), EPERM) ||
        prctl(PR_SET_NAME, "tried") < 0)
        return 6;
    if (syscall(SYS_fadvise64, -1, 0, 0, POSIX_FADV_DONTNEED) != 0 ||
        !failed(syscall(SYS_fadvise64, -1, 0, 0, POSIX_FADV_NORMAL), EBADF))
        return 7;
    return 0;
}

static void the_kernel_takes_the_program(void **state)
{
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0)
        _exit(try_calls());
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_has_its_answer),
        cmocka_unit_test(arguments_decide),
        cmocka_unit_test(other_numberings_do_not_exist),
        cmocka_unit_test(a_number_meets_few_instructions),
        cmocka_unit_test(the_kernel_takes_the_program),
    };
    return cmocka_run_group_tests(tests, make, NULL);
}
