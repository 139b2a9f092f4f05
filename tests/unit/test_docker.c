/* tests/unit/test_docker.c - docker_*() against a daemon that reads its lines from a table. */
#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/docker/docker.h"
#include "engine/docker/docker_pull.h"
#include "schema/base/err.h"
#include "tests/support/assert_err.h"
#include "tests/support/script.h"

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
        struct docker *d = script_play(lines, cases[i].used ? 2 : 1);
        struct err e;
        int rc = docker_start(d, "x", &e);
        assert_int_equal(rc, cases[i].used ? 0 : -1);
        if (cases[i].used)
            assert_non_null(strstr(script.requests[1], cases[i].used));
        else
            assert_int_equal(e.kind, ERR_PLATFORM);
        script_end(d);
    }
}

enum call { START, KILL, END, REMOVE, INSPECT, IMAGE, UPDATE, PING };

static int do_call(struct docker *d, enum call call, struct err *e)
{
    json_auto_t *json = NULL;
    switch (call) {
    case START:
        return docker_start(d, "x", e);
    case KILL:
        return docker_kill(d, "x", e);
    case END:
        return docker_await_end(d, "x", e);
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
        { END, "200 OK", ERR_NONE },
        { END, "404 Not Found", ERR_NONE },
        { END, "500 Oh", ERR_DOCKER },
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
        script_end(d);
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
    script_end(d);
}

static void update_sets_both(void **state)
{
    (void)state;
    struct docker *d = PLAY(OK_VERSION, EMPTY("200 OK"));
    struct err e;
    assert_int_equal(docker_update_memory(d, "x", 64 * MIB, &e), 0);
    assert_non_null(strstr(script.requests[1], "\"Memory\":67108864"));
    assert_non_null(strstr(script.requests[1], "\"MemorySwap\":67108864"));
    script_end(d);
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
        script_end(d);
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
    script_end(d);
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
        struct docker *d = script_play(cases[i].lines, cases[i].len);
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
        script_end(d);
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

    script_listen(script.path, false); /* a socket that nobody listens to */
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
        script_end(d);
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
    return cmocka_run_group_tests(tests, script_make, script_remove) ? 1 : 0;
}
