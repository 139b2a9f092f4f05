#include "engine/agent/seccomp_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define FILTER_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#else
#error "the filter exists for x86-64 and aarch64"
#endif

/* Numbers above 423 are the same on every architecture; older libc headers lack the newest. */
#define NR_IO_URING_SETUP    425
#define NR_IO_URING_ENTER    426
#define NR_IO_URING_REGISTER 427
#define NR_OPEN_TREE         428
#define NR_MOVE_MOUNT        429
#define NR_FSOPEN            430
#define NR_FSCONFIG          431
#define NR_FSMOUNT           432
#define NR_FSPICK            433
#define NR_PIDFD_OPEN        434
#define NR_CLONE3            435
#define NR_MOUNT_SETATTR     442
#define NR_QUOTACTL_FD       443
#define NR_LANDLOCK_CREATE   444
#define NR_LANDLOCK_ADD      445
#define NR_LANDLOCK_RESTRICT 446
#define NR_MEMFD_SECRET      447
#define NR_CACHESTAT         451
#define NR_OPEN_TREE_ATTR    467

#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif
#ifndef MFD_HUGETLB
#define MFD_HUGETLB 4U
#endif
#ifndef SO_ATTACH_REUSEPORT_CBPF
#define SO_ATTACH_REUSEPORT_CBPF 51
#endif
#define NEW_NAMESPACES                                                                             \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET)

static const uint32_t denied[] = {
    /* namespaces and mounts */
    SYS_unshare,
    SYS_setns,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    NR_OPEN_TREE,
    NR_MOVE_MOUNT,
    NR_FSOPEN,
    NR_FSCONFIG,
    NR_FSMOUNT,
    NR_FSPICK,
    NR_MOUNT_SETATTR,
    NR_OPEN_TREE_ATTR,
    SYS_swapon,
    SYS_swapoff,
    SYS_quotactl,
    NR_QUOTACTL_FD,
    /* objects that outlive processes */
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
/* counted for the host's root, so for all cells together */
#ifdef SYS_inotify_init
    SYS_inotify_init,
#endif
    SYS_inotify_init1,
    SYS_fanotify_init,
    /* memory of the kernel that no limit counts in full */
    SYS_seccomp,
    NR_LANDLOCK_CREATE,
    NR_LANDLOCK_ADD,
    NR_LANDLOCK_RESTRICT,
    /* shows which of an image's files others have read */
    NR_CACHESTAT,
    /* large attack surface, no use for a judged program */
    NR_IO_URING_SETUP,
    NR_IO_URING_ENTER,
    NR_IO_URING_REGISTER,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    NR_MEMFD_SECRET,
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
};

/* The low half of argument n. */
#define ARG(n)                  (offsetof(struct seccomp_data, args) + (n) * sizeof(uint64_t))
#define LOAD(offset)            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offset))
#define IF(value, yes, no)      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))
#define IF_BITS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (value), (yes), (no))
#define ANSWER(what)            BPF_STMT(BPF_RET | BPF_K, (what))
#define ALLOW                   ANSWER(SECCOMP_RET_ALLOW)
#define DENY(error)             ANSWER(SECCOMP_RET_ERRNO | ((uint32_t)(error)&SECCOMP_RET_DATA))

/* Another ABI has other numbers for the same calls, so all its calls fail with ENOSYS. */
static const struct sock_filter opening[] = {
    LOAD(offsetof(struct seccomp_data, arch)),
    IF(FILTER_ARCH, 1, 0),
    DENY(ENOSYS),
    LOAD(offsetof(struct seccomp_data, nr)),
#if defined(__x86_64__)
    IF_BITS(0x40000000, 0, 1), /* x32 */
    DENY(ENOSYS),
#endif
    IF(NR_CLONE3, 0, 1), /* a filter cannot read its flags, in memory; libc falls back to clone */
    DENY(ENOSYS),
};

/* Calls that fail for some values of one argument; rows of one call stand together. The arguments
 * are ints, so the kernel too reads only the low half of the register. */
static const struct rule {
    uint32_t nr, arg;
    enum { WHEN_EQUAL, WHEN_OTHER, WHEN_BITS } when;
    uint32_t value;
    int error; /* errno of the call; 0: it does nothing and succeeds */
} rules[] = {
    /* mmap is by far the most frequent of these calls, so its row is the first. Huge pages come
     * from a pool of the host that no memory limit counts. */
    { SYS_mmap, 3, WHEN_BITS, MAP_HUGETLB, ENOMEM },
    { SYS_memfd_create, 1, WHEN_BITS, MFD_HUGETLB, ENOSYS },
    { SYS_clone, 0, WHEN_BITS, NEW_NAMESPACES, EPERM },
    /* No memory limit counts the queues of other families, and their counters and ports outlive the
     * program. */
    { SYS_socket, 0, WHEN_OTHER, AF_UNIX, EAFNOSUPPORT },
    { SYS_socketpair, 0, WHEN_OTHER, AF_UNIX, EAFNOSUPPORT },
    /* Filters are code in the kernel, whose size is limited for the whole host. */
    { SYS_setsockopt, 2, WHEN_EQUAL, SO_ATTACH_FILTER, EPERM },
    { SYS_setsockopt, 2, WHEN_EQUAL, SO_ATTACH_REUSEPORT_CBPF, EPERM },
    { SYS_prctl, 0, WHEN_EQUAL, PR_SET_SECCOMP, EPERM },
    { NR_PIDFD_OPEN, 0, WHEN_EQUAL, 1, EPERM }, /* the agent, or the box's init */
    /* Would drop an image's file from the page cache for all cells; the advice may be ignored. */
    { SYS_fadvise64, 3, WHEN_EQUAL, POSIX_FADV_DONTNEED, 0 },
};

#define RULE_LEN 5 /* instructions, the most that add_rule() adds */

/* The accumulator holds the number of the call before and after. */
static unsigned short add_rule(struct sock_filter *code, const struct rule *r, bool last_of_call)
{
    const struct sock_filter test = r->when == WHEN_BITS
                                        ? (struct sock_filter)IF_BITS(r->value, 0, 1)
                                        : (struct sock_filter)IF(r->value, 0, 1);
    unsigned short n = 0;

    code[n++] = (struct sock_filter)IF(r->nr, 0, RULE_LEN - 1);
    code[n++] = (struct sock_filter)LOAD(ARG(r->arg));
    code[n] = test;
    if (r->when == WHEN_OTHER) {
        code[n].jt = 1;
        code[n].jf = 0;
    }
    n++;
    code[n++] = (struct sock_filter)DENY(r->error);
    code[n++] = last_of_call ? (struct sock_filter)ALLOW
                             : (struct sock_filter)LOAD(offsetof(struct seccomp_data, nr));
    return n;
}

int seccomp_filter_install(void)
{
    struct sock_filter
        code[ARRAY_LEN(opening) + RULE_LEN * ARRAY_LEN(rules) + 2 * ARRAY_LEN(denied) + 1];
    struct sock_fprog program = { .filter = code };
    unsigned short n = 0;

    for (size_t i = 0; i < ARRAY_LEN(opening); i++)
        code[n++] = opening[i];
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        n += add_rule(&code[n], &rules[i],
                      i + 1 == ARRAY_LEN(rules) || rules[i + 1].nr != rules[i].nr);
    for (size_t i = 0; i < ARRAY_LEN(denied); i++) {
        code[n++] = (struct sock_filter)IF(denied[i], 0, 1);
        code[n++] = (struct sock_filter)DENY(EPERM);
    }
    code[n++] = (struct sock_filter)ALLOW;
    program.len = n;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
