/* The wire: hostile bytes, limits, slow clients, the end. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "schema/base/buf.h"
#include "schema/base/clock.h"
#include "schema/model/submission.h"
#include "server/http/framing.h"
#include "tests/support/assert_err.h"
#include "tests/support/http_client.h"
#include "tests/support/site.h"

#define SUBMISSION_OF(id) "{\"id\":\"" id "\",\"language\":\"python\",\"source\":\"1\"}"
#define SMUGGLED          "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
#define POST_LINE         "POST /submissions HTTP/1.1\r\nHost: x\r\n"
#define JSON              "Content-Type: application/json\r\n"
#define GET_HEALTH        "GET /healthz HTTP/1.1\r\nHost: x\r\n"

struct wire_case {
    const char *name, *bytes;
    size_t len;
    int status; /* 0: closed without an answer */
    bool closes;
};
#define WIRE(name, bytes, status, closes)                                                          \
    {                                                                                              \
        name, bytes, sizeof(bytes) - 1, status, closes                                             \
    }

static const struct wire_case wire_cases[] = {
    /* one request that two servers could read as two */
    WIRE("length and chunked",
         POST_LINE JSON "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED,
         400, true),
    WIRE("chunked and length",
         POST_LINE JSON "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" SMUGGLED,
         400, true),
    WIRE("two lengths", POST_LINE JSON "Content-Length: 0\r\nContent-Length: 36\r\n\r\n" SMUGGLED,
         400, true),
    WIRE("one length twice",
         POST_LINE JSON "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}" SMUGGLED, 400, true),
    WIRE("length +5", POST_LINE JSON "Content-Length: +5\r\n\r\n12345" SMUGGLED, 400, true),
    WIRE("length -1", POST_LINE JSON "Content-Length: -1\r\n\r\n" SMUGGLED, 400, true),
    WIRE("length 5, 5", POST_LINE JSON "Content-Length: 5, 5\r\n\r\n12345" SMUGGLED, 400, true),
    WIRE("length 0x5", POST_LINE JSON "Content-Length: 0x5\r\n\r\n12345" SMUGGLED, 400, true),
    WIRE("length 2^64", POST_LINE JSON "Content-Length: 18446744073709551616\r\n\r\n" SMUGGLED, 413,
         true),
    WIRE("length with a space before its colon",
         POST_LINE JSON "Content-Length : 36\r\n\r\n" SMUGGLED, 400, true),
    WIRE("chunked with a space before its colon",
         POST_LINE JSON "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" SMUGGLED, 400, true),
    WIRE("gzip", POST_LINE JSON "Transfer-Encoding: gzip\r\n\r\n" SMUGGLED, 400, true),
    WIRE("gzip, chunked",
         POST_LINE JSON "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" SMUGGLED, 501, true),
    WIRE("chunked twice",
         POST_LINE JSON "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         400, true),
    WIRE("xchunked", POST_LINE JSON "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, true),
    WIRE("chunked in HTTP/1.0",
         "POST /submissions HTTP/1.0\r\nHost: x\r\n" JSON
         "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED,
         400, true),
    WIRE("two hosts", "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" SMUGGLED, 400, true),
    WIRE("no host", "GET /healthz HTTP/1.1\r\nX: y\r\n\r\n" SMUGGLED, 400, true),
    WIRE("chunk size overflow",
         POST_LINE JSON "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n" SMUGGLED, 413,
         true),
    WIRE("chunk size rubbish", POST_LINE JSON "Transfer-Encoding: chunked\r\n\r\nxyz\r\n" SMUGGLED,
         400, true),
    WIRE("control character in a header",
         GET_HEALTH "A: b\x01"
                    "c\r\n\r\n" SMUGGLED,
         400, true),
    WIRE("escape in a header", GET_HEALTH "A: \x1b[31m\r\n\r\n" SMUGGLED, 400, true),
    WIRE("a name with a space", GET_HEALTH "A b: c\r\n\r\n" SMUGGLED, 400, true),
    WIRE("rubbish", "\x16\x03\x01\x02\x01\x01\r\n\r\n", 400, true),
    WIRE("HTTP/2", "GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n", 505, true),

    /* paths */
    WIRE("plain", GET_HEALTH "\r\n", 200, false),
    WIRE("HTTP/1.0 without host", "GET /healthz HTTP/1.0\r\n\r\n", 200, true),
    WIRE("absolute form", "GET http://x/healthz HTTP/1.1\r\nHost: x\r\n\r\n", 200, false),
    WIRE("absolute form of nothing", "GET http://x/no HTTP/1.1\r\nHost: x\r\n\r\n", 404, false),
    WIRE("NUL in an id", "GET /results/a%00b HTTP/1.1\r\nHost: x\r\n\r\n", 400, false),
    WIRE("half an escape", "GET /results/a%4 HTTP/1.1\r\nHost: x\r\n\r\n", 400, false),
    WIRE("no escape", "GET /results/%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400, false),
    WIRE("dots", "GET /results/../healthz HTTP/1.1\r\nHost: x\r\n\r\n", 404, false),
    WIRE("encoded dots", "GET /results/%2e%2e%2f%2e%2e%2fetc%2fpasswd HTTP/1.1\r\nHost: x\r\n\r\n",
         404, false),
    WIRE("encoded route", "GET /%72esults HTTP/1.1\r\nHost: x\r\n\r\n", 404, false),
    WIRE("two slashes", "GET //healthz HTTP/1.1\r\nHost: x\r\n\r\n", 404, false),
    WIRE("no id", "GET /results/ HTTP/1.1\r\nHost: x\r\n\r\n", 404, false),
    WIRE("more behind the id", "GET /results/a/b HTTP/1.1\r\nHost: x\r\n\r\n", 404, false),
    WIRE("control characters in an id", "GET /results/a%0d%0aX:y HTTP/1.1\r\nHost: x\r\n\r\n", 404,
         false),
    WIRE("an id that is not UTF-8", "GET /results/%ff%fe HTTP/1.1\r\nHost: x\r\n\r\n", 404, false),
    WIRE("SQL in an id", "GET /results/'%20OR%201=1-- HTTP/1.1\r\nHost: x\r\n\r\n", 404, false),
    WIRE("star", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404, false),
    WIRE("nothing", "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", 404, false),

    /* methods and bodies */
    WIRE("wrong method", "PUT /results HTTP/1.1\r\nHost: x\r\n\r\n", 405, false),
    WIRE("unknown method", "BREW /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 405, false),
    WIRE("lower-case method", "get /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 405, false),
    WIRE("POST without type", POST_LINE "Content-Length: 2\r\n\r\n{}", 415, true),
    WIRE("POST of text", POST_LINE "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}", 415,
         true),
    WIRE("POST of jsonp",
         POST_LINE "Content-Type: application/jsonp\r\nContent-Length: 2\r\n\r\n{}", 415, true),
    WIRE("POST of a charset",
         POST_LINE "Content-Type: Application/JSON ; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}",
         422, false),
    WIRE("POST without a body", POST_LINE JSON "\r\n", 400, false),
    WIRE("chunked POST",
         POST_LINE JSON "Transfer-Encoding: Chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", 422,
         false),
    WIRE("GET with a body", GET_HEALTH "Content-Length: 5\r\n\r\n12345", 200, false),
    WIRE("GET with a large body", GET_HEALTH "Content-Length: 99999999\r\n\r\n", 413, true),
    WIRE("body too large by its length", POST_LINE JSON "Content-Length: 67108865\r\n\r\n", 413,
         true),
    WIRE("expectation of 413",
         POST_LINE JSON "Content-Length: 67108865\r\nExpect: 100-continue\r\n\r\n", 413, true),
};

/* Only /healthz says so: the request that was hidden in the first has been answered. */
#define SMUGGLER_WON "\"status\":\"ok\""

static void test_wire(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(wire_cases); i++) {
        const struct wire_case *c = &wire_cases[i];
        CLEANUP(closep) int fd = http_dial(*state);
        print_message("%s\n", c->name);
        assert_true(http_push(fd, c->bytes, c->len));
        struct http_answer a = http_receive(fd, false);
        if (a.status != c->status)
            fail_msg("%d instead of %d: %s", a.status, c->status, a.text.data);
        if (c->closes)
            assert_true(http_at_end(fd)); /* and no second answer */
        if (c->status >= 400 && strstr(a.text.data, SMUGGLER_WON))
            fail_msg("two requests: %s", a.text.data);
        if (a.status == 405)
            assert_true(http_has_header(&a, "\r\nAllow: "));
        buf_clear(&a.text);
    }
    http_expect_status(http_get(*state, "GET", "/healthz"), 200);
}

/* A NUL ends a header's value for the library; what is behind it must not matter. */
static void test_nul_in_header(void **state)
{
    static const char request[] = POST_LINE JSON "Content-Length: 4\0"
                                                 "0\r\n\r\n{}  " SMUGGLED;
    CLEANUP(closep) int fd = http_dial(*state);

    assert_true(http_push(fd, request, sizeof request - 1));
    struct http_answer a = http_receive(fd, false);
    assert_true(a.status == 400 || a.status == 422);
    buf_clear(&a.text);
}

/* A request cut anywhere leaves nothing behind. */
static void test_truncated(void **state)
{
    static const char whole[] = POST_LINE JSON "Content-Length: 47\r\n\r\n" SUBMISSION_OF("cut01");

    assert_int_equal(strlen(SUBMISSION_OF("cut01")), 47);
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        CLEANUP(closep) int fd = http_dial(*state);
        assert_true(http_push(fd, whole, n));
    }
    http_expect_status(http_get(*state, "GET", "/results/cut01"), 404);
    http_expect_status(http_send(*state, whole, sizeof whole - 1), 202);
}

static struct http_answer say_repeated(const struct site *f, const char *head, const char *unit,
                                       size_t times)
{
    CLEANUP(closep) int fd = http_dial(f);

    (void)http_push(fd, head, strlen(head));
    for (size_t i = 0; i < times; i++) {
        if (!http_push(fd, unit, strlen(unit)))
            break;
    }
    (void)http_push(fd, "\r\n\r\n", 4);
    return http_receive(fd, false);
}

static void test_oversize(void **state)
{
    struct http_answer a = say_repeated(*state, GET_HEALTH "A: ", "0123456789abcdef", 1100);
    assert_int_equal(a.status, 431); /* above MAX_HEADER_BYTES, below the library's own end */
    assert_true(http_has_header(&a, "application/problem+json"));
    buf_clear(&a.text);
    static const struct {
        const char *head, *unit;
        size_t times;
        int status;
    } cases[] = {
        { GET_HEALTH "A: ", "0123456789abcdef", 65536, 431 },
        { GET_HEALTH "A: b", "\r\nA: b", 10000, 431 },
        { "GET /", "0123456789abcdef", 6400, 414 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        a = say_repeated(*state, cases[i].head, cases[i].unit, cases[i].times);
        /* 0: the end overtook the answer, because we were still sending */
        assert_true(a.status == cases[i].status || a.status == 0);
        buf_clear(&a.text);
    }
}

/* As many headers, parameters and bytes as pass: the library has room for all of it, and for the
 * answer, or it would answer itself. */
static void test_fullest_head(void **state)
{
    static const char *const targets[] = {
        "/submissions", "/submissions?" /* one more parameter than there are ampersands */
                        "&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&"
    };
    static const int statuses[] = { 202, 422 };
    enum { HEAD = 16 * 1024 };

    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        CLEANUP(closep) int fd = http_dial(*state);
        CLEANUP(freep) char *head = malloc(HEAD + 1);
        assert_non_null(head);
        int n =
            snprintf(head, HEAD, "POST %s HTTP/1.1\r\nHost: x\r\n" JSON "Content-Length: %zu\r\n",
                     targets[i], strlen(HELLO));
        for (int k = 3; k < FRAMING_FIELDS_MAX - 1; k++)
            n += snprintf(head + n, (size_t)(HEAD - n), "A%d:b\r\n", k);
        n += snprintf(head + n, (size_t)(HEAD - n), "B:%0*d\r\n\r\n", HEAD - n - 6, 0);
        memcpy(head + HEAD - 2, "\r\n", 2);
        assert_true(n == HEAD);
        assert_true(http_push(fd, head, HEAD) && http_push(fd, HELLO, strlen(HELLO)));
        struct http_answer a = http_receive(fd, false);
        if (a.status != statuses[i])
            fail_msg("%s: %.300s", targets[i], a.text.data);
        assert_true(http_has_header(&a, "application/"));
        buf_clear(&a.text);
    }
}

static void test_body_limit(void **state)
{
    static const char *const settings[] = { "MAX_BODY_BYTES=4KiB", NULL };
    struct site f;

    (void)state;
    site_open(&f, settings, 0);
    char *json = malloc(5000);
    (void)snprintf(json, 5000, "{\"language\":\"python\",\"source\":\"%03900d\"}", 0);
    http_expect_status(http_post(&f, "/submissions", json), 202);
    (void)snprintf(json, 5000, "{\"language\":\"python\",\"source\":\"%04200d\"}", 0);
    http_expect_status(http_post(&f, "/submissions", json), 413);
    free(json);

    static const char chunked[] = POST_LINE JSON "Transfer-Encoding: chunked\r\n\r\n";
    static const char chunk[] = "100\r\n" /* 256 bytes */
                                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                                "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                                "\r\n";
    CLEANUP(closep) int fd = http_dial(&f);
    (void)http_push(fd, chunked, sizeof chunked - 1);
    for (int i = 0; i < 20; i++)
        (void)http_push(fd, chunk, sizeof chunk - 1);
    (void)http_push(fd, "0\r\n\r\n", 5);
    http_expect_status(http_receive(fd, false), 413);

    CLEANUP(closep) int endless = http_dial(&f);
    (void)http_push(endless, chunked, sizeof chunked - 1);
    int i = 0;
    while (i < 100000 && http_push(endless, chunk, sizeof chunk - 1))
        i++;
    assert_true(i < 100000);
    site_close(&f);
}

/* A POST of so many bytes, of which the last is missing. */
static int stall(const struct site *f, size_t len)
{
    CLEANUP(freep) char *filler = malloc(len);
    char head[200];
    int fd = http_dial(f);
    int n = snprintf(head, sizeof head, POST_LINE JSON "Content-Length: %zu\r\n\r\n", len);

    assert_true(filler && fd >= 0);
    memset(filler, ' ', len);
    assert_true(http_push(fd, head, (size_t)n) && http_push(fd, filler, len - 1));
    return fd;
}

static void expect_now(struct http_answer a, int64_t end, int *ret_status)
{
    assert_true(clock_mono_ns() < end);
    *ret_status = a.status;
    if (a.status == 503)
        assert_true(http_has_header(&a, "Retry-After: "));
    buf_clear(&a.text);
}

/* All bodies of one client together are bounded: while two large ones are under way the third has
 * no room. Small ones always have. */
static void test_bodies_together(void **state)
{
    static const char *const settings[] = { "MAX_BODY_BYTES=256KiB", NULL };
    enum { LARGE = 250000 };
    int64_t end = clock_mono_ns() + 20 * NS_PER_S;
    struct site f;
    int fds[200];
    size_t n = 0;

    (void)state;
    site_open(&f, settings, 0);
    for (int status = 0; status != 503;) { /* one that came beside another may be refused itself */
        assert_true(n < ARRAY_LEN(fds));
        fds[n++] = stall(&f, LARGE);
        CLEANUP(closep) int fd = stall(&f, LARGE);
        assert_true(http_push(fd, " ", 1));
        expect_now(http_receive(fd, false), end, &status);
        assert_true(status == 503 || status == 400);
    }
    http_expect_status(http_post(&f, "/submissions", HELLO), 202);
    while (n > 0)
        closep(&fds[--n]);
    for (int status = 0; status != 400;) { /* and their room comes back */
        CLEANUP(closep) int fd = stall(&f, LARGE);
        assert_true(http_push(fd, " ", 1));
        expect_now(http_receive(fd, false), end, &status);
    }
    site_close(&f);
}

/* Who leaves in the middle of a body takes no place from then on, also when the last bytes and the
 * end come at once. */
static void test_left_in_the_body(void **state)
{
    static const char *const settings[] = { "MAX_CONNECTIONS=8", NULL };
    int64_t end = clock_mono_ns() + 15 * NS_PER_S;
    struct site f;

    (void)state;
    site_open(&f, settings, 0);
    for (int i = 0; i < 200; i++) {
        int fd = stall(&f, 60000);
        closep(&fd);
    }
    for (int status = 503; status != 200;)
        expect_now(http_get(&f, "GET", "/results"), end, &status);
    site_close(&f);
}

/* One byte now and then keeps no connection. */
static void test_slow_clients(void **state)
{
    static const char *const settings[] = { "REQUEST_TIMEOUT=1s", NULL };
    static const char *const starts[] = { "", GET_HEALTH,
                                          POST_LINE JSON "Content-Length: 90\r\n\r\n{",
                                          POST_LINE JSON
                                          "Transfer-Encoding: chunked\r\n\r\n2\r\n" };
    struct site f;

    (void)state;
    site_open(&f, settings, 0);
    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        CLEANUP(closep) int fd = http_dial(&f);
        bool open = http_push(fd, starts[i], strlen(starts[i]));
        for (int n = 0; open && n < 40; n++) {
            open = http_push(fd, "x", 1);
            (void)usleep(100000);
            char byte;
            if (recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0)
                open = false;
        }
        assert_false(open);
    }
    site_close(&f);
}

/* A waiting client is not a slow one. */
static void test_waiting_is_not_slow(void **state)
{
    static const char *const settings[] = { "REQUEST_TIMEOUT=1s", NULL };
    struct site f;

    (void)state;
    site_open(&f, settings, 0);
    int64_t began = clock_mono_ns();
    http_expect_status(http_post(&f, "/submissions?wait=2.5", HELLO), 202);
    assert_true(clock_mono_ns() - began >= 2500 * NS_PER_MS);
    site_close(&f);
}

/* Connections that have had an answer, and stay. */
static void fill(struct site *f, int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fds[i] = http_dial(f);
        assert_true(http_push(fds[i], SMUGGLED, strlen(SMUGGLED)));
        http_expect_status(http_receive(fds[i], false), 200);
    }
}

static void test_too_many_connections(void **state)
{
    static const char *const settings[] = { "MAX_CONNECTIONS=4", NULL };
    struct site f;
    int fds[4];

    (void)state;
    site_open(&f, settings, 0);
    fill(&f, fds, ARRAY_LEN(fds));
    struct http_answer a = http_get(&f, "GET", "/results");
    assert_int_equal(a.status, 503);
    assert_true(http_has_header(&a, "Retry-After: "));
    buf_clear(&a.text);
    CLEANUP(closep) int over = http_dial(&f);
    assert_true(http_push(over, SMUGGLED, strlen(SMUGGLED)));
    http_expect_status(http_receive(over, false),
                       200); /* who asks whether it is alive hears that it is */
    assert_true(http_at_end(over));

    closep(&fds[0]);
    int64_t end = clock_mono_ns() + 10 * NS_PER_S;
    for (int status = 503; status == 503; buf_clear(&a.text)) {
        assert_true(clock_mono_ns() < end);
        a = http_get(&f, "GET", "/results");
        status = a.status;
    }
    assert_true(http_push(fds[1], SMUGGLED, strlen(SMUGGLED)));
    http_expect_status(http_receive(fds[1], false), 200);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        closep(&fds[i]);
    site_close(&f);
}

static void test_connections_of_one_address(void **state)
{
    static const char *const settings[] = { "MAX_CONNECTIONS_PER_ADDRESS=2", NULL };
    struct site f;
    int fds[2];

    (void)state;
    site_open(&f, settings, 0);
    fill(&f, fds, ARRAY_LEN(fds));
    struct http_answer a = http_get(&f, "GET", "/healthz");
    assert_int_equal(a.status, 0);
    buf_clear(&a.text);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        closep(&fds[i]);
    site_close(&f);
}

static void test_keep_alive(void **state)
{
    static const char head[] = "HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    static const char nowhere[] = "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n";
    CLEANUP(closep) int fd = http_dial(*state);

    for (int i = 0; i < 3; i++) {
        assert_true(http_push(fd, SMUGGLED, strlen(SMUGGLED)));
        http_expect_status(http_receive(fd, false), 200);
        assert_true(http_push(fd, head, sizeof head - 1));
        struct http_answer a = http_receive(fd, true);
        assert_int_equal(a.status, 200);
        assert_true(http_length(&a) > 0);
        buf_clear(&a.text);
        http_push_post(fd, "/submissions", HELLO);
        http_expect_status(http_receive(fd, false), 202);
        http_push_post(fd, "/submissions", "not JSON");
        http_expect_status(http_receive(fd, false), 400);
        assert_true(http_push(fd, nowhere, sizeof nowhere - 1));
        http_expect_status(http_receive(fd, false), 404);
    }
}

static void test_drain(void **state)
{
    struct site f;

    (void)state;
    site_open(&f, NULL, 0);
    CLEANUP(closep) int fd = http_dial(&f);
    CLEANUP(closep) int waiting = http_dial(&f);
    assert_true(http_push(fd, SMUGGLED, strlen(SMUGGLED)));
    http_expect_status(http_receive(fd, false), 200);
    http_push_post(waiting, "/submissions?wait=60", HELLO);
    site_await_waiting(&f, 1);

    api_drain(f.api);
    CLEANUP(closep) int late = http_dial(&f);
    assert_true(http_push(late, SMUGGLED, strlen(SMUGGLED)));
    http_expect_status(http_receive(late, false), 503);
    assert_true(http_push(fd, SMUGGLED, strlen(SMUGGLED)));
    struct http_answer a = http_receive(fd, false);
    assert_int_equal(a.status, 503);
    assert_true(http_has_header(&a, "Retry-After: "));
    assert_true(http_at_end(fd));
    buf_clear(&a.text);

    site_finish_all(&f); /* who waited still gets the report */
    http_expect_status(http_receive(waiting, false), 200);
    site_close(&f);
}

struct asker {
    struct site *f;
    atomic_bool stop;
};

/* Asks and waits again at once, as an impatient client does. */
static void *ask_again(void *ctx)
{
    struct asker *x = ctx;

    while (!x->stop) {
        CLEANUP(closep) int fd = http_dial(x->f);
        while (fd >= 0 && !x->stop) {
            http_push_post(fd, "/submissions?wait=60", HELLO);
            struct http_answer a = http_receive(fd, false);
            int status = a.status;
            buf_clear(&a.text);
            if (status != 200 && status != 202)
                break;
        }
    }
    return NULL;
}

/* The library aborts when it is stopped with a suspended connection, and clients do ask again. */
static void test_stop_under_load(void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++) {
        struct site f;
        struct asker asker = { .f = &f };
        pthread_t threads[8];
        site_open(&f, NULL, 0);
        for (size_t i = 0; i < ARRAY_LEN(threads); i++)
            assert_int_equal(pthread_create(&threads[i], NULL, ask_again, &asker), 0);
        site_await_waiting(&f, ARRAY_LEN(threads));
        f.api = api_stop(f.api);
        asker.stop = true;
        for (size_t i = 0; i < ARRAY_LEN(threads); i++)
            pthread_join(threads[i], NULL);
        site_close(&f);
    }
}

/* Many at once are answered in groups, which one of them lets go on: it may wait for its report, or
 * be gone. */
static void test_crowd(void **state)
{
    enum { ROUNDS = 20, CLIENTS = 60 };
    const struct linger reset = { .l_onoff = 1 };
    struct site f;
    int fds[CLIENTS];

    (void)state;
    site_open(&f, NULL, 0);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            fds[i] = http_dial(&f);
            assert_true(fds[i] >= 0);
        }
        for (int i = 0; i < CLIENTS; i++) {
            http_push_post(fds[i], i % 4 == 1 ? "/submissions?wait=60" : "/submissions", HELLO);
            if (i % 4 != 3)
                continue;
            (void)setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
            closep(&fds[i]);
        }
        for (int i = 0; i < CLIENTS; i += 2)
            http_expect_status(http_receive(fds[i], false), 202);
        for (int i = 0; i < CLIENTS; i++)
            closep(&fds[i]);
    }
    site_close(&f); /* waits for whoever is left suspended */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_wire, site_setup, site_teardown),
        cmocka_unit_test_setup_teardown(test_nul_in_header, site_setup, site_teardown),
        cmocka_unit_test_setup_teardown(test_truncated, site_setup, site_teardown),
        cmocka_unit_test_setup_teardown(test_oversize, site_setup, site_teardown),
        cmocka_unit_test_setup_teardown(test_keep_alive, site_setup, site_teardown),
        cmocka_unit_test_setup_teardown(test_fullest_head, site_setup, site_teardown),
        cmocka_unit_test(test_body_limit),
        cmocka_unit_test(test_bodies_together),
        cmocka_unit_test(test_left_in_the_body),
        cmocka_unit_test(test_slow_clients),
        cmocka_unit_test(test_waiting_is_not_slow),
        cmocka_unit_test(test_too_many_connections),
        cmocka_unit_test(test_connections_of_one_address),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_stop_under_load),
        cmocka_unit_test(test_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
