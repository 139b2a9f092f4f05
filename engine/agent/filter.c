#include "engine/agent/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define FILTER_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#else
#error "the filter knows x86-64 and aarch64"
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
#define NR_CLONE3            435
#define NR_MOUNT_SETATTR     442
#define NR_QUOTACTL_FD       443
#define NR_MEMFD_SECRET      447
#define NR_OPEN_TREE_ATTR    467

#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
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
    /* large attack surface, no use for a judged program */
    NR_IO_URING_SETUP,
    NR_IO_URING_ENTER,
    NR_IO_URING_REGISTER,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_fanotify_init,
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

#define ARG(n)                  (offsetof(struct seccomp_data, args) + (n) * sizeof(uint64_t)) /* its low half */
#define LOAD(offset)            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offset))
#define IF(value, yes, no)      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))
#define IF_BITS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (value), (yes), (no))
#define ANSWER(what)            BPF_STMT(BPF_RET | BPF_K, (what))
#define ALLOW                   ANSWER(SECCOMP_RET_ALLOW)
#define DENY(error)             ANSWER(SECCOMP_RET_ERRNO | ((error)&SECCOMP_RET_DATA))

/* Another ABI has other numbers for the same calls: none of its calls exists. */
static const struct sock_filter opening[] = {
    LOAD(offsetof(struct seccomp_data, arch)),
    IF(FILTER_ARCH, 1, 0),
    DENY(ENOSYS),
    LOAD(offsetof(struct seccomp_data, nr)),
#if defined(__x86_64__)
    IF_BITS(0x40000000, 0, 1), /* x32 */
    DENY(ENOSYS),
#endif
    IF(NR_CLONE3, 0, 1), /* its flags are behind a pointer; libc falls back to clone */
    DENY(ENOSYS),
};

/* The accumulator holds the number; those that depend on an argument come last. */
static const struct sock_filter closing[] = {
    IF(SYS_clone, 0, 4),
    LOAD(ARG(0)),
    IF_BITS(NEW_NAMESPACES, 0, 1),
    DENY(EPERM),
    ALLOW,
    IF(SYS_socketpair, 1, 0),
    IF(SYS_socket, 0, 8),
    LOAD(ARG(0)),
    IF(AF_UNIX, 6, 0),
    IF(AF_INET, 5, 0),
    IF(AF_INET6, 4, 0),
    IF(AF_NETLINK, 0, 2),
    LOAD(ARG(2)),
    IF(0 /* NETLINK_ROUTE */, 1, 0),
    DENY(EPERM),
    ALLOW,
};

int filter_install(void)
{
    struct sock_filter code[ARRAY_LEN(opening) + 2 * ARRAY_LEN(denied) + ARRAY_LEN(closing)];
    struct sock_fprog program = { .filter = code };
    unsigned short n = 0;

    for (size_t i = 0; i < ARRAY_LEN(opening); i++)
        code[n++] = opening[i];
    for (size_t i = 0; i < ARRAY_LEN(denied); i++) {
        code[n++] = (struct sock_filter)IF(denied[i], 0, 1);
        code[n++] = (struct sock_filter)DENY(EPERM);
    }
    for (size_t i = 0; i < ARRAY_LEN(closing); i++)
        code[n++] = closing[i];
    program.len = n;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
