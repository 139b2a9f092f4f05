#include "tests/support/fake_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A rule comes first. Status 0: no answer. */
static struct fake_answer fake_answer_of(const char *method, const char *path, const char *body)
{
    struct fake_answer a;

    if (fake.on_request)
        fake.on_request(method, path);
    (void)pthread_mutex_lock(&fake.lock);
    a = fake_fault_locked(method, path);
    if (a.status < 0)
        a = fake_route_locked(method, path, body);
    fake_changed_locked();
    (void)pthread_mutex_unlock(&fake.lock);
    return a;
}
/* The body's length, or -1 at the end of the connection. */
static ssize_t fake_read_request(int fd, char *room, size_t size, char **ret_body)
{
    size_t len = 0;
    for (;;) {
        room[len] = '\0';
        char *end = strstr(room, "\r\n\r\n");
        const char *length = strstr(room, "Content-Length: ");
        size_t want = end && length && length < end ? strtoul(length + 16, NULL, 10) : 0;
        if (end && len >= (size_t)(end + 4 - room) + want) {
            *ret_body = end + 4;
            return (ssize_t)want;
        }
        ssize_t n = len < size - 1 ? read(fd, room + len, size - 1 - len) : 0;
        if (n <= 0)
            return -1;
        len += (size_t)n;
    }
}

static void fake_serve(int fd)
{
    CLEANUP(freep) char *room = malloc(MIB);
    char method[16], path[1000], head[200], *body;

    while (room && fake_read_request(fd, room, MIB, &body) >= 0) {
        if (sscanf(room, "%15s %999s", method, path) != 2)
            break;
        struct fake_answer a = fake_answer_of(method, path, body);
        if (a.status == 0) {
            json_decref(a.body);
            while (read(fd, room, MIB) > 0)
                ;
            break;
        }
        CLEANUP(freep) char *text = a.body ? json_dumps(a.body, JSON_COMPACT) : NULL;
        json_decref(a.body);
        int n = snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n",
                         a.status, text ? strlen(text) : 0);
        if (send(fd, head, (size_t)n, MSG_NOSIGNAL) != n ||
            (text && send(fd, text, strlen(text), MSG_NOSIGNAL) < 0))
            break;
    }
}

static void *fake_client_main(void *arg)
{
    CLEANUP(closep) int fd = (int)(intptr_t)arg;

    fake_connected(fd);
    fake_serve(fd);
    fake_disconnected(fd);
    return NULL;
}

void *fake_server_main(void *arg)
{
    (void)arg;
    for (;;) {
        int fd = accept4(fake.listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            return NULL;
        (void)pthread_mutex_lock(&fake.lock);
        bool room = fake.clients_len < ARRAY_LEN(fake.clients);
        if (room && pthread_create(&fake.clients[fake.clients_len], NULL, fake_client_main,
                                   (void *)(intptr_t)fd) == 0)
            fake.clients_len++;
        else
            (void)close(fd);
        (void)pthread_mutex_unlock(&fake.lock);
    }
}
