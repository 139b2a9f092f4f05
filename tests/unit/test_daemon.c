/* tests/unit/test_daemon.c - the wire: hostile bytes, heads and bodies, and their limits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_wire, site_setup, site_teardown),
        cmocka_unit_test_setup_teardown(test_nul_in_header, site_setup, site_teardown),
        cmocka_unit_test_setup_teardown(test_truncated, site_setup, site_teardown),
        cmocka_unit_test_setup_teardown(test_oversize, site_setup, site_teardown),
        cmocka_unit_test_setup_teardown(test_fullest_head, site_setup, site_teardown),
        cmocka_unit_test(test_body_limit),
        cmocka_unit_test(test_bodies_together),
        cmocka_unit_test(test_left_in_the_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
