/* What every route owes to the others, whoever wrote its handler: nothing of the engine once the
 * server drains, no lead of a crowd that is kept, no room that is not needed. All of the route
 * table, against the real library. */
#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "schema/base/buf.h"
#include "schema/base/bytes.h"
#include "schema/base/clock.h"
#include "schema/model/report.h"
#include "schema/model/submission.h"
#include "server/api/routes.h"
#include "server/api/submissions.h"
#include "tests/support/assert_err.h"
#include "tests/support/http_client.h"
#include "tests/support/site.h"

#define DONE_ID "done-1"

/* The library's allocations; ASan keeps its own count. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t allocated(void)
{
    return __sanitizer_get_current_allocated_bytes ? __sanitizer_get_current_allocated_bytes()
                                                   : mallinfo2().uordblks;
}

/* "POST /results/done-1/publish" of a route. */
static void line_of(const struct route *route, char out[300])
{
    const char *open = strchr(route->path, '{'), *close = strchr(route->path, '}');

    if (open)
        (void)snprintf(out, 300, "%s %.*s%s%s", route->method, (int)(open - route->path),
                       route->path, DONE_ID, close + 1);
    else
        (void)snprintf(out, 300, "%s %s", route->method, route->path);
}

/* Publishing asks whether there is a bridge, others ask it how it is: the fixture's is not real. */
static bool is_for(const struct route *route, bool kafka)
{
    return (route->handle == submissions_publish) == kafka;
}

/* With one that is done. Whoever waits for it asks nothing of the engine, which may be none. */
static void open_with_one(struct site *f, const char *const *settings, bool kafka)
{
    site_open_with(f, settings, 0, kafka);
    CLEANUP(closep) int fd = http_dial(f);
    http_push_post(fd, "/submissions?wait=60",
                   "{\"id\":\"" DONE_ID "\",\"language\":\"python\",\"source\":\"print(1)\"}");
    site_await_waiting(f, 1);
    site_finish_all(f);
    http_expect_status(http_receive(fd, false), 200);
}

/* ---- a body whose last byte comes when the engine is gone ---- */

static int send_but_one(const struct site *f, const struct route *route)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    char line[300], head[500], said[sizeof go_on];
    int fd = http_dial(f);

    line_of(route, line);
    int n = snprintf(head, sizeof head,
                     "%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                     "Content-Length: %zu\r\nExpect: 100-continue\r\n\r\n",
                     line, strlen(HELLO));
    assert_true(http_push(fd, head, (size_t)n));
    /* It is inside: this is said when its head has been looked at. */
    assert_int_equal(recv(fd, said, sizeof go_on - 1, MSG_WAITALL), sizeof go_on - 1);
    assert_memory_equal(said, go_on, sizeof go_on - 1);
    assert_true(http_push(fd, HELLO, strlen(HELLO) - 1));
    return fd;
}

static void drain_before_the_last_byte(bool kafka)
{
    int fds[64];
    struct site f;

    assert_true(routes_len <= ARRAY_LEN(fds));
    open_with_one(&f, NULL, kafka);
    for (size_t i = 0; i < routes_len; i++)
        fds[i] = is_for(&routes_table[i], kafka) ? send_but_one(&f, &routes_table[i]) : -1;
    api_drain(f.api);
    for (size_t i = 0; i < routes_len; i++) {
        if (fds[i] < 0)
            continue;
        print_message("%s %s\n", routes_table[i].method, routes_table[i].path);
        assert_true(http_push(fds[i], HELLO + strlen(HELLO) - 1, 1));
        struct http_answer a = http_receive(fds[i], false);
        if (routes_table[i].engine == ROUTE_ONLY_WITH)
            assert_int_equal(a.status, 503);
        assert_true(a.status != 0);
        buf_clear(&a.text);
        closep(&fds[i]);
    }
    site_close(&f);
}

/* The engine is a page that nobody may touch. */
static void test_last_byte_after_drain(void **state)
{
    void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)state;
    assert_true(page != MAP_FAILED);
    site_engine = page;
    drain_before_the_last_byte(false);
    drain_before_the_last_byte(true);
    site_engine = NULL;
    (void)munmap(page, 4096);
}

/* ---- an answer that is never read ---- */

/* True when something changed: more could be sent, or more came. */
static bool goes_on(int fd, int *came)
{
    enum { PATIENCE_MS = 500, STEP_MS = 20 };
    struct pollfd ready = { .fd = fd, .events = POLLOUT };

    for (int waited = 0; waited < PATIENCE_MS; waited += STEP_MS) {
        int before = *came;
        if (poll(&ready, 1, STEP_MS) != 0)
            return true;
        if (ioctl(fd, FIONREAD, came) < 0 || *came != before)
            return true;
    }
    return false;
}

/* Sends one request after the other and reads nothing, until the server cannot answer and takes no
 * more. */
static int dial_deaf(const struct site *f, const struct route *route)
{
    enum { MOST = 1000000 };
    char line[300], request[600];
    int small = 32768, came = 0, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)f->port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

    line_of(route, line);
    int len = snprintf(request, sizeof request,
                       "%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                       "Content-Length: %zu\r\n\r\n%s",
                       line, strlen(HELLO), HELLO);
    assert_true(fd >= 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    for (int i = 0, sent = 0; i < MOST && goes_on(fd, &came); i++) {
        ssize_t n = send(fd, request + sent, (size_t)(len - sent), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN)
            break;
        sent = n > 0 ? (sent + (int)n) % len : sent;
    }
    return fd;
}

static void nobody_waits_for_the_deaf(bool kafka)
{
    int fds[64];
    struct site f;

    open_with_one(&f, NULL, kafka);
    for (size_t i = 0; i < routes_len; i++) {
        fds[i] = -1;
        if (!is_for(&routes_table[i], kafka))
            continue;
        print_message("%s %s\n", routes_table[i].method, routes_table[i].path);
        fds[i] = dial_deaf(&f, &routes_table[i]);
        for (int n = 0; n < 3; n++)
            http_expect_status(http_post(&f, "/submissions", HELLO), 202); /* hears within 20 s */
    }
    for (size_t i = 0; i < routes_len; i++)
        closep(&fds[i]);
    site_close(&f);
}

static void test_unread_answers(void **state)
{
    (void)state;
    site_unread = 32768;
    nobody_waits_for_the_deaf(false);
    nobody_waits_for_the_deaf(true);
    site_unread = 0;
}

/* ---- who waits ---- */

/* Waiting clients have room neither of the bodies nor of the memory: many more than there is room
 * for wait, each with a large submission. */
static void test_waiting_holds_nothing(void **state)
{
    static const char *const settings[] = { "MAX_BODY_BYTES=256KiB", NULL };
    enum { WAITING = 24, SOURCE = 240000 };
    CLEANUP(freep) char *json = malloc(SOURCE + 100);
    struct site f;
    int fds[WAITING];

    (void)state;
    assert_non_null(json);
    (void)snprintf(json, SOURCE + 100, "{\"language\":\"python\",\"source\":\"%0*d\"}", SOURCE, 0);
    site_open(&f, settings, 0);
    http_expect_status(http_post(&f, "/submissions", json), 202);
    size_t before = allocated();
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = http_dial(&f);
        http_push_post(fds[i], "/submissions?wait=60", json);
        site_await_waiting(&f, i + 1);
    }
    size_t now = allocated();
    if (now > before + (size_t)WAITING * SOURCE / 4)
        fail_msg("%d who wait hold %zu bytes", WAITING, now - before);
    http_expect_status(http_post(&f, "/submissions", json), 202);
    site_finish_all(&f);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        http_expect_status(http_receive(fds[i], false), 200);
        closep(&fds[i]);
    }
    site_close(&f);
}

/* ---- who stalls ---- */

static void dial_stalled(const struct site *f, int *fds, size_t n)
{
    enum { SENT = 300000 };
    static const char head[] = "POST /submissions HTTP/1.1\r\nHost: x\r\nContent-Type: "
                               "application/json\r\nContent-Length: 1000000\r\n\r\n";
    CLEANUP(freep) char *filler = malloc(SENT);

    assert_non_null(filler);
    memset(filler, ' ', SENT);
    for (size_t i = 0; i < n; i++) {
        fds[i] = http_dial(f);
        assert_true(http_push(fds[i], head, sizeof head - 1) && http_push(fds[i], filler, SENT));
    }
}

/* A hundred bodies that never end leave every route what a small request needs. */
static void test_stalled_bodies(void **state)
{
    static const char *const settings[] = { "MAX_BODY_BYTES=1MiB", NULL };
    int fds[100];
    struct site f;

    (void)state;
    open_with_one(&f, settings, false);
    dial_stalled(&f, fds, ARRAY_LEN(fds));
    for (size_t i = 0; i < routes_len; i++) {
        char line[300], request[600];
        if (!is_for(&routes_table[i], false))
            continue;
        line_of(&routes_table[i], line);
        print_message("%s\n", line);
        int n = snprintf(request, sizeof request,
                         "%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                         "Content-Length: %zu\r\n\r\n%s",
                         line, strlen(HELLO), HELLO);
        CLEANUP(closep) int fd = http_dial(&f);
        assert_true(http_push(fd, request, (size_t)n));
        bool stream = strstr(routes_table[i].path, "events") != NULL;
        char byte;
        if (stream) {
            assert_int_equal(recv(fd, &byte, 1, 0), 1);
            continue;
        }
        struct http_answer a = http_receive(fd, false);
        bool none =
            strstr(a.text.data, "no such asset") || strstr(a.text.data, "without the dashboard");
        bool unfit = strcmp(routes_table[i].path, "/readyz") == 0; /* nothing is judged here */
        bool final = strcmp(routes_table[i].method, "DELETE") == 0;
        if (a.status != 200 && a.status != 202 && !none && !(unfit && a.status == 503) &&
            !(final && a.status == 409))
            fail_msg("%s: %.500s", line, a.text.data);
        buf_clear(&a.text);
    }
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        closep(&fds[i]);
    site_close(&f);
}

static void finish_with(const struct site *f, size_t out_len)
{
    CLEANUP(report_freep) struct report *r = calloc(1, sizeof *r);
    CLEANUP(freep) char *out = calloc(1, out_len);
    char id[SUBMISSION_ID_MAX + 1];
    int64_t seq = site_claim(f, id);
    struct jobs_op op = { .kind = JOBS_FINISH,
                          .u.finish = { .seq = seq, .claim = *site_claim_of(seq), .report = r } };
    struct err e;

    assert_true(r && out);
    memset(out, 'x', out_len);
    r->id = strdup(id);
    r->language = strdup("python");
    r->verdict = VERDICT_OK;
    r->ran = true;
    assert_int_equal(bytes_copy(out, out_len, &r->out), 0);
    assert_int_equal(bytes_copy("", 0, &r->err), 0);
    assert_int_equal(bytes_copy("", 0, &r->build_log), 0);
    assert_ok(jobs_do(f->jobs, &op, &e), &e);
}

/* Whoever does not read a giant answer keeps nobody else from a large one. */
static void test_a_slow_reader(void **state)
{
    static const char *const settings[] = { "MAX_BODY_BYTES=256KiB", NULL };
    static const char ask[] = "GET /results/giant?fields=id,stdout HTTP/1.1\r\nHost: x\r\n\r\n";
    struct site f;
    int fds[2];

    (void)state;
    site_unread = 32768;
    site_open(&f, settings, 0);
    http_expect_status(http_post(&f, "/submissions",
                                 "{\"id\":\"giant\",\"language\":\"python\",\"source\":\"1\"}"),
                       202);
    finish_with(&f, 3000000); /* more than all answers may have together */
    http_expect_status(http_post(&f, "/submissions",
                                 "{\"id\":\"large\",\"language\":\"python\",\"source\":\"1\"}"),
                       202);
    finish_with(&f, 100000);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        char head[13] = "";
        fds[i] = http_dial(&f);
        assert_true(http_push(fds[i], ask, sizeof ask - 1));
        assert_int_equal(recv(fds[i], head, 12, MSG_WAITALL), 12);
        assert_string_equal(head, "HTTP/1.1 200"); /* it is on its way, and nobody reads on */
    }
    for (int i = 0; i < 5; i++)
        http_expect_status(http_get(&f, "GET", "/results/large?fields=id,stdout"), 200);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        closep(&fds[i]);
    site_close(&f);
    site_unread = 0;
}

/* Streams have half of the connections, and the rest goes on. */
static void test_streams_leave_room(void **state)
{
    static const char *const settings[] = { "MAX_CONNECTIONS=8", NULL };
    static const char ask[] = "GET /events HTTP/1.1\r\nHost: x\r\n\r\n";
    int fds[7], streams = 0;
    struct site f;

    (void)state;
    site_open(&f, settings, 0);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        char head[13] = "";
        fds[i] = http_dial(&f);
        assert_true(http_push(fds[i], ask, sizeof ask - 1));
        assert_int_equal(recv(fds[i], head, 12, MSG_WAITALL), 12);
        streams += strcmp(head, "HTTP/1.1 200") == 0;
        if (i >= 4)
            assert_string_equal(head, "HTTP/1.1 503");
    }
    assert_int_equal(streams, 4);
    http_expect_status(http_get(&f, "GET", "/healthz"), 200);
    closep(&fds[0]);
    int64_t end = clock_mono_ns() + 20 * NS_PER_S;
    for (int status = 503; status != 200;) { /* its place is free again */
        char head[13] = "";
        CLEANUP(closep) int fd = http_dial(&f);
        assert_true(clock_mono_ns() < end);
        assert_true(http_push(fd, ask, sizeof ask - 1));
        assert_int_equal(recv(fd, head, 12, MSG_WAITALL), 12);
        status = (int)strtol(head + 9, NULL, 10);
    }
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        closep(&fds[i]);
    site_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_last_byte_after_drain), cmocka_unit_test(test_unread_answers),
        cmocka_unit_test(test_waiting_holds_nothing), cmocka_unit_test(test_stalled_bodies),
        cmocka_unit_test(test_a_slow_reader),         cmocka_unit_test(test_streams_leave_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
