#include "engine/agent/seccomp_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
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

/* Calls that fail for some values of one argument; rows of one call stand together. The arguments
 * are ints, so the kernel too reads only the low half of the register. */
static const struct rule {
    uint32_t nr, arg;
    enum { WHEN_EQUAL, WHEN_OTHER, WHEN_BITS } when;
    uint32_t value;
    int error; /* errno of the call; 0: it does nothing and succeeds */
} rules[] = {
    /* Huge pages come from a pool of the host that no memory limit counts. */
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

/* The program has four parts: the opening, a binary search by the number of the call, the rules,
 * the answers. When it is installed, the kernel runs it once for each number to find out which are
 * always allowed, and that is most of the cost: so each number meets few instructions. */

/* The low half of argument n. */
#define ARG(n)                  (offsetof(struct seccomp_data, args) + (n) * sizeof(uint64_t))
#define LOAD(offset)            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offset))
#define IF(value, yes, no)      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))
#define IF_BITS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (value), (yes), (no))
#define IF_FROM(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (value), (yes), (no))
#define ANSWER(what)            BPF_STMT(BPF_RET | BPF_K, (what))
#define ERROR(error)            (SECCOMP_RET_ERRNO | ((uint32_t)(error)&SECCOMP_RET_DATA))

/* Another ABI has other numbers for the same calls, so all its calls fail with ENOSYS. */
static const struct sock_filter opening[] = {
    LOAD(offsetof(struct seccomp_data, arch)),
    IF(FILTER_ARCH, 1, 0),
    ANSWER(ERROR(ENOSYS)),
    LOAD(offsetof(struct seccomp_data, nr)),
#if defined(__x86_64__)
    IF_BITS(0x40000000, 0, 1), /* x32 */
    ANSWER(ERROR(ENOSYS)),
#endif
};

static const uint32_t answers[] = {
    SECCOMP_RET_ALLOW, ERROR(EPERM), ERROR(ENOSYS), ERROR(EAFNOSUPPORT), ERROR(ENOMEM), ERROR(0),
};

#define NUMBERS  512 /* above all in the tables; calls from here on are allowed */
#define RULE_LEN 2   /* instructions */

struct program {
    struct sock_filter *code;
    unsigned len;
    unsigned rules_at, answers_at; /* where these parts begin */
    /* Neighbouring numbers that are treated alike: the first of them, and where the search for them
     * ends, in places: row n of rules[] is n, the answers come behind. */
    struct {
        uint16_t first;
        uint8_t place;
    } ranges[NUMBERS];
    unsigned ranges_len;
};

static uint8_t place_of(uint32_t answer)
{
    size_t i = 0;

    while (answers[i] != answer)
        i++;
    return (uint8_t)(ARRAY_LEN(rules) + i);
}

static unsigned position_of(const struct program *p, unsigned place)
{
    if (place < ARRAY_LEN(rules))
        return p->rules_at + place * RULE_LEN;
    return p->answers_at + place - (unsigned)ARRAY_LEN(rules);
}

static void find_ranges(struct program *p)
{
    uint8_t places[NUMBERS];

    memset(places, place_of(SECCOMP_RET_ALLOW), sizeof places);
    for (size_t i = 0; i < ARRAY_LEN(denied); i++)
        places[denied[i]] = place_of(ERROR(EPERM));
    for (size_t i = ARRAY_LEN(rules); i-- > 0;) /* the first row of a call is written last */
        places[rules[i].nr] = (uint8_t)i;
    /* A filter cannot read its flags, which are in memory; libc falls back to clone. */
    places[NR_CLONE3] = place_of(ERROR(ENOSYS));
    for (unsigned nr = 0; nr < NUMBERS; nr++) {
        if (nr > 0 && places[nr] == places[nr - 1])
            continue;
        p->ranges[p->ranges_len].first = (uint16_t)nr;
        p->ranges[p->ranges_len++].place = places[nr];
    }
}

/* How far the instruction at `from` jumps to reach `to`. The whole program is shorter than what a
 * jump can pass. */
static uint8_t jump(unsigned from, unsigned to) { return (uint8_t)(to - from - 1); }

/* The search among the ranges [from, to), one instruction for each border between two. Returns its
 * position: that of a rule or answer when there is only one range. */
static unsigned add_search(struct program *p, unsigned from, unsigned to)
{
    if (to - from == 1)
        return position_of(p, p->ranges[from].place);

    unsigned at = p->len++, middle = from + (to - from) / 2;
    unsigned below = add_search(p, from, middle), above = add_search(p, middle, to);
    p->code[at] =
        (struct sock_filter)IF_FROM(p->ranges[middle].first, jump(at, above), jump(at, below));
    return at;
}

/* What does not end here goes on to the next row of the same call. */
static void add_rule(struct program *p, size_t i)
{
    const struct rule *r = &rules[i];
    bool more = i + 1 < ARRAY_LEN(rules) && rules[i + 1].nr == r->nr;
    unsigned at = p->len + 1, fail = position_of(p, place_of(ERROR(r->error))),
             pass = position_of(p, more ? (unsigned)i + 1 : place_of(SECCOMP_RET_ALLOW));
    uint8_t yes = jump(at, r->when == WHEN_OTHER ? pass : fail),
            no = jump(at, r->when == WHEN_OTHER ? fail : pass);

    p->code[p->len++] = (struct sock_filter)LOAD(ARG(r->arg));
    p->code[p->len++] = r->when == WHEN_BITS ? (struct sock_filter)IF_BITS(r->value, yes, no)
                                             : (struct sock_filter)IF(r->value, yes, no);
}

unsigned seccomp_filter_make(struct sock_filter ret_code[SECCOMP_FILTER_MAX])
{
    struct program p = { .code = ret_code };

    find_ranges(&p);
    p.rules_at = (unsigned)ARRAY_LEN(opening) + p.ranges_len - 1;
    p.answers_at = p.rules_at + RULE_LEN * (unsigned)ARRAY_LEN(rules);

    memcpy(p.code, opening, sizeof opening);
    p.len = (unsigned)ARRAY_LEN(opening);
    (void)add_search(&p, 0, p.ranges_len);
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        add_rule(&p, i);
    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        p.code[p.len++] = (struct sock_filter)ANSWER(answers[i]);
    return p.len;
}

/* Each denied call and each call with rules adds at most two borders between ranges. */
_Static_assert(ARRAY_LEN(opening) + 2 * (ARRAY_LEN(denied) + ARRAY_LEN(rules) + 1) +
                       RULE_LEN * ARRAY_LEN(rules) + ARRAY_LEN(answers) <=
                   SECCOMP_FILTER_MAX,
               "a jump passes at most 255 instructions");

int seccomp_filter_install(void)
{
    struct sock_filter code[SECCOMP_FILTER_MAX];
    const struct sock_fprog program = { .len = (unsigned short)seccomp_filter_make(code),
                                        .filter = code };

    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
