/* A6: out to the network, in every way.
 *
 * run: => OK : nothing
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static const int kinds[][2] = { { SOCK_STREAM, 0 },
                                { SOCK_STREAM, IPPROTO_MPTCP },
                                { SOCK_STREAM, IPPROTO_SCTP },
                                { SOCK_DGRAM, 0 },
                                { SOCK_DGRAM, IPPROTO_UDPLITE },
                                { SOCK_DGRAM, IPPROTO_ICMP },
                                { SOCK_DGRAM, IPPROTO_ICMPV6 } };

static void tcp(const char *address, int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)inet_pton(AF_INET, address, &a.sin_addr);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
        (void)printf("allowed: %s:%d\n", address, port);
    if (fd >= 0)
        (void)close(fd);
}

int main(void)
{
    static const int ports[] = { 22, 53, 80, 443, 2375, 8080, 9092 };
    struct if_nameindex *cards = if_nameindex();
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(53) };

    for (struct if_nameindex *i = cards; i && i->if_index; i++)
        if (strcmp(i->if_name, "lo") != 0)
            (void)printf("allowed: interface %s\n", i->if_name);
    for (unsigned i = 0; i < sizeof ports / sizeof *ports; i++) {
        tcp("127.0.0.1", ports[i]);
        tcp("172.17.0.1", ports[i]);
        tcp("169.254.169.254", ports[i]);
        tcp("8.8.8.8", ports[i]);
    }
    (void)inet_pton(AF_INET, "8.8.8.8", &to.sin_addr);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof to) > 0)
        (void)puts("allowed: udp");
    if (socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0)
        (void)puts("allowed: raw socket");
    if (socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6) >= 0)
        (void)puts("allowed: raw socket, version 6");
    for (int family = AF_INET; family <= AF_INET6; family += AF_INET6 - AF_INET)
        for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
            if (socket(family, kinds[i][0], kinds[i][1]) >= 0)
                (void)printf("allowed: family %d, type %d, protocol %d\n", family, kinds[i][0],
                             kinds[i][1]);
    for (int protocol = 0; protocol < 32; protocol++)
        if (socket(AF_NETLINK, SOCK_RAW, protocol) >= 0)
            (void)printf("allowed: netlink %d\n", protocol);
    (void)puts("nothing");
    return 0;
}
