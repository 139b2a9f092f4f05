/* Heads and chunks, one meaning each, however the bytes are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "schema/base/base.h"
#include "server/http/framing.h"

#define HEAD_LIMIT 2000

struct outcome {
    size_t passed;
    uint64_t requests;
    unsigned status;
};

/* Shows the bytes in pieces of `step`, as recv.c does: what does not pass comes again. */
static struct outcome feed(const char *bytes, size_t len, size_t step)
{
    char held[70000];
    size_t held_len = 0;
    struct outcome o = { 0 };
    struct framing f;

    assert_true(len <= sizeof held);
    framing_init(&f, HEAD_LIMIT);
    for (size_t at = 0; at < len && !f.status; at += step) {
        size_t n = len - at < step ? len - at : step;
        memcpy(held + held_len, bytes + at, n);
        held_len += n;
        size_t passed = framing_take(&f, held, held_len);
        assert_true(passed <= held_len);
        memmove(held, held + passed, held_len - passed);
        held_len -= passed;
        o.passed += passed;
    }
    o.requests = f.requests;
    o.status = f.status;
    return o;
}

struct framing_case {
    const char *name, *bytes;
    size_t len;
    uint64_t requests;
    unsigned status;
    size_t passed; /* SIZE_MAX: all */
};
#define CASE(name, bytes, requests, status, passed)                                                \
    {                                                                                              \
        name, bytes, sizeof(bytes) - 1, requests, status, passed                                   \
    }
#define ALL   SIZE_MAX
#define GET   "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
#define HOST  "GET / HTTP/1.1\r\nHost: x\r\n"
#define CHUNK "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

static const struct framing_case cases[] = {
    CASE("one", GET, 1, 0, ALL),
    CASE("three", GET GET GET, 3, 0, ALL),
    CASE("an empty line before", "\r\n" GET, 1, 0, ALL),
    CASE("half", "GET / HTTP/1.1\r\nHost: x\r\n", 0, 0, 0),
    CASE("length", HOST "Content-Length: 5\r\n\r\n12345" GET, 2, 0, ALL),
    CASE("length 0", HOST "Content-Length: 0\r\n\r\n" GET, 2, 0, ALL),
    CASE("half a body", HOST "Content-Length: 5\r\n\r\n123", 1, 0, ALL),
    CASE("chunks", CHUNK "3\r\nabc\r\n0a;x=\"y\"\r\n0123456789\r\n0\r\n\r\n" GET, 2, 0, ALL),
    CASE("trailers", CHUNK "0\r\nA: b\r\n\r\n" GET, 2, 0, ALL),
    CASE("colon line", HOST ": x\r\n\r\n" GET, 1, 400, 0),
    CASE("colon line of a second", GET HOST ":\r\n\r\n", 2, 400, sizeof GET - 1),
    CASE("folded", HOST "A: b\r\n c\r\n\r\n", 1, 400, 0),
    CASE("bare LF", "GET / HTTP/1.1\nHost: x\n\n", 1, 400, 0),
    CASE("bare LF at the end", HOST "\n", 1, 400, 0),
    CASE("bare CR", HOST "A: b\rc\r\n\r\n", 1, 400, 0),
    CASE("NUL", HOST "A: b\0c\r\n\r\n", 1, 400, 0),
    CASE("obs-text", HOST "A: b\xff\r\n\r\n", 1, 0, ALL),
    CASE("two lengths", HOST "Content-Length: 0\r\ncontent-length: 0\r\n\r\n", 1, 400, 0),
    CASE("length and chunked", HOST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", 1,
         400, 0),
    CASE("chunk in TLS", "\x16\x03\x01", 1, 400, 0),
    CASE("a chunk too short", CHUNK "3\r\nab\r\n0\r\n\r\n", 1, 400, sizeof CHUNK - 1 + 6),
    CASE("a chunk with a bare LF", CHUNK "3\nabc\r\n", 1, 400, sizeof CHUNK - 1),
    CASE("a chunk's size is blank", CHUNK "\r\n", 1, 400, sizeof CHUNK - 1),
    CASE("a chunk of 0x3", CHUNK "0x3\r\nabc\r\n", 1, 400, sizeof CHUNK - 1),
    CASE("a chunk of -3", CHUNK "-3\r\nabc\r\n", 1, 400, sizeof CHUNK - 1),
    CASE("a blank behind a chunk's size", CHUNK "3 \r\nabc\r\n", 1, 400, sizeof CHUNK - 1),
    CASE("a length as trailer", CHUNK "0\r\nContent-Length: 5\r\n\r\n", 1, 400, sizeof CHUNK - 1),
    CASE("a trailer with a colon first", CHUNK "0\r\n: 5\r\n\r\n", 1, 400, sizeof CHUNK - 1),
};

static void check(const struct framing_case *c, size_t step)
{
    struct outcome o = feed(c->bytes, c->len, step);

    if (o.requests != c->requests || o.status != c->status ||
        o.passed != (c->passed == ALL ? c->len : c->passed))
        fail_msg("%s by %zu: %u after %zu of %zu bytes, %llu requests", c->name, step, o.status,
                 o.passed, c->len, (unsigned long long)o.requests);
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t step = 1; step <= cases[i].len; step++)
            check(&cases[i], step);
    }
}

/* A refused request ends, for the library, as a whole one. */
static void test_rest(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct framing_case *c = &cases[i];
        char text[2000];
        struct framing f;
        if (!c->status)
            continue;
        memcpy(text, c->bytes, c->len);
        framing_init(&f, HEAD_LIMIT);
        size_t n = framing_take(&f, text, c->len);
        assert_non_null(f.why);
        n += (size_t)snprintf(text + n, sizeof text - n, "%s", framing_rest(&f));
        struct outcome o = feed(text, n, n);
        if (o.status || o.requests != c->requests || o.passed != n)
            fail_msg("%s: %u, %zu of %zu, %llu requests", c->name, o.status, o.passed, n,
                     (unsigned long long)o.requests);
    }
}

static struct outcome repeat(const char *head, const char *unit, size_t times, const char *end,
                             size_t step)
{
    char text[66000];
    size_t n = (size_t)snprintf(text, sizeof text, "%s", head);

    for (size_t i = 0; i < times; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s", unit);
    n += (size_t)snprintf(text + n, sizeof text - n, "%s", end);
    return feed(text, n, step);
}

static void test_bounds(void **state)
{
    static const struct {
        const char *head, *unit;
        size_t times;
        const char *end;
        unsigned status;
    } bounds[] = {
        { HOST "A: ", "0123456789", 300, "\r\n\r\n", 431 },
        { HOST "A: ", "0123456789", 190, "\r\n\r\n", 0 },
        { HOST, "A:\r\n", FRAMING_FIELDS_MAX - 1, "\r\n", 0 },
        { HOST, "A:\r\n", FRAMING_FIELDS_MAX, "\r\n", 431 },
        { "GET /", "0123456789", 300, " HTTP/1.1\r\nHost: x\r\n\r\n", 414 },
        { "GET /?", "&", FRAMING_PARAMETERS_MAX - 1, " HTTP/1.1\r\nHost: x\r\n\r\n", 0 },
        { "GET /?", "&", FRAMING_PARAMETERS_MAX, " HTTP/1.1\r\nHost: x\r\n\r\n", 414 },
        { "", "\r\n", 2000, GET, 414 },
        { CHUNK "1;", "x", 200, "\r\n1\r\n0\r\n\r\n", 0 },
        { CHUNK "1;", "x", 300, "\r\n1\r\n0\r\n\r\n", 400 },
        { CHUNK "0\r\nA: ", "x", 900, "\r\n\r\n", 0 },
        { CHUNK "0\r\nA: ", "x", 1100, "\r\n\r\n", 431 },
        { CHUNK "0", "0", 10, "\r\n\r\n", 0 },
        { CHUNK "f", "f", 15, "\r\n", 413 },
        { HOST "Content-Length: 1", "0", 17, "\r\n\r\n", 0 },
        { HOST "Content-Length: 1", "0", 18, "\r\n\r\n", 413 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
        for (size_t step = 1; step < 4000; step *= 7) {
            struct outcome o =
                repeat(bounds[i].head, bounds[i].unit, bounds[i].times, bounds[i].end, step);
            if (o.status != bounds[i].status)
                fail_msg("%zu by %zu: %u instead of %u", i, step, o.status, bounds[i].status);
        }
    }
}

/* The library would take it apart; nobody here reads it. */
static void test_cookies(void **state)
{
    char text[] = HOST "cooKIE: a=b; c=d\r\nCookies: e\r\n\r\n";
    struct framing f;

    (void)state;
    framing_init(&f, HEAD_LIMIT);
    assert_int_equal(framing_take(&f, text, sizeof text - 1), sizeof text - 1);
    assert_string_equal(text, HOST "XXXXXX: a=b; c=d\r\nCookies: e\r\n\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_rest),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_cookies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
