/* What a route's row says it needs, and the daemon checks: the right, and the bound of a body. On
 * the real routes, and on a table of our own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "server/api/routes.h"
#include "server/api/submissions.h"
#include "server/http/daemon.h"
#include "server/http/listen.h"
#include "server/http/route.h"
#include "tests/support/assert_err.h"
#include "tests/support/http_client.h"
#include "tests/support/site.h"

/* ---- the real table ---- */

/* What the client of a request may do; a test sets it between its requests. */
static _Atomic unsigned rights;

static struct principal identify(const struct request *r)
{
    (void)r;
    return (struct principal){ .name = "tester", .rights = rights };
}

/* "POST /results/none/publish" of a route. The body is no submission. */
static struct http_answer ask(const struct site *f, const struct route *route)
{
    size_t fixed = strcspn(route->path, "{");
    const char *behind = strchr(route->path, '}');
    char request[600];
    int n = snprintf(request, sizeof request,
                     "%s %.*s%s%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                     "Content-Length: 2\r\n\r\n{}",
                     route->method, (int)fixed, route->path, behind ? "none" : "",
                     behind ? behind + 1 : "");

    return http_send(f, request, (size_t)n);
}

static bool is_stream(const struct route *route) { return strstr(route->path, "/events") != NULL; }

/* A stream has no end, its head is enough. */
static int status_of(const struct site *f, const struct route *route)
{
    static const char events[] = "GET /events HTTP/1.1\r\nHost: x\r\n\r\n";
    char head[13] = "";

    if (is_stream(route) && !strchr(route->path, '{')) {
        CLEANUP(closep) int fd = http_dial(f);
        assert_true(http_push(fd, events, sizeof events - 1));
        assert_int_equal(recv(fd, head, 12, MSG_WAITALL), 12);
        return (int)strtol(head + 9, NULL, 10);
    }
    struct http_answer a = ask(f, route);
    if (a.status == 403) {
        assert_true(http_has_header(&a, "application/problem+json"));
        assert_non_null(strstr(a.body, "tester may not "));
    }
    buf_clear(&a.text);
    return a.status;
}

/* Each route has one right: all others together do not open it, and it needs no other. */
static void test_every_route_needs_its_right(void **state)
{
    struct site f;

    (void)state;
    site_identify = identify;
    site_open(&f, NULL, 0);
    for (size_t i = 0; i < routes_len; i++) {
        const struct route *route = &routes_table[i];
        unsigned right = (unsigned)route->right;
        print_message("%s %s\n", route->method, route->path);
        assert_true(right != 0 && (right & (right - 1)) == 0 && (right & RIGHTS_ALL) == right);
        rights = 0;
        assert_int_equal(status_of(&f, route), 403);
        rights = RIGHTS_ALL & ~right;
        assert_int_equal(status_of(&f, route), 403);
        rights = right;
        int status = status_of(&f, route);
        assert_true(status != 0 && status != 403);
    }
    site_close(&f);
    site_identify = principal_anonymous;
}

/* A client without the right is told so before its body is there, and nothing of it is kept. */
static void test_refused_before_the_body(void **state)
{
    static const char head[] = "POST /submissions HTTP/1.1\r\nHost: x\r\nContent-Type: "
                               "application/json\r\nContent-Length: 1000\r\n\r\n";
    struct site f;

    (void)state;
    site_identify = identify;
    rights = RIGHTS_ALL & ~(unsigned)RIGHT_SUBMIT;
    site_open(&f, NULL, 0);
    CLEANUP(closep) int fd = http_dial(&f);
    assert_true(http_push(fd, head, sizeof head - 1));
    struct http_answer a = http_receive(fd, false);
    assert_true(http_has_header(&a, "\r\nConnection: close\r\n"));
    http_expect_status(a, 403);
    assert_true(http_at_end(fd));
    http_expect_status(http_post(&f, "/submissions", HELLO), 403);
    json_auto_t *list = http_expect(http_get(&f, "GET", "/results"), 200);
    assert_int_equal(json_array_size(json_object_get(list, "results")), 0);
    site_close(&f);
    site_identify = principal_anonymous;
}

/* HEAD needs what GET needs. */
static void test_head(void **state)
{
    static const char ask_head[] = "HEAD /results HTTP/1.1\r\nHost: x\r\n\r\n";
    struct site f;

    (void)state;
    site_identify = identify;
    site_open(&f, NULL, 0);
    for (int i = 0; i < 2; i++) {
        CLEANUP(closep) int fd = http_dial(&f);
        rights = i == 0 ? RIGHT_READ : RIGHT_SUBMIT;
        assert_true(http_push(fd, ask_head, sizeof ask_head - 1));
        http_expect_status(http_receive(fd, true), i == 0 ? 200 : 403);
    }
    site_close(&f);
    site_identify = principal_anonymous;
}

/* ---- a table of our own ---- */

static enum next say_length(struct request *r)
{
    return request_reply_json(r, 200, json_pack("{s:i}", "len", (int)r->body.len));
}

static void ignore_request(struct request *r) { (void)r; }
static void ignore_context(const void *context) { (void)context; }

static int start_with(const struct route *rows, size_t len, struct daemon **ret_http, int *ret_port,
                      struct err *e)
{
    struct http_config c = { .routes = { rows, len },
                             .identify = principal_anonymous,
                             .request_size = sizeof(struct request),
                             .release = ignore_request,
                             .end = ignore_request,
                             .drain = ignore_context,
                             .stop = ignore_context,
                             .max_body_bytes = 2000,
                             .max_header_bytes = 16 * KIB,
                             .max_connections = 100,
                             .max_connections_per_address = 100,
                             .request_timeout_ms = 10000 };
    char name[LISTEN_NAME_SIZE];
    int fd = -1;

    assert_ok(listen_bind("127.0.0.1:0", false, &fd, e), e);
    listen_name(fd, name);
    *ret_port = (int)strtol(strrchr(name, ':') + 1, NULL, 10);
    return daemon_start(&c, fd, ret_http, e);
}

static struct http_answer post_bytes(const struct site *f, const char *target, int len)
{
    char request[4000];
    int n = snprintf(request, sizeof request,
                     "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                     "Content-Length: %d\r\n\r\n%0*d",
                     target, len, len, 0);

    return http_send(f, request, (size_t)n);
}

/* A route's own bound holds where it is below MAX_BODY_BYTES, and that one everywhere. */
static void test_bounds(void **state)
{
    static const struct route rows[] = {
        { .method = "POST",
          .path = "/small",
          .handle = say_length,
          .right = RIGHT_SUBMIT,
          .body_bytes = 100 },
        { .method = "POST",
          .path = "/large",
          .handle = say_length,
          .right = RIGHT_SUBMIT,
          .body_bytes = ROUTE_BODY_MAX },
        { .method = "POST", .path = "/none", .handle = say_length, .right = RIGHT_SUBMIT },
    };
    static const struct {
        const char *target;
        int len, status, kept;
    } cases[] = {
        { "/small", 100, 200, 100 }, { "/small", 101, 413, 0 }, { "/large", 2000, 200, 2000 },
        { "/large", 2001, 413, 0 },  { "/none", 3000, 200, 0 },
    };
    struct daemon *http = NULL;
    struct site f;
    struct err e;

    (void)state;
    assert_ok(start_with(rows, ARRAY_LEN(rows), &http, &f.port, &e), &e);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("%s %d\n", cases[i].target, cases[i].len);
        json_auto_t *body =
            http_expect(post_bytes(&f, cases[i].target, cases[i].len), cases[i].status);
        if (cases[i].status == 200)
            assert_int_equal(json_integer_value(json_object_get(body, "len")), cases[i].kept);
    }
    http = daemon_stop(http);
}

static void test_incomplete_rows(void **state)
{
    static const struct route rows[] = {
        { .method = "GET", .path = "/no-right", .handle = say_length },
        { .method = "GET", .path = "/no-handler", .right = RIGHT_READ },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct daemon *http = NULL;
        struct err e = { .kind = ERR_NONE };
        int port;
        assert_int_equal(start_with(&rows[i], 1, &http, &port, &e), -1);
        assert_int_equal(e.kind, ERR_BUG);
        assert_non_null(strstr(e.msg, rows[i].path));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_route_needs_its_right),
        cmocka_unit_test(test_refused_before_the_body),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_incomplete_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
