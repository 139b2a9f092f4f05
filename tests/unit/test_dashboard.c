/* The dashboard's texts: which form is handed out, to whom it is no news, and under what policy. */
#include <stdio.h>
#include <string.h>

#include "schema/base/buf.h"
#include "server/api/dashboard.h"
#include "server/http/negotiation.h"
#include "tests/support/assert_err.h"
#include "tests/support/http_client.h"
#include "tests/support/site.h"

/* ---- Accept-Encoding ---- */

static void test_the_smallest_form_that_is_allowed(void **state)
{
    static const struct {
        const char *header;
        enum dashboard_coding coding;
    } cases[] = {
        { NULL, DASHBOARD_PLAIN },
        { "", DASHBOARD_PLAIN },
        { "identity", DASHBOARD_PLAIN },
        { "gzip", DASHBOARD_GZIP },
        { "GZIP", DASHBOARD_GZIP },
        { "gzip, deflate", DASHBOARD_GZIP },
        { "deflate,gzip", DASHBOARD_GZIP },
        { "gzip, deflate, br", DASHBOARD_BROTLI },
        { "br;q=0.1, gzip;q=1.0", DASHBOARD_BROTLI },
        { "br;q=0, gzip", DASHBOARD_GZIP },
        { "br ; Q=0.000 , gzip", DASHBOARD_GZIP },
        { "br;q=0.001", DASHBOARD_BROTLI },
        { "gzip;q=0", DASHBOARD_PLAIN },
        { "*", DASHBOARD_BROTLI },
        { "br;q=0, *", DASHBOARD_GZIP },
        { "*;q=0", DASHBOARD_PLAIN },
        { "*;q=0, gzip", DASHBOARD_GZIP },
        { "brotli, xgzip, gzipx", DASHBOARD_PLAIN },
        { ",, ,gzip,", DASHBOARD_GZIP },
        { ";q=0,br", DASHBOARD_BROTLI },
        { "br;", DASHBOARD_BROTLI },
        { "br;q=", DASHBOARD_BROTLI },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (dashboard_choose(cases[i].header) != cases[i].coding)
            fail_msg("Accept-Encoding: %s gives form %d", cases[i].header,
                     (int)dashboard_choose(cases[i].header));
    }
}

/* ---- If-None-Match ---- */

static void test_what_is_known(void **state)
{
    static const struct {
        const char *header;
        bool known;
    } cases[] = {
        { NULL, false },
        { "", false },
        { "*", true },
        { "\"abc\"", true },
        { "W/\"abc\"", true },
        { "\"x\", \"abc\"", true },
        { "\"x\",W/\"abc\" ,\"y\"", true },
        { "\"abcd\"", false },
        { "\"ab\"", false },
        { "abc", false },
        { "\"abc\"x", false },
        { "\"x\" \"abc\"", false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (negotiation_is_known(cases[i].header, "\"abc\"") != cases[i].known)
            fail_msg("If-None-Match: %s", cases[i].header ? cases[i].header : "(none)");
    }
}

/* ---- over the wire ---- */

static void skip_without_page(void)
{
    if (!dashboard_find("index.html")) {
        print_message("built without the dashboard\n");
        skip();
    }
}

static struct http_answer ask(const struct site *f, const char *method, const char *path,
                              const char *headers)
{
    CLEANUP(closep) int fd = http_dial(f);
    char request[1000];
    int n = snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: x\r\n%s\r\n", method, path,
                     headers);

    assert_true(fd >= 0);
    (void)http_push(fd, request, (size_t)n);
    return http_receive(fd, strcmp(method, "HEAD") == 0);
}

static void must_have(const struct http_answer *a, const char *line)
{
    if (!http_has_header(a, line))
        fail_msg("no '%s' in: %.1200s", line, a->text.data);
}

static void must_be_page(const struct site *f, const char *path, const char *name)
{
    struct http_answer a = ask(f, "GET", path, "");
    const struct dashboard_asset *page = dashboard_find(name);
    char etag[100];

    assert_non_null(page);

    assert_int_equal(a.status, 200);
    must_have(&a, "Content-Type: text/html; charset=utf-8\r\n");
    must_have(&a, "Content-Security-Policy: default-src 'none'; script-src 'self'; ");
    must_have(&a, "frame-ancestors 'none'");
    must_have(&a, "X-Content-Type-Options: nosniff\r\n");
    must_have(&a, "Referrer-Policy: no-referrer\r\n");
    must_have(&a, "Cache-Control: no-cache\r\n");
    must_have(&a, "Vary: Accept-Encoding\r\n");
    (void)snprintf(etag, sizeof etag, "ETag: %s\r\n", page->forms[DASHBOARD_PLAIN].etag);
    must_have(&a, etag);
    assert_false(http_has_header(&a, "unsafe-"));
    assert_false(http_has_header(&a, "Content-Encoding"));
    assert_int_equal(http_length(&a), page->forms[DASHBOARD_PLAIN].len);
    assert_memory_equal(a.body, page_bytes + page->forms[DASHBOARD_PLAIN].at, http_length(&a));
    buf_clear(&a.text);
}

static void test_the_pages_come_under_their_policy(void **state)
{
    skip_without_page();
    must_be_page(*state, "/", "index.html");
    must_be_page(*state, "/docs", "docs.html");
}

/* Where a text is asked for. */
static void path_of(const struct dashboard_asset *a, char path[static 200])
{
    if (strcmp(a->name, "index.html") == 0)
        (void)snprintf(path, 200, "/");
    else if (strcmp(a->name, "docs.html") == 0)
        (void)snprintf(path, 200, "/docs");
    else
        (void)snprintf(path, 200, "/assets/%s", a->name);
}

/* Every text in every form, byte for byte; the policy holds for each. */
static void test_every_asset_in_every_form(void **state)
{
    static const char *const wishes[DASHBOARD_CODINGS] = {
        "", "Accept-Encoding: gzip\r\n", "Accept-Encoding: gzip, deflate, br\r\n"
    };
    static const char *const codings[DASHBOARD_CODINGS] = { NULL, "Content-Encoding: gzip\r\n",
                                                            "Content-Encoding: br\r\n" };
    size_t seen = 0;

    skip_without_page();
    for (const struct dashboard_asset *asset = page_assets; asset->name; asset++) {
        char path[200];
        path_of(asset, path);
        for (int form = 0; form < DASHBOARD_CODINGS; form++, seen++) {
            struct http_answer a = ask(*state, "GET", path, wishes[form]);
            assert_int_equal(a.status, 200);
            assert_int_equal(http_length(&a), asset->forms[form].len);
            assert_memory_equal(a.body, page_bytes + asset->forms[form].at, http_length(&a));
            must_have(&a, asset->forms[form].etag);
            must_have(&a, "Content-Security-Policy: ");
            if (codings[form])
                must_have(&a, codings[form]);
            if (strstr(path, "/assets/"))
                must_have(&a, "Cache-Control: public, max-age=31536000, immutable\r\n");
            buf_clear(&a.text);
        }
    }
    assert_true(seen >= 4 * DASHBOARD_CODINGS);
}

static void test_what_is_known_is_not_sent_again(void **state)
{
    char headers[200];

    skip_without_page();
    const struct dashboard_asset *index = dashboard_find("index.html");
    (void)snprintf(headers, sizeof headers, "If-None-Match: %s\r\nAccept-Encoding: gzip\r\n",
                   index->forms[DASHBOARD_GZIP].etag);
    CLEANUP(closep) int fd = http_dial(*state);
    assert_true(fd >= 0);
    char request[600];
    int n = snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n", headers);
    (void)http_push(fd, request, (size_t)n);
    struct http_answer a = http_receive(fd, true);
    assert_int_equal(a.status, 304);
    must_have(&a, index->forms[DASHBOARD_GZIP].etag);
    buf_clear(&a.text);
    /* Nothing but the next answer follows. */
    (void)http_push(fd, request, (size_t)n);
    a = http_receive(fd, true);
    assert_int_equal(a.status, 304);
    buf_clear(&a.text);
    /* Another form of it is another entity. */
    (void)snprintf(headers, sizeof headers, "If-None-Match: %s\r\n",
                   index->forms[DASHBOARD_GZIP].etag);
    http_expect_status(ask(*state, "GET", "/", headers), 200);
}

static void test_head(void **state)
{
    skip_without_page();
    struct http_answer a = ask(*state, "HEAD", "/", "");

    assert_int_equal(a.status, 200);
    assert_int_equal(http_length(&a), dashboard_find("index.html")->forms[DASHBOARD_PLAIN].len);
    assert_string_equal(a.body, "");
    must_have(&a, "Content-Security-Policy: ");
    buf_clear(&a.text);
}

static void test_what_is_not_there(void **state)
{
    static const char *const paths[] = { "/assets/nothing.js",
                                         "/assets/",
                                         "/assets",
                                         "/assets/index.html",
                                         "/assets/..%2Findex.html",
                                         "/assets/app",
                                         "/index.html",
                                         "/assets/docs.html",
                                         "/docs/" };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct http_answer a = http_get(*state, "GET", "%s", paths[i]);
        if (a.status != 404)
            fail_msg("%s: %d", paths[i], a.status);
        must_have(&a, "Content-Type: application/problem+json\r\n");
        buf_clear(&a.text);
    }
    http_expect_status(http_get(*state, "POST", "/"), 405);
    if (!dashboard_find("index.html")) {
        http_expect_status(http_get(*state, "GET", "/"), 404);
        http_expect_status(http_get(*state, "GET", "/docs"), 404);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_smallest_form_that_is_allowed),
        cmocka_unit_test(test_what_is_known),
        cmocka_unit_test_setup_teardown(test_the_pages_come_under_their_policy, site_setup,
                                        site_teardown),
        cmocka_unit_test_setup_teardown(test_every_asset_in_every_form, site_setup, site_teardown),
        cmocka_unit_test_setup_teardown(test_what_is_known_is_not_sent_again, site_setup,
                                        site_teardown),
        cmocka_unit_test_setup_teardown(test_head, site_setup, site_teardown),
        cmocka_unit_test_setup_teardown(test_what_is_not_there, site_setup, site_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
