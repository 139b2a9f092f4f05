/* M8: memory that the kernel holds for it, of every kind that some kernel charges to nobody. What
 * it gets is kept for a moment, so that whoever looks at the host can see it.
 *
 * run: tcp => OK RE TL ML
 * run: udp => OK RE TL ML
 * run: unix => OK RE TL ML
 * run: netlink => OK RE TL ML
 * run: ping => OK RE TL ML
 * run: passed => OK RE TL ML
 * run: pipes => OK RE TL ML
 * run: ptys => OK RE TL ML
 * run: filters => OK RE TL ML
 * run: huge => OK RE TL ML
 * run: names => OK RE TL ML
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB   (1024L * 1024)
#define MANY  400
#define HUGE_ 0x0004 /* MFD_HUGETLB */

static char block[64 * 1024];

/* Writes until nothing more is taken. */
static void stuff(int fd)
{
    int size = 256 * MIB;

    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    for (int i = 0; i < 10000 && send(fd, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL) > 0;
         i++)
        ;
    for (int i = 0; i < 10000 && send(fd, block, 512, MSG_DONTWAIT | MSG_NOSIGNAL) > 0; i++)
        ;
}

static int bound(int type, struct sockaddr_in *at)
{
    socklen_t len = sizeof *at;
    int fd = socket(AF_INET, type, 0);

    *at = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    if (fd < 0 || bind(fd, (struct sockaddr *)at, sizeof *at) < 0)
        return -1;
    (void)getsockname(fd, (struct sockaddr *)at, &len);
    return fd;
}

static void fill_tcp(void)
{
    struct sockaddr_in at;
    int listener = bound(SOCK_STREAM, &at);

    if (listener < 0 || listen(listener, MANY) < 0)
        return;
    for (int i = 0; i < MANY; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0) {
            stuff(fd);
            stuff(accept(listener, NULL, NULL));
        }
    }
}

static void fill_udp(void)
{
    struct sockaddr_in at;

    for (int i = 0; i < MANY; i++) {
        int to = bound(SOCK_DGRAM, &at), from = socket(AF_INET, SOCK_DGRAM, 0), size = 256 * MIB;
        (void)setsockopt(to, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        if (to < 0 || from < 0 || connect(from, (struct sockaddr *)&at, sizeof at) < 0)
            return;
        for (int n = 0; n < 2000 && send(from, block, 60000, MSG_DONTWAIT) > 0; n++)
            ;
    }
}

static void fill_unix(void)
{
    int pair[2];

    for (int i = 0; i < MANY; i++) {
        if (socketpair(AF_UNIX, i % 2 ? SOCK_STREAM : SOCK_DGRAM, 0, pair) < 0)
            return;
        stuff(pair[0]);
        stuff(pair[1]);
    }
}

static void fill_netlink(void)
{
    struct {
        struct nlmsghdr head;
        char rest[32];
    } ask = { .head = { 48, 18 /* RTM_GETLINK */, NLM_F_REQUEST | NLM_F_DUMP, 0, 0 } };

    for (int i = 0; i < MANY; i++) {
        int fd = socket(AF_NETLINK, SOCK_RAW, 0);
        if (fd < 0)
            return;
        for (int n = 0; n < 500 && send(fd, &ask, sizeof ask, MSG_DONTWAIT) > 0; n++)
            ;
        stuff(fd);
    }
}

static void fill_ping(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

    block[0] = 8; /* ICMP_ECHO */
    for (int i = 0; i < MANY; i++) {
        int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
        if (fd < 0)
            return;
        for (int n = 0; n < 500; n++)
            if (sendto(fd, block, 32000, MSG_DONTWAIT, (struct sockaddr *)&at, sizeof at) < 0)
                break;
    }
}

/* Sockets in flight within sockets, which no process has open any more. */
static void fill_passed(void)
{
    char room[CMSG_SPACE(2 * sizeof(int))] = { 0 };
    int outer[2], inner[2];

    for (int i = 0; i < 20000 && socketpair(AF_UNIX, SOCK_DGRAM, 0, outer) == 0; i++) {
        struct iovec byte = { block, 1 };
        struct msghdr m = {
            .msg_iov = &byte, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room
        };
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, inner) < 0)
            return;
        stuff(inner[0]);
        stuff(inner[1]);
        *c = (struct cmsghdr){ CMSG_LEN(2 * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
        (void)memcpy(CMSG_DATA(c), inner, sizeof inner);
        if (sendmsg(outer[0], &m, MSG_DONTWAIT) < 0)
            return;
        (void)close(inner[0]);
        (void)close(inner[1]);
    }
}

static void fill_pipes(void)
{
    int ends[2];

    for (int i = 0; i < 4 * MANY && pipe2(ends, O_NONBLOCK) == 0; i++) {
        (void)fcntl(ends[1], F_SETPIPE_SZ, MIB);
        while (write(ends[1], block, sizeof block) > 0)
            ;
    }
}

static void fill_ptys(void)
{
    for (int i = 0; i < 4 * MANY; i++) {
        int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
            return;
        (void)write(fd, block, sizeof block);
    }
}

/* As many as one process may have, in each of many processes. */
static void fill_filters(void)
{
    static struct sock_filter code[4096];
    struct sock_fprog program = { .len = 4096, .filter = code };

    for (int i = 0; i < 4096; i++)
        code[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0x7fff0000 /* allow */);
    for (int child = 0; child < 120; child++) {
        if (fork() != 0)
            continue;
        while (prctl(PR_SET_SECCOMP, 2, &program) == 0)
            ;
        (void)pause();
    }
}

static void fill_huge(void)
{
    for (int i = 0; i < 64; i++) {
        int fd = memfd_create("huge", HUGE_);
        char *p =
            fd < 0 ? MAP_FAILED : mmap(NULL, 2 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (fd < 0 || ftruncate(fd, 2 * MIB) < 0 || p == MAP_FAILED)
            return;
        *p = 1; /* the last thing it does, where the host has none of them */
    }
}

/* Names that are not there are remembered too. */
static void fill_names(void)
{
    char path[256];
    struct stat st;

    for (int i = 0; i < 300000; i++) {
        (void)snprintf(path, sizeof path, "/tmp/%0200d", i);
        (void)stat(path, &st);
    }
}

int main(void)
{
    static const struct {
        const char *name;
        void (*fill)(void);
    } kinds[] = { { "tcp", fill_tcp },         { "udp", fill_udp },    { "unix", fill_unix },
                  { "netlink", fill_netlink }, { "ping", fill_ping },  { "passed", fill_passed },
                  { "pipes", fill_pipes },     { "ptys", fill_ptys },  { "filters", fill_filters },
                  { "huge", fill_huge },       { "names", fill_names } };
    struct rlimit most;
    char how[16] = "";

    (void)scanf("%15s", how);
    if (getrlimit(RLIMIT_NOFILE, &most) == 0) {
        most.rlim_cur = most.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &most);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(how, kinds[i].name) == 0)
            kinds[i].fill();
    (void)usleep(300 * 1000);
    return 0;
}
