#include "tests/support/http_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "tests/support/assert_err.h"

int http_dial(const struct site *f)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)f->port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval patience = { .tv_sec = 20 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    assert_true(fd >= 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) < 0) {
        closep(&fd);
        return -1;
    }
    return fd;
}

bool http_push(int fd, const void *data, size_t len)
{
    const char *p = data;

    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

size_t http_length(const struct http_answer *a)
{
    const char *at = strcasestr(a->text.data, "\r\nContent-Length:");
    return at ? (size_t)strtoul(at + 17, NULL, 10) : 0;
}

struct http_answer http_receive(int fd, bool head_only)
{
    struct http_answer a = { .status = 0 };
    char piece[65536];
    size_t want = SIZE_MAX;

    while (a.text.len < want) {
        const char *end = a.text.data ? strstr(a.text.data, "\r\n\r\n") : NULL;
        if (end && want == SIZE_MAX) {
            want = (size_t)(end - a.text.data) + 4 + (head_only ? 0 : http_length(&a));
            continue;
        }
        ssize_t n =
            recv(fd, piece, want - a.text.len < sizeof piece ? want - a.text.len : sizeof piece, 0);
        if (n <= 0) {
            a.closed = true;
            break;
        }
        assert_int_equal(buf_add(&a.text, piece, (size_t)n), 0);
    }
    if (a.text.data && sscanf(a.text.data, "HTTP/1.%*d %d", &a.status) == 1) {
        a.body = strstr(a.text.data, "\r\n\r\n");
        a.body = a.body ? a.body + 4 : "";
    }
    return a;
}

bool http_at_end(int fd)
{
    char byte;
    return recv(fd, &byte, 1, 0) == 0 || errno == ECONNRESET;
}

bool http_has_header(const struct http_answer *a, const char *line)
{
    const char *found = a->text.data ? strcasestr(a->text.data, line) : NULL;

    return found && (!a->body || found < a->body);
}

struct http_answer http_send(const struct site *f, const void *data, size_t len)
{
    CLEANUP(closep) int fd = http_dial(f);

    assert_true(fd >= 0);
    (void)http_push(fd, data, len);
    return http_receive(fd, false);
}

struct http_answer http_get(const struct site *f, const char *method, const char *fmt, ...)
{
    char target[2000], request[2200];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(target, sizeof target, fmt, ap);
    va_end(ap);
    int n = snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: x\r\n\r\n", method, target);
    return http_send(f, request, (size_t)n);
}

void http_push_post(int fd, const char *target, const char *json)
{
    char head[300];
    int n = snprintf(head, sizeof head,
                     "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                     "Content-Length: %zu\r\n\r\n",
                     target, strlen(json));
    (void)http_push(fd, head, (size_t)n);
    (void)http_push(fd, json, strlen(json));
}

struct http_answer http_post(const struct site *f, const char *target, const char *json)
{
    CLEANUP(closep) int fd = http_dial(f);

    assert_true(fd >= 0);
    http_push_post(fd, target, json);
    return http_receive(fd, false);
}

json_t *http_expect(struct http_answer a, int status)
{
    if (a.status != status)
        fail_msg("%d instead of %d: %.600s", a.status, status, a.text.data ? a.text.data : "");
    json_t *json = json_loads(a.body ? a.body : "", 0, NULL);
    buf_clear(&a.text);
    return json;
}

void http_expect_status(struct http_answer a, int status) { json_decref(http_expect(a, status)); }

const char *http_field(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));
    return text ? text : "(none)";
}
