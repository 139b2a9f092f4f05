#include "tests/support/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "schema/base/err.h"
#include "tests/support/assert_err.h"

struct script script;

static bool read_request(int fd, char *out, size_t size)
{
    size_t len = 0, want = 0;
    while (len < size - 1) {
        ssize_t n = read(fd, out + len, size - 1 - len);
        if (n <= 0)
            return false;
        len += (size_t)n;
        out[len] = '\0';
        const char *end = strstr(out, "\r\n\r\n"), *length = strstr(out, "Content-Length: ");
        if (!end)
            continue;
        want = length ? strtoul(length + 16, NULL, 10) : 0;
        if (len >= (size_t)(end + 4 - out) + want)
            return true;
    }
    return true;
}

static void send_all(int fd, const char *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = send(fd, data + done, len - done, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        done += (size_t)n;
    }
}

static void answer(int fd, const struct line *l)
{
    char fill[4096];
    memset(fill, 'x', sizeof fill);
    send_all(fd, l->answer, strlen(l->answer));
    if (l->split) {
        (void)usleep(20000); /* so that it comes as a piece of its own; nothing waits for it */
        send_all(fd, l->split, strlen(l->split));
    }
    for (size_t sent = 0; sent < l->fill; sent += sizeof fill)
        send_all(fd, fill, sizeof fill);
}

static void *daemon_main(void *arg)
{
    (void)arg;
    char ignored[64];
    int fd = -1;
    while (script.done < script.len) {
        if (fd < 0 && (fd = accept(script.listener, NULL, NULL)) < 0)
            break;
        if (!read_request(fd, script.requests[script.done], sizeof script.requests[0])) {
            closep(&fd);
            continue;
        }
        const struct line *l = &script.lines[script.done++];
        while (l->silent && read(fd, ignored, sizeof ignored) > 0)
            ;
        if (l->answer)
            answer(fd, l);
        if (!l->answer || l->hang_up || l->silent)
            closep(&fd);
    }
    closep(&fd);
    return NULL;
}

void script_listen(const char *path, bool really)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    (void)unlink(path);
    script.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(script.listener, (struct sockaddr *)&a, sizeof a), 0);
    if (really)
        assert_int_equal(listen(script.listener, 8), 0);
}

struct docker *script_play(const struct line *lines, size_t len)
{
    struct docker *d = NULL;
    struct err e;
    memcpy(script.lines, lines, len * sizeof *lines);
    memset(script.requests, 0, sizeof script.requests);
    script.len = len;
    script.done = 0;
    script_listen(script.path, true);
    assert_int_equal(pthread_create(&script.thread, NULL, daemon_main, NULL), 0);
    assert_int_equal(docker_open(script.host, &d, &e), 0);
    return d;
}

void script_end(struct docker *d)
{
    (void)docker_free(d);
    (void)shutdown(script.listener, SHUT_RDWR);
    assert_int_equal(pthread_join(script.thread, NULL), 0);
    closep(&script.listener);
    assert_int_equal(script.done, script.len);
}
int script_make(void **state)
{
    (void)state;
    (void)snprintf(script.dir, sizeof script.dir, "/tmp/scrc-test-XXXXXX");
    if (!mkdtemp(script.dir) || chmod(script.dir, 0755) < 0)
        return -1;
    (void)snprintf(script.path, sizeof script.path, "%s/docker.sock", script.dir);
    (void)snprintf(script.host, sizeof script.host, "unix://%s", script.path);
    return 0;
}

int script_remove(void **state)
{
    (void)state;
    (void)unlink(script.path);
    return rmdir(script.dir);
}
