/* Which names are ours, and whose pages may use them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schema/base/base.h"
#include "server/http/hosts.h"

static const struct hosts alone = { .loopback = true };
static const struct hosts in_reach = { .loopback = false };
static const struct hosts named = { .listed = "judge.example.org, scrc:8080 ,,[2001:db8::1]",
                                    .loopback = true };
static const struct hosts open_to_all = { .listed = "*", .loopback = false };

static void test_names(void **state)
{
    static const struct {
        const char *host;
        bool alone, in_reach, named, open_to_all;
    } cases[] = {
        { "localhost", true, true, true, true },
        { "LOCALHOST:8080", true, true, true, true },
        { "localhost.", true, true, true, true },
        { "page.localhost", true, true, true, true },
        { "127.0.0.1", true, true, true, true },
        { "127.255.0.9:1", true, true, true, true },
        { "[::1]", true, true, true, true },
        { "[::1]:8080", true, true, true, true },
        { "[0:0:0:0:0:0:0:1]:8080", true, true, true, true },
        { "192.168.1.7:8080", false, true, false, true },
        { "[2001:db8::1]:80", false, true, true, true },
        { "[2001:db8::2]:80", false, true, false, true },
        { "judge.example.org", false, false, true, true },
        { "Judge.Example.Org.:443", false, false, true, true },
        { "scrc:8080", false, false, true, true },
        { "scrc:80", false, false, false, true },
        { "scrc", false, false, false, true },
        { "evil.example", false, false, false, true },
        { "localhost.evil.example", false, false, false, true },
        { "evillocalhost", false, false, false, true },
        { "127.0.0.1.evil.example", false, false, false, true },
        { "127.1", false, false, false, true },
        { "0x7f.1", false, false, false, true },
        { "128.0.0.1.", false, true, false, true },
        { "x.judge.example.org", false, false, false, true },
        { "", false, false, false, true },
        { ":8080", false, false, false, true },
        { "[", false, false, false, true },
        { "[]", false, false, false, true },
        { "*", false, false, false, true },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("%s\n", cases[i].host);
        assert_int_equal(hosts_answers(&alone, cases[i].host), cases[i].alone);
        assert_int_equal(hosts_answers(&in_reach, cases[i].host), cases[i].in_reach);
        assert_int_equal(hosts_answers(&named, cases[i].host), cases[i].named);
        assert_int_equal(hosts_answers(&open_to_all, cases[i].host), cases[i].open_to_all);
    }
}

static void test_pages(void **state)
{
    static const struct {
        struct hosts_page page;
        bool trusted;
    } cases[] = {
        /* no browser, or an old one */
        { { .host = "localhost:8080" }, true },
        { { .host = NULL, .reads = true }, true },
        /* its own */
        { { .host = "localhost:8080", .origin = "http://localhost:8080" }, true },
        { { .host = "localhost", .origin = "http://localhost" }, true },
        { { .host = "localhost:80", .origin = "http://localhost" }, true },
        { { .host = "judge.example.org", .origin = "https://judge.example.org" }, true },
        { { .host = "judge.example.org:443", .origin = "https://judge.example.org" }, true },
        { { .host = "[::1]:8080", .origin = "http://[::1]:8080" }, true },
        { { .host = "localhost:8080", .site = "same-origin" }, true },
        { { .host = "localhost:8080", .site = "none", .reads = true }, true },
        /* listed: behind a proxy that says another Host */
        { { .host = "127.0.0.1:8080", .origin = "https://judge.example.org" }, true },
        { { .host = "127.0.0.1:8080", .origin = "http://scrc:8080" }, true },
        { { .host = "127.0.0.1:8080", .origin = "https://judge.example.org", .site = "cross-site" },
          true },
        /* foreign */
        { { .host = "localhost:8080", .origin = "http://evil.example" }, false },
        { { .host = "localhost:8080", .origin = "http://localhost:3000" }, false },
        { { .host = "localhost:8080", .origin = "http://localhost" }, false },
        { { .host = "localhost:8080", .origin = "http://127.0.0.1:8080" }, false },
        { { .host = "localhost:8080", .origin = "null" }, false },
        { { .host = "localhost:8080", .origin = "" }, false },
        { { .host = "localhost:8080", .origin = "file://" }, false },
        { { .host = "localhost:8080", .origin = "http://localhost:8080.evil.example" }, false },
        { { .host = "127.0.0.1:8080", .origin = "http://scrc:80" }, false },
        { { .host = NULL, .origin = "http://localhost:8080" }, false },
        { { .host = "localhost:8080", .origin = "http://evil.example", .reads = true }, false },
        { { .host = "localhost:8080", .site = "cross-site" }, false },
        { { .host = "localhost:8080", .site = "cross-site", .reads = true }, false },
        /* a link to here */
        { { .host = "localhost:8080",
            .site = "cross-site",
            .mode = "navigate",
            .dest = "document",
            .reads = true },
          true },
        { { .host = "localhost:8080",
            .site = "cross-site",
            .mode = "navigate",
            .dest = "iframe",
            .reads = true },
          false },
        { { .host = "localhost:8080",
            .site = "cross-site",
            .mode = "navigate",
            .dest = "document",
            .reads = false },
          false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (hosts_trusts(&named, &cases[i].page) != cases[i].trusted)
            fail_msg("row %zu", i);
    }
    /* Every name in Host is one thing, every page another. */
    assert_false(hosts_trusts(
        &open_to_all, &(struct hosts_page){ .host = "a", .origin = "http://evil.example" }));
    assert_true(
        hosts_trusts(&open_to_all, &(struct hosts_page){ .host = "a", .origin = "http://a" }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
