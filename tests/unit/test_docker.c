/* docker_*() against a daemon that reads its lines from a table. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

#include "engine/docker/docker.h"
#include "engine/docker/docker_pull.h"
#include "schema/base/err.h"

/* One request of the script: what is answered to it. */
struct line {
    const char *answer; /* whole, or NULL: hang up */
    bool hang_up;       /* after the answer */
    size_t fill;        /* so many bytes more behind it */
    const char *split;  /* sent as a piece of its own */
    bool silent;        /* say nothing until the client has gone */
};

#define LINES_MAX 8

static struct script {
    char dir[64], path[96], host[112];
    int listener;
    struct line lines[LINES_MAX];
    size_t len, done;
    char requests[LINES_MAX][1024]; /* what came */
    pthread_t thread;
} script;

#define JSON(status, body) "HTTP/1.1 " status "\r\nTransfer-Encoding: chunked\r\n\r\n" body
#define OK_VERSION                                                                                 \
    {                                                                                              \
        .answer = "HTTP/1.1 200 OK\r\nContent-Length: 44\r\n\r\n"                                  \
                  "{\"ApiVersion\":\"1.41\",\"MinAPIVersion\":\"1.12\"}"                           \
    }
#define EMPTY(status)                                                                              \
    {                                                                                              \
        .answer = "HTTP/1.1 " status "\r\nContent-Length: 0\r\n\r\n"                               \
    }

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

static void listen_at(const char *path, bool really)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    (void)unlink(path);
    script.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(script.listener, (struct sockaddr *)&a, sizeof a), 0);
    if (really)
        assert_int_equal(listen(script.listener, 8), 0);
}

static struct docker *play(const struct line *lines, size_t len)
{
    struct docker *d = NULL;
    struct err e;
    memcpy(script.lines, lines, len * sizeof *lines);
    memset(script.requests, 0, sizeof script.requests);
    script.len = len;
    script.done = 0;
    listen_at(script.path, true);
    assert_int_equal(pthread_create(&script.thread, NULL, daemon_main, NULL), 0);
    assert_int_equal(docker_open(script.host, &d, &e), 0);
    return d;
}

/* The script must have been played to its end. */
static void curtain(struct docker *d)
{
    (void)docker_free(d);
    (void)shutdown(script.listener, SHUT_RDWR);
    assert_int_equal(pthread_join(script.thread, NULL), 0);
    closep(&script.listener);
    assert_int_equal(script.done, script.len);
}
#define PLAY(...)                                                                                  \
    play((const struct line[]){ __VA_ARGS__ }, ARRAY_LEN(((const struct line[]){ __VA_ARGS__ })))

static int make_script(void **state)
{
    (void)state;
    (void)snprintf(script.dir, sizeof script.dir, "/tmp/scrc-test-XXXXXX");
    if (!mkdtemp(script.dir) || chmod(script.dir, 0755) < 0)
        return -1;
    (void)snprintf(script.path, sizeof script.path, "%s/docker.sock", script.dir);
    (void)snprintf(script.host, sizeof script.host, "unix://%s", script.path);
    return 0;
}

static int remove_script(void **state)
{
    (void)state;
    (void)unlink(script.path);
    return rmdir(script.dir);
}

static void hosts(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool ok;
    } cases[] = { { NULL, true },
                  { "", true },
                  { "unix:///x", true },
                  { "unix://x", false },
                  { "tcp://127.0.0.1:2375", false },
                  { "ssh://there", false },
                  { "/var/run/docker.sock", false } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct docker *d = NULL;
        struct err e = { .kind = ERR_NONE };
        int rc = docker_open(cases[i].host, &d, &e);
        assert_int_equal(rc, cases[i].ok ? 0 : -1);
        assert_int_equal(e.kind, cases[i].ok ? ERR_NONE : ERR_SETTING);
        assert_true(cases[i].ok == (d != NULL));
        (void)docker_free(d);
    }
}

static void version_is_negotiated(void **state)
{
    (void)state;
    static const struct {
        const char *api, *min;
        const char *used; /* NULL: ERR_PLATFORM */
    } cases[] = { { "1.41", "1.12", "/v1.41/" }, { "1.44", "1.24", "/v1.44/" },
                  { "1.52", "1.44", "/v1.47/" }, { "1.47", "1.47", "/v1.47/" },
                  { "1.40", "1.12", NULL },      { "1.60", "1.48", NULL },
                  { "2.0", "2.0", NULL },        { "", "", NULL },
                  { "1.44x", "1.24", NULL } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[200], body[80];
        (void)snprintf(body, sizeof body, "{\"ApiVersion\":\"%s\",\"MinAPIVersion\":\"%s\"}",
                       cases[i].api, cases[i].min);
        (void)snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
                       strlen(body), body);
        struct line lines[] = { { .answer = text }, EMPTY("204 No Content") };
        struct docker *d = play(lines, cases[i].used ? 2 : 1);
        struct err e;
        int rc = docker_start(d, "x", &e);
        assert_int_equal(rc, cases[i].used ? 0 : -1);
        if (cases[i].used)
            assert_non_null(strstr(script.requests[1], cases[i].used));
        else
            assert_int_equal(e.kind, ERR_PLATFORM);
        curtain(d);
    }
}

enum call { START, KILL, REMOVE, INSPECT, IMAGE, UPDATE, PING };

static int do_call(struct docker *d, enum call call, struct err *e)
{
    json_auto_t *json = NULL;
    switch (call) {
    case START:
        return docker_start(d, "x", e);
    case KILL:
        return docker_kill(d, "x", e);
    case REMOVE:
        return docker_remove(d, "x", e);
    case INSPECT:
        return docker_inspect(d, "x", &json, e);
    case IMAGE:
        return docker_image(d, "x", &json, e);
    case UPDATE:
        return docker_update_memory(d, "x", 64 * MIB, e);
    case PING:
        return docker_ping(d, e);
    }
    return -1;
}

static void statuses(void **state)
{
    (void)state;
    static const struct {
        enum call call;
        const char *status;
        enum err_kind kind; /* ERR_NONE: success */
    } cases[] = {
        { START, "204 No Content", ERR_NONE },
        { START, "304 Not Modified", ERR_NONE },
        { START, "404 Not Found", ERR_NOT_FOUND },
        { START, "500 Oh", ERR_DOCKER },
        { START, "503 Oh", ERR_UNAVAILABLE },
        { KILL, "204 No Content", ERR_NONE },
        { KILL, "404 Not Found", ERR_NONE },
        { KILL, "409 Conflict", ERR_NONE },
        { KILL, "500 Oh", ERR_DOCKER },
        { REMOVE, "204 No Content", ERR_NONE },
        { REMOVE, "404 Not Found", ERR_NONE },
        { REMOVE, "409 Conflict", ERR_NONE },
        { REMOVE, "500 Oh", ERR_DOCKER },
        { INSPECT, "404 Not Found", ERR_NOT_FOUND },
        { INSPECT, "200 OK", ERR_DOCKER },
        { IMAGE, "404 Not Found", ERR_IMAGE },
        { IMAGE, "500 Oh", ERR_DOCKER },
        { UPDATE, "200 OK", ERR_NONE },
        { UPDATE, "409 Conflict", ERR_DOCKER },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[100];
        (void)snprintf(text, sizeof text, "HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n",
                       cases[i].status);
        struct docker *d = PLAY(OK_VERSION, { .answer = text });
        struct err e = { .kind = ERR_NONE };
        int rc = do_call(d, cases[i].call, &e);
        assert_int_equal(e.kind, cases[i].kind);
        assert_int_equal(rc, cases[i].kind == ERR_NONE ? 0 : -1);
        curtain(d);
    }
}

static void its_own_words(void **state)
{
    (void)state;
    struct docker *d = PLAY(OK_VERSION, { .answer = JSON("500 Oh", "12\r\n{\"message\":\"no\\n\"}"
                                                                   "\r\n0\r\n\r\n") });
    struct err e;
    assert_int_equal(docker_start(d, "x", &e), -1);
    assert_non_null(strstr(e.msg, "no\n"));
    assert_non_null(strstr(e.msg, "/containers/x/start"));
    curtain(d);
}

static void update_sets_both(void **state)
{
    (void)state;
    struct docker *d = PLAY(OK_VERSION, EMPTY("200 OK"));
    struct err e;
    assert_int_equal(docker_update_memory(d, "x", 64 * MIB, &e), 0);
    assert_non_null(strstr(script.requests[1], "\"Memory\":67108864"));
    assert_non_null(strstr(script.requests[1], "\"MemorySwap\":67108864"));
    curtain(d);
}

static void broken_answers(void **state)
{
    (void)state;
    static const struct {
        struct line line;
        enum err_kind kind;
    } cases[] = {
        { { .answer = NULL }, ERR_UNAVAILABLE },
        { { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", .hang_up = true },
          ERR_UNAVAILABLE },
        { { .answer = JSON("200 OK", "5\r\nhe"), .hang_up = true }, ERR_UNAVAILABLE },
        { { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n",
            .fill = 8 << 20,
            .hang_up = true },
          ERR_DOCKER },
        { { .answer = "SSH-2.0-OpenSSH_9.2\r\n\r\n", .hang_up = true }, ERR_DOCKER },
        { { .answer = NULL, .silent = true }, ERR_TIMEOUT },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct docker *d = PLAY(cases[i].line);
        struct err e = { .kind = ERR_NONE };
        assert_int_equal(docker_ping(d, &e), -1);
        assert_int_equal(e.kind, cases[i].kind);
        curtain(d);
    }
}

static void *end_it(void *arg)
{
    while (script.done < 2)
        (void)usleep(1000); /* until the call hangs */
    docker_until(arg, 0);
    return NULL;
}

/* Nobody waits for an answer that nobody needs any more. */
static void a_call_is_ended(void **state)
{
    (void)state;
    struct docker *d = PLAY(OK_VERSION, { .answer = NULL, .silent = true });
    pthread_t thread;
    struct err e = { .kind = ERR_NONE };

    assert_int_equal(pthread_create(&thread, NULL, end_it, d), 0);
    assert_int_equal(docker_start(d, "x", &e), -1);
    assert_int_equal(e.kind, ERR_CANCELLED); /* and not ERR_TIMEOUT, after a minute */
    (void)pthread_join(thread, NULL);
    assert_int_equal(docker_ping(d, &e), -1); /* nor is one begun */
    assert_int_equal(e.kind, ERR_CANCELLED);
    curtain(d);
}

/* libcurl sends a POST again by itself when a kept connection dies under it. */
#define INSPECTED(label)                                                                           \
    {                                                                                              \
        .answer = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"Id\":\"abc\",\"Config\":{"       \
                  "\"Labels\":{\"scrc.create\":\"" label "\"}}}",                                  \
        .hang_up = true                                                                            \
    }
#define CREATED                                                                                    \
    {                                                                                              \
        .answer = "HTTP/1.1 201 Created\r\nContent-Length: 12\r\n\r\n{\"Id\":\"abc\"}"             \
    }

static void create(void **state)
{
    (void)state;
    static const struct {
        struct line lines[4];
        size_t len;
        enum err_kind kind;
    } cases[] = {
        { { OK_VERSION, CREATED }, 2, ERR_NONE },
        { { OK_VERSION, { .answer = NULL }, EMPTY("409 Conflict"), INSPECTED("n1") }, 4, ERR_NONE },
        { { OK_VERSION, EMPTY("409 Conflict"), INSPECTED("n2") }, 3, ERR_DOCKER },
        { { OK_VERSION, EMPTY("409 Conflict"), INSPECTED("") }, 3, ERR_DOCKER },
        { { OK_VERSION, EMPTY("404 Not Found") }, 2, ERR_IMAGE },
        { { OK_VERSION, EMPTY("400 Bad") }, 2, ERR_DOCKER },
        { { OK_VERSION, EMPTY("201 Created") }, 2, ERR_DOCKER },
        { { OK_VERSION, { .answer = NULL }, { .answer = NULL } }, 3, ERR_UNAVAILABLE },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_auto_t *body = json_pack("{s:{s:s}}", "Labels", "scrc.create", "n1");
        struct docker *d = play(cases[i].lines, cases[i].len);
        struct err e = { .kind = ERR_NONE };
        CLEANUP(freep) char *id = NULL;
        int rc = docker_create(d, "n1", body, &id, &e);
        assert_int_equal(e.kind, cases[i].kind);
        assert_int_equal(rc, cases[i].kind == ERR_NONE ? 0 : -1);
        if (rc == 0)
            assert_string_equal(id, "abc");
        else
            assert_null(id);
        assert_non_null(strstr(script.requests[1], "POST /v1.41/containers/create?name=n1 "));
        curtain(d);
    }
}

static void nobody_there(void **state)
{
    (void)state;
    struct docker *d = NULL;
    struct err e;

    (void)unlink(script.path);
    assert_int_equal(docker_open(script.host, &d, &e), 0);
    assert_int_equal(docker_ping(d, &e), -1);
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    assert_non_null(strstr(e.msg, script.path));

    listen_at(script.path, false); /* a socket that nobody listens to */
    assert_int_equal(docker_ping(d, &e), -1);
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    if (geteuid() == 0) {
        assert_int_equal(chown(script.path, 0, 1), 0); /* a group that root is not in */
        assert_int_equal(chmod(script.path, 0660), 0);
        assert_int_equal(seteuid(65534), 0);
        int rc = docker_ping(d, &e);
        assert_int_equal(seteuid(0), 0);
        assert_int_equal(rc, -1);
        assert_int_equal(e.kind, ERR_UNAVAILABLE);
        assert_non_null(strstr(e.msg, "permission"));
        assert_non_null(strstr(e.msg, "usermod -aG daemon"));
    }
    closep(&script.listener);
    (void)docker_free(d);
}

static void odd_names(void **state)
{
    (void)state;
    static const char *const names[] = { "", "a b", "a?b", "a#b", "../x", "a%2f", "a\nb" };
    struct docker *d = NULL;
    struct err e;
    (void)unlink(script.path);
    assert_int_equal(docker_open(script.host, &d, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        json_auto_t *json = NULL;
        assert_int_equal(docker_image(d, names[i], &json, &e), -1);
        assert_int_equal(e.kind, ERR_DOCKER);
        assert_int_equal(docker_pull(d, names[i], NULL, NULL, &e), -1);
        assert_int_equal(e.kind, ERR_IMAGE);
    }
    (void)docker_free(d);
}

static struct told {
    int count, stop_at;
    char last[300];
} told;

static bool tell(void *ctx, const char *text)
{
    struct told *t = ctx;
    (void)snprintf(t->last, sizeof t->last, "%s", text);
    return ++t->count != t->stop_at;
}

static void pull(void **state)
{
    (void)state;
    static const char head[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    static const struct {
        const char *ref, *asked, *first, *second;
        int stop_at, count;
        enum err_kind kind;
        const char *last;
    } cases[] = {
        { "a/b", "fromImage=a/b:latest ", "{\"status\":\"Pulling\",\"id\":\"l1\"}\n{\"sta",
          "tus\":\"Done\",\"progress\":\"[=]\"}\r\n", 0, 2, ERR_NONE, "Done [=]" },
        { "r:5/b:1", "fromImage=r:5/b:1 ", "\n", "{\"status\":\"x\"}", 0, 1, ERR_NONE, "x" },
        { "b@sha256:0", "fromImage=b@sha256:0 ", "{\"status\":\"x\"}\n",
          "{\"errorDetail\":{\"message\":\"gone\"},\"error\":\"gone\"}\n", 0, 1, ERR_IMAGE, "x" },
        { "r:5/b", "fromImage=r:5/b:latest ", "{\"message\":\"no such host\"}", NULL, 0, 0,
          ERR_IMAGE, "" },
        { "b", "fromImage=b:latest ", "{\"status\":\"x\"}\n", "{\"status\":\"y\"}\n", 1, 1,
          ERR_CANCELLED, "x" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char first[300];
        (void)snprintf(first, sizeof first, "%s%s", head, cases[i].first);
        struct docker *d =
            PLAY(OK_VERSION, { .answer = first, .split = cases[i].second, .hang_up = true });
        struct err e = { .kind = ERR_NONE };
        told = (struct told){ .stop_at = cases[i].stop_at };
        int rc = docker_pull(d, cases[i].ref, tell, &told, &e);
        assert_int_equal(e.kind, cases[i].kind);
        assert_int_equal(rc, cases[i].kind == ERR_NONE ? 0 : -1);
        assert_int_equal(told.count, cases[i].count);
        assert_string_equal(told.last, cases[i].last);
        assert_non_null(strstr(script.requests[1], cases[i].asked));
        curtain(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts),
        cmocka_unit_test(version_is_negotiated),
        cmocka_unit_test(statuses),
        cmocka_unit_test(its_own_words),
        cmocka_unit_test(update_sets_both),
        cmocka_unit_test(broken_answers),
        cmocka_unit_test(a_call_is_ended),
        cmocka_unit_test(create),
        cmocka_unit_test(nobody_there),
        cmocka_unit_test(odd_names),
        cmocka_unit_test(pull),
    };
    return cmocka_run_group_tests(tests, make_script, remove_script) ? 1 : 0;
}
