/* A9: parts of the kernel that no judged program needs.
 *
 * run: => OK : none
 * run: i386 => OK RE : none
 * run: x32 => OK RE : none
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void tried(long result, const char *what)
{
    if (result >= 0)
        (void)printf("allowed: %s\n", what);
}

static void family(int number, const char *name)
{
    static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET };
    int pair[2];

    for (unsigned i = 0; i < sizeof types / sizeof *types; i++) {
        tried(socket(number, types[i], 0), name);
        tried(socketpair(number, types[i], 0, pair), name);
    }
}

static void families(void)
{
    family(16 | 0x10000, "a family beyond 16 bits");
    for (int number = AF_INET; number < 64; number++) {
        char name[32];
        (void)snprintf(name, sizeof name, "socket family %d", number);
        family(number, name);
    }
}

/* The same kernel under another numbering. */
static void other_abi(const char *how)
{
#ifdef __x86_64__
    long result = -1;

    if (strcmp(how, "i386") == 0)
        __asm__ volatile("int $0x80"
                         : "=a"(result)
                         : "a"(20L /* getpid */)
                         : "memory", "r8", "r9", "r10", "r11");
    if (strcmp(how, "x32") == 0)
        result = syscall(0x40000000 | SYS_getpid);
    if (result > 0)
        (void)printf("allowed: %s\n", how);
#else
    (void)how;
#endif
}

int main(void)
{
    struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog filter = { .len = 1, .filter = &all };
    char how[16] = "", room[256] = "";

    (void)scanf("%15s", how);
    (void)setvbuf(stdout, NULL, _IONBF, 0);
    if (how[0]) {
        (void)puts("none"); /* the next step may be the last */
        other_abi(how);
        return 0;
    }
    families();
    tried(syscall(425, 1, room), "io_uring_setup");
    tried(syscall(SYS_bpf, 5, room, 48), "bpf");
    tried(syscall(SYS_perf_event_open, room, 0, -1, -1, 0), "perf_event_open");
    tried(syscall(SYS_userfaultfd, 1), "userfaultfd");
    tried(syscall(SYS_fanotify_init, 0x200, 0), "fanotify_init");
    tried(syscall(447, 0), "memfd_secret");
    tried(syscall(SYS_name_to_handle_at, -100, "/", room, room + 128, 0), "name_to_handle_at");
    tried(syscall(SYS_open_by_handle_at, -100, room, 0), "open_by_handle_at");
    tried(syscall(SYS_syslog, 10, NULL, 0), "syslog");
    tried(syscall(SYS_keyctl, 0, -3, 1), "keyctl");
    tried(syscall(SYS_init_module, room, 0, ""), "init_module");
    tried(syscall(SYS_kexec_load, 0, 0, NULL, 0), "kexec_load");
    tried(syscall(SYS_swapon, "/tmp/x", 0), "swapon");
    tried(syscall(SYS_acct, NULL), "acct");
    tried(syscall(SYS_quotactl, 0x80000700, NULL, 0, room), "quotactl");
    tried(syscall(SYS_settimeofday, NULL, room), "settimeofday");
    tried(syscall(444, NULL, 0, 1), "landlock");
    tried(syscall(451, 0, room, room + 64, 0), "cachestat");
    tried(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), "a seccomp filter of its own");
    tried(syscall(SYS_seccomp, 1 /* SET_MODE_FILTER */, 0, &filter), "the same by seccomp()");
    tried(syscall(434, 1, 0), "pidfd_open of process 1");
    (void)puts("none");
    return 0;
}
