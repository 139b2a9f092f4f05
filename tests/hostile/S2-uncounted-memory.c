/* S2: memory of the kernel that is in no memory limit, or not in full: it is the host's. Each
 * source is refused.
 *
 * run: tcp => OK : refused
 * run: udp => OK : refused
 * run: netlink => OK : refused
 * run: ping => OK : refused
 * run: filter => OK : refused
 * run: seccomp => OK : refused
 * run: huge => OK : refused
 * run: hugefile => OK : refused
 * run: keys => OK : refused
 * run: ptys => OK : refused
 * run: locked => OK : refused
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Datagrams to itself that nobody takes: the largest queue the kernel gives. */
static long fill_queue(int family, int type, int protocol)
{
    int fd = socket(family, type, protocol), room = 1 << 30;
    char block[4096] = "";

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    (void)send(fd, block, sizeof block, MSG_DONTWAIT);
    return fd;
}

static long attach_filter(void)
{
    static struct sock_filter code[4096];
    struct sock_fprog filter = { .len = 4096, .filter = code };
    int ends[2];

    for (int i = 0; i < 4096; i++)
        code[i] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, 0);
    code[4095] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0xffff);
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) < 0)
        return -1;
    return setsockopt(ends[0], SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
}

static long add_seccomp(void)
{
    struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog filter = { .len = 1, .filter = &all };

    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

/* Without a pool of huge pages the kernel says the same as the filter, but it says it to an odd
 * length in other words. */
static long map_huge(void)
{
    void *p = mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

    return p == MAP_FAILED && errno == ENOMEM ? -1 : 0;
}

int main(void)
{
    char how[16] = "";
    long result = 0;

    (void)scanf("%15s", how);
    if (strcmp(how, "tcp") == 0)
        result = socket(AF_INET, SOCK_STREAM, 0);
    else if (strcmp(how, "udp") == 0)
        result = fill_queue(AF_INET, SOCK_DGRAM, 0);
    else if (strcmp(how, "netlink") == 0)
        result = fill_queue(AF_NETLINK, SOCK_RAW, 0);
    else if (strcmp(how, "ping") == 0)
        result = fill_queue(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
    else if (strcmp(how, "filter") == 0)
        result = attach_filter();
    else if (strcmp(how, "seccomp") == 0)
        result = add_seccomp();
    else if (strcmp(how, "huge") == 0)
        result = map_huge();
    else if (strcmp(how, "hugefile") == 0)
        result = memfd_create("m", MFD_HUGETLB);
    else if (strcmp(how, "keys") == 0)
        result = syscall(SYS_add_key, "user", "left", "x", 1, -2);
    else if (strcmp(how, "ptys") == 0)
        result = open("/dev/ptmx", O_RDWR);
    else if (strcmp(how, "locked") == 0)
        result = mlock(how, 1);
    (void)puts(result < 0 ? "refused" : "allowed");
    return 0;
}
