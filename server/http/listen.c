#include "server/http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "schema/base/err.h"

#define ADDRESS_FORM "must be host:port, as in 127.0.0.1:8080 or [::1]:8080"

/* Splits "host:port" or "[host]:port"; an empty host means all addresses. */
static int split_address(const char *address, char host[256], char port[8], struct err *e)
{
    const char *colon = strrchr(address, ':');
    size_t len = colon ? (size_t)(colon - address) : 0;
    char *end;

    if (!colon || len > 255 || strlen(colon + 1) > 5)
        return err_set(e, ERR_SETTING, "HTTP_LISTEN=%.100s: " ADDRESS_FORM, address);
    if (len >= 2 && address[0] == '[' && address[len - 1] == ']') {
        address++;
        len -= 2;
    } else if (memchr(address, ':', len)) {
        return err_set(e, ERR_SETTING, "HTTP_LISTEN=%.100s: " ADDRESS_FORM, address);
    }
    memcpy(host, address, len);
    host[len] = '\0';
    long number = strtol(colon + 1, &end, 10);
    if (end == colon + 1 || *end || number < 0 || number > 65535)
        return err_set(e, ERR_SETTING, "HTTP_LISTEN: '%.20s' is no port, 0 to 65535", colon + 1);
    (void)snprintf(port, 8, "%ld", number);
    return 0;
}

static bool is_loopback_address(const struct sockaddr *a)
{
    const struct sockaddr_in *v4 = (const void *)a;
    const struct sockaddr_in6 *v6 = (const void *)a;

    if (a->sa_family == AF_INET)
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    if (a->sa_family != AF_INET6)
        return false;
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        return v6->sin6_addr.s6_addr[12] == 127;
    return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static int bind_socket(const struct addrinfo *a, const char *address, int *ret_fd, struct err *e)
{
    const int yes = 1, no = 0;
    CLEANUP(closep)
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return err_errno(e, ERR_UNAVAILABLE, errno, "socket for %s", address);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (a->ai_family == AF_INET6) /* [::] means IPv4 too */
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
    if (bind(fd, a->ai_addr, a->ai_addrlen) < 0) {
        if (errno == EADDRINUSE)
            return err_set(e, ERR_UNAVAILABLE,
                           "%s is in use by another program; stop it or set HTTP_LISTEN", address);
        return err_errno(e, ERR_UNAVAILABLE, errno, "serve on %s", address);
    }
    *ret_fd = TAKE_FD(fd);
    return 0;
}

int listen_bind(const char *address, bool anonymous, int *ret_fd, struct err *e)
{
    const struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                    .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    char host[256], port[8];
    int rc = -1;

    if (split_address(address, host, port, e) < 0)
        return -1;
    int why = getaddrinfo(*host ? host : NULL, port, &hints, &found);
    if (why != 0)
        return err_set(e, ERR_SETTING, "HTTP_LISTEN=%.100s: %s", address, gai_strerror(why));
    if (!anonymous && !is_loopback_address(found->ai_addr))
        (void)err_set(e, ERR_SETTING,
                      "HTTP_LISTEN=%.100s: others could reach it and run programs here. Serve on "
                      "127.0.0.1, or set ALLOW_ANONYMOUS=1 to let everybody in",
                      address);
    else
        rc = bind_socket(found, address, ret_fd, e);
    freeaddrinfo(found);
    return rc;
}

int listen_connect(const char *address, const struct timeval *limit, int *ret_fd, struct err *e)
{
    const struct addrinfo hints = { .ai_flags = AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    char host[256], port[8];

    if (split_address(address, host, port, e) < 0)
        return -1;
    int why = getaddrinfo(*host ? host : NULL, port, &hints, &found);
    if (why != 0)
        return err_set(e, ERR_SETTING, "HTTP_LISTEN=%.100s: %s", address, gai_strerror(why));
    CLEANUP(closep) int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, limit, sizeof *limit);
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, limit, sizeof *limit);
    }
    int rc = fd < 0 ? -1 : connect(fd, found->ai_addr, found->ai_addrlen);
    int number = errno;
    freeaddrinfo(found);
    if (rc < 0)
        return err_errno(e, ERR_UNAVAILABLE, number, "connect");
    *ret_fd = TAKE_FD(fd);
    return 0;
}

bool listen_is_loopback(int fd)
{
    struct sockaddr_storage at = { .ss_family = AF_UNSPEC };
    socklen_t len = sizeof at;

    return getsockname(fd, (struct sockaddr *)&at, &len) == 0 &&
           is_loopback_address((const struct sockaddr *)&at);
}

void listen_name(int fd, char out[LISTEN_NAME_SIZE])
{
    struct sockaddr_storage at = { .ss_family = AF_UNSPEC };
    socklen_t len = sizeof at;
    char host[48] = "?", port[8] = "?";

    (void)getsockname(fd, (struct sockaddr *)&at, &len);
    (void)getnameinfo((const struct sockaddr *)&at, len, host, sizeof host, port, sizeof port,
                      NI_NUMERICHOST | NI_NUMERICSERV);
    (void)snprintf(out, LISTEN_NAME_SIZE, at.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host,
                   port);
}
