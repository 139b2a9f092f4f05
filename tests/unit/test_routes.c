/* tests/unit/test_routes.c - the routes as openapi.yaml describes them, and their parameters, over
 * a real job table and without an engine. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/buf.h"
#include "server/api/routes.h"
#include "server/http/uri.h"
#include "tests/support/assert_err.h"
#include "tests/support/http_client.h"
#include "tests/support/site.h"

/* ---- the table and its description ---- */

/* As the server gives it; the caller clears the answer. */
static struct http_answer description(const struct site *f)
{
    struct http_answer a = http_get(f, "GET", "/openapi.yaml");

    assert_int_equal(a.status, 200);
    return a;
}

/* True when the description has this method under this path. */
static bool is_described(const char *openapi, const char *path, const char *method)
{
    char head[100], word[20], *block, *end;
    bool found = false;

    (void)snprintf(head, sizeof head, "\n  %s:\n", path);
    (void)snprintf(word, sizeof word, "\n    %s:", method);
    for (char *p = word; *p; p++)
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
    const char *at = strstr(openapi, head);
    if (!at)
        return false;
    block = strdup(at + strlen(head) - 1);
    for (end = block; (end = strstr(end, "\n  ")) && end[3] == ' '; end++)
        ;
    if (end)
        *end = '\0';
    found = strstr(block, word) != NULL;
    free(block);
    return found;
}

static void test_every_route_is_described(void **state)
{
    struct http_answer a = description(*state);

    for (size_t i = 0; i < routes_len; i++) {
        if (!is_described(a.body, routes_table[i].path, routes_table[i].method))
            fail_msg("openapi.yaml lacks %s %s", routes_table[i].method, routes_table[i].path);
    }
    buf_clear(&a.text);
}

/* And nothing is described that is not there. */
static void test_every_path_is_a_route(void **state)
{
    struct http_answer a = description(*state);
    const char *at = strstr(a.body, "\npaths:\n");

    assert_non_null(at);
    for (at = strstr(at, "\n  /"); at; at = strstr(at + 1, "\n  /")) {
        char path[60] = "";
        bool known = false;
        assert_int_equal(sscanf(at, "\n  %59[^:]:", path), 1);
        for (size_t i = 0; i < routes_len; i++)
            known = known || strcmp(routes_table[i].path, path) == 0;
        if (!known)
            fail_msg("openapi.yaml has %s", path);
    }
    buf_clear(&a.text);
}

/* ---- lists and parameters ---- */

static void test_wrong_parameters(void **state)
{
    static const struct {
        const char *target, *name;
    } cases[] = {
        { "/results?limit=0", "limit" },
        { "/results?limit=501", "limit" },
        { "/results?limit=-1", "limit" },
        { "/results?limit=x", "limit" },
        { "/results?limit=", "limit" },
        { "/results?limit=5e1", "limit" },
        { "/results?limit=99999999999999999999", "limit" },
        { "/results?state=ready", "state" },
        { "/results?status=XX", "status" },
        { "/results?status=ok", "status" },
        { "/results?sort=id", "sort" },
        { "/results?since=yesterday", "since" },
        { "/results?until=2025-13-01T00:00:00Z", "until" },
        { "/results?cursor=%27%20OR%201=1--", "cursor" },
        { "/results?cursor=abc", "cursor" },
        { "/results?colour=red", "colour" },
        { "/results?limit=1&limit=2", "limit" },
        { "/results?label=", "label" },
        { "/results?label=course", "label" },
        { "/results?label=a:b&label=", "label" },
        { "/results?label=a:b&label=%20:c", "label" },
        { "/results?label=a:b%0a", "label" },
        { "/results?LIMIT=1", "LIMIT" },
        { "/results/x?wait=-1", "wait" },
        { "/results/x?wait=", "wait" },
        { "/results/x?wait=nan", "wait" },
        { "/results/x?wait=1e", "wait" },
        { "/results/x?wait=1e999", "wait" },
        { "/results/x?wait=[1]", "wait" },
        { "/results/x?wait=1%202", "wait" },
        { "/results/x?wait=-1e-3", "wait" },
        { "/results/x?wait=.5", "wait" },
        { "/results/x?wait=0x10", "wait" },
        { "/results/x?wait=5s", "wait" },
        { "/results/x?fields=", "fields" },
        { "/results/x?fields=id,colour", "fields" },
        { "/results/x?fields=id,,status", "fields" },
        { "/results/x?fields=id&fields=colour", "fields" },
        { "/results/x?fields=id&fields=", "fields" },
        { "/healthz?x=1", "x" },
        { "/submissions/x?wait=1", "wait" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("%s\n", cases[i].target);
        json_auto_t *body = http_expect(http_get(*state, "GET", "%s", cases[i].target), 422);
        json_t *error = json_array_get(json_object_get(body, "errors"), 0);
        assert_string_equal(http_field(error, "parameter"), cases[i].name);
    }
    http_expect_status(http_get(*state, "GET", "/results?id_prefix=%%00"), 400);
    http_expect_status(http_get(*state, "GET", "/results?id_prefix=%%4"), 400);
    http_expect_status(http_post(*state, "/submissions?wait=x", HELLO), 422);
    json_auto_t *list = http_expect(http_get(*state, "GET", "/results"), 200);
    assert_int_equal(json_array_size(json_object_get(list, "results")), 0);
}

static void test_list(void **state)
{
    struct site *f = *state;
    char seen[64] = "", cursor[300] = "";

    for (int i = 0; i < 7; i++) {
        char json[160];
        (void)snprintf(json, sizeof json,
                       "{\"id\":\"%%_%d\",\"language\":\"python\",\"source\":\"1\",\"labels\":"
                       "{\"n\":\"%d\",\"half\":\"%s\"}}",
                       i, i, i < 3 ? "first & only" : "x:y");
        http_expect_status(http_post(f, "/submissions", json), 202);
        if (i == 4)
            site_finish_all(f);
    }
    for (int page = 0; page < 10; page++) {
        json_auto_t *body =
            http_expect(http_get(f, "GET", "/results?limit=3&sort=submitted_at%s", cursor), 200);
        size_t i;
        json_t *item;
        json_array_foreach(json_object_get(body, "results"), i, item)
        {
            assert_int_equal(json_object_size(item), 15);
            (void)snprintf(seen + strlen(seen), 8, "%s ", http_field(item, "id") + 2);
        }
        const char *next = json_string_value(json_object_get(body, "next_cursor"));
        if (!next)
            break;
        memcpy(cursor, "&cursor=", 9);
        uri_encode(next, cursor + 8);
    }
    assert_string_equal(seen, "0 1 2 3 4 5 6 ");
    static const struct {
        const char *query;
        size_t found;
    } cases[] = {
        { "?state=queued", 2 },
        { "?state=done", 5 },
        { "?status=OK", 5 },
        { "?status=WA", 0 },
        { "?language=c", 0 },
        { "?id_prefix=%25_", 7 },
        { "?id_prefix=%25%25", 0 },
        { "?id_prefix=%_5", 0 },
        { "?since=0", 7 },
        { "?until=2000-01-01T00:00:00%2B02:00", 0 },
        { "?language=%27%20OR%201=1--", 0 },
        { "?label=n:4", 1 },
        { "?label=half:x:y", 4 },
        { "?label=half:first%20%26%20only", 3 },
        { "?label=half:first%20%26%20only&label=n:2", 1 },
        { "?label=n:2&limit=5&label=half:x:y", 0 },
        { "?label=n:", 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_answer a = http_get(f, "GET", "/results%s", cases[i].query);
        if (strcmp(cases[i].query, "?id_prefix=%_5") == 0) { /* %_5 is no escape */
            http_expect_status(a, 400);
            continue;
        }
        json_auto_t *body = http_expect(a, 200);
        assert_int_equal(json_array_size(json_object_get(body, "results")), cases[i].found);
    }
}

/* ---- what the server says of itself ---- */

static void test_system(void **state)
{
    json_auto_t *health = http_expect(http_get(*state, "GET", "/healthz"), 200);
    assert_string_equal(http_field(health, "status"), "ok");
    json_auto_t *ready = http_expect(http_get(*state, "GET", "/readyz"), 503);
    assert_true(json_is_false(json_object_get(ready, "ready")));
    assert_int_equal(json_array_size(json_object_get(ready, "reasons")), 1);
    assert_true(json_is_array(json_object_get(ready, "degraded")));
    json_auto_t *languages = http_expect(http_get(*state, "GET", "/languages"), 200);
    assert_true(json_is_array(json_object_get(languages, "languages")));
    struct http_answer a = http_get(*state, "GET", "/openapi.yaml");
    assert_true(http_has_header(&a, "\r\nContent-Type: application/yaml\r\n"));
    assert_int_equal(strncmp(a.body, "openapi: 3.1", 12), 0);
    http_expect_status(a, 200);
}

#define PLAIN(test) cmocka_unit_test_setup_teardown(test, site_setup, site_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAIN(test_every_route_is_described),
        PLAIN(test_every_path_is_a_route),
        PLAIN(test_wrong_parameters),
        PLAIN(test_list),
        PLAIN(test_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
