#include "client.h"

#include <arpa/inet.h>
#include <err.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "schema/base/base.h"

#define HEAD_MAX 600

int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

int64_t number(const char *text)
{
    char *end;
    long long n = strtoll(text, &end, 10);
    if (*end || end == text || n < 0)
        errx(1, "not a number: %s", text);
    return n;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int64_t median(int64_t *values, size_t len)
{
    qsort(values, len, sizeof *values, by_size);
    return len ? values[len / 2] : 0;
}

struct request make_request(const char *line, const char *headers, const char *body, size_t len)
{
    struct request r = { .bytes = malloc(HEAD_MAX + len) };

    if (!r.bytes)
        err(1, "request");
    int head = snprintf(r.bytes, HEAD_MAX, "%s\r\nHost: 127.0.0.1\r\nContent-Length: %zu\r\n%s\r\n",
                        line, len, headers);
    if (head < 0 || head >= HEAD_MAX)
        errx(1, "too long: %s", line);
    r.len = (size_t)head + len;
    if (len > 0)
        memcpy(r.bytes + head, body, len);
    return r;
}

int dial(uint16_t port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        err(1, "connect to port %u", port);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

void send_request(int fd, const struct request *r)
{
    if (send(fd, r->bytes, r->len, MSG_NOSIGNAL) != (ssize_t)r->len)
        err(1, "send");
}

static size_t receive(int fd, char *at, size_t room)
{
    ssize_t n = recv(fd, at, room, 0);
    if (n <= 0)
        errx(1, "the server closed the connection");
    return (size_t)n;
}

int exchange(int fd, const struct request *r)
{
    char in[16384];
    size_t len = 0;
    char *body, *length;

    send_request(fd, r);
    do {
        len += receive(fd, in + len, sizeof in - 1 - len);
        in[len] = 0;
        body = strstr(in, "\r\n\r\n");
    } while (!body && len < sizeof in - 1);
    int status = atoi(in + strlen("HTTP/1.1 "));
    length = strcasestr(in, "\r\nContent-Length:");
    if (!body || !length || length > body)
        errx(1, "not an answer of ours: %.200s", in);
    size_t left = strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
    for (size_t have = len - (size_t)(body + 4 - in); have < left;)
        have += receive(fd, in, sizeof in);
    return status;
}
