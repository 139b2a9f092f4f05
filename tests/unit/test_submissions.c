/* tests/unit/test_submissions.c - /submissions by HTTP: accepted, waited for, cancelled, over a
 * real job table and without an engine. */
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "schema/base/buf.h"
#include "schema/base/clock.h"
#include "schema/model/submission.h"
#include "server/http/uri.h"
#include "tests/support/assert_err.h"
#include "tests/support/http_client.h"
#include "tests/support/site.h"

/* ---- accepting ---- */

static void test_accepted(void **state)
{
    struct site *f = *state;
    struct http_answer a = http_post(f, "/submissions", HELLO);
    char location[100];

    json_auto_t *copy = json_loads(a.body, 0, NULL);
    (void)snprintf(location, sizeof location, "\r\nLocation: /results/%s\r\n",
                   http_field(copy, "id"));
    assert_true(http_has_header(&a, location));
    assert_true(http_has_header(&a, "\r\nContent-Type: application/json\r\n"));
    json_auto_t *body = http_expect(a, 202);
    assert_int_equal(json_object_size(body), 5);
    assert_string_equal(http_field(body, "state"), "queued");
    assert_int_equal(json_integer_value(json_object_get(body, "position")), 1);
    assert_string_equal(http_field(body, "reason"), "");
    int64_t ms;
    assert_int_equal(clock_parse(http_field(body, "submitted_at"), &ms), 0);

    json_auto_t *waiting =
        http_expect(http_get(f, "GET", "/results/%s", http_field(body, "id")), 202);
    assert_int_equal(json_object_size(waiting), 4);
    assert_string_equal(http_field(waiting, "state"), "queued");
    site_finish_all(f);
    for (int i = 0; i < 2; i++) { /* rendered, then from the cache */
        json_auto_t *report =
            http_expect(http_get(f, "GET", "/results/%s", http_field(body, "id")), 200);
        assert_string_equal(http_field(report, "status"), "OK");
        assert_string_equal(http_field(report, "stdout"), "hi\n");
    }
    json_auto_t *sent =
        http_expect(http_get(f, "GET", "/submissions/%s", http_field(body, "id")), 200);
    assert_string_equal(http_field(sent, "source"), "print('hi')");
    assert_string_equal(http_field(sent, "state"), "done");
    assert_string_equal(http_field(sent, "id"), http_field(body, "id"));
}

/* Whatever an id holds, it splits no header and comes back the same. */
static void test_ids(void **state)
{
    static const char *const ids[] = {
        "a/b", "\xd0\xb6\xe2\x98\x83", "a b?c#d%e&f=g", "..",   ".",           "a%2Fb",
        "+",   "../../etc/passwd",     "'; --",         "~-._", "\xe2\x80\xa8"
    };

    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        char encoded[3 * SUBMISSION_ID_MAX + 1], location[900];
        json_auto_t *json =
            json_pack("{s:s, s:s, s:s}", "id", ids[i], "language", "python", "source", "1");
        CLEANUP(freep) char *text = json_dumps(json, 0);
        uri_encode(ids[i], encoded);
        assert_null(strpbrk(encoded, "/?#& +;'\""));
        (void)snprintf(location, sizeof location, "\r\nLocation: /results/%s\r\n", encoded);
        struct http_answer a = http_post(*state, "/submissions", text);
        assert_true(http_has_header(&a, location));
        http_expect_status(a, 202);
        json_auto_t *got = http_expect(http_get(*state, "GET", "/results/%s", encoded), 202);
        assert_string_equal(http_field(got, "id"), ids[i]);
    }
}

static void test_same_again(void **state)
{
    static const char first[] = "{\"id\":\"same\",\"language\":\"c\",\"source\":\"1\"}";
    static const char again[] = "{\"source\":\"1\",\"type\":\"script\",\"language\":\"c\","
                                "\"id\":\"same\",\"limits\":null}";
    static const char other[] = "{\"id\":\"same\",\"language\":\"c\",\"source\":\"2\"}";
    struct site *f = *state;

    http_expect_status(http_post(f, "/submissions", first), 202);
    http_expect_status(http_post(f, "/submissions", again), 202);
    json_auto_t *list = http_expect(http_get(f, "GET", "/results"), 200);
    assert_int_equal(json_array_size(json_object_get(list, "results")), 1);
    http_expect_status(http_post(f, "/submissions", other), 409);
    site_finish_all(f);
    json_auto_t *report = http_expect(http_post(f, "/submissions", again), 200);
    assert_string_equal(http_field(report, "id"), "same");
    assert_string_equal(http_field(report, "verdict"), "OK");
    http_expect_status(http_post(f, "/submissions", other), 409);
}

static void test_full_queue(void **state)
{
    static const char *const settings[] = { "MAX_QUEUED=2", NULL };
    struct site f;

    (void)state;
    site_open(&f, settings, 0);
    http_expect_status(http_post(&f, "/submissions", HELLO), 202);
    http_expect_status(http_post(&f, "/submissions", HELLO), 202);
    struct http_answer a = http_post(&f, "/submissions", HELLO);
    assert_true(http_has_header(&a, "\r\nRetry-After: "));
    http_expect_status(a, 429);
    site_finish_all(&f);
    http_expect_status(http_post(&f, "/submissions", HELLO), 202);
    site_close(&f);
}

/* A disk with less room than the table keeps free: 507, and reading goes on. */
static void test_full_disk(void **state)
{
    struct site f;

    (void)state;
    site_open(&f, NULL, INT64_MAX / 2);
    struct http_answer a = http_post(&f, "/submissions", HELLO);
    assert_true(http_has_header(&a, "application/problem+json"));
    http_expect_status(a, 507);
    http_expect_status(http_post(&f, "/submissions?wait=5", HELLO), 507);
    http_expect_status(http_get(&f, "GET", "/results"), 200);
    http_expect_status(http_get(&f, "GET", "/results/x"), 404);
    site_close(&f);
}

/* A body that is parsed aside, because it would hold others up. */
static void test_large_submission(void **state)
{
    size_t size = 700 * KIB;
    char *source = malloc(size + 1);

    memset(source, '#', size);
    source[size] = '\0';
    json_auto_t *json =
        json_pack("{s:s, s:s, s:s}", "id", "large", "language", "python", "source", source);
    CLEANUP(freep) char *text = json_dumps(json, 0);
    http_expect_status(http_post(*state, "/submissions", text), 202);
    http_expect_status(http_post(*state, "/submissions?wait=0.1", text), 202);
    json_auto_t *sent = http_expect(http_get(*state, "GET", "/submissions/large"), 200);
    assert_string_equal(http_field(sent, "source"), source);
    text[strlen(text) - 1] = '!';
    http_expect_status(http_post(*state, "/submissions", text), 400);
    free(source);
}

/* ---- waiting ---- */

static void test_wait_ends_with_the_report(void **state)
{
    struct site *f = *state;
    CLEANUP(closep) int fd = http_dial(f);
    char id[SUBMISSION_ID_MAX + 1];

    http_push_post(fd, "/submissions?wait=60", HELLO);
    site_await_waiting(f, 1);
    int64_t seq = site_claim(f, id);
    CLEANUP(closep) int second = http_dial(f);
    char request[400];
    int n = snprintf(request, sizeof request,
                     "GET /results/%s?wait=60&fields=id,verdict HTTP/1.1\r\nHost: x\r\n\r\n", id);
    assert_true(http_push(second, request, (size_t)n));
    site_await_waiting(f, 2);
    site_finish(f, seq, id);
    json_auto_t *a = http_expect(http_receive(fd, false), 200);
    json_auto_t *b = http_expect(http_receive(second, false), 200);
    assert_string_equal(http_field(a, "id"), id);
    assert_int_equal(json_object_size(b), 2);
    assert_string_equal(http_field(b, "verdict"), "OK");
    site_await_waiting(f, 0);
    /* the connection goes on */
    http_push_post(fd, "/submissions", HELLO);
    http_expect_status(http_receive(fd, false), 202);
}

/* Never too early, and not much too late; a busy host may need several tries. */
static void test_wait_ends_in_time(void **state)
{
    static const struct {
        const char *wait;
        int64_t least_ms;
    } cases[] = { { "0", 0 }, { "0.0", 0 }, { "0.3", 300 }, { "3e-1", 300 }, { "1", 1000 } };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char target[60];
        (void)snprintf(target, sizeof target, "/submissions?wait=%s", cases[i].wait);
        int64_t late_ms = INT64_MAX;
        for (int try = 0; try < 5 && late_ms >= 1000; try++) {
            int64_t began = clock_mono_ns();
            json_auto_t *body = http_expect(http_post(*state, target, HELLO), 202);
            late_ms = (clock_mono_ns() - began) / NS_PER_MS - cases[i].least_ms;
            assert_true(late_ms >= 0);
            assert_non_null(json_object_get(body, "submitted_at"));
        }
        assert_true(late_ms < 1000);
    }
}

/* Clients that hang up while they wait do not pile up, however they go. */
static void test_wait_and_leave(void **state)
{
    struct linger now = { .l_onoff = 1 };

    for (int i = 0; i < 50; i++) {
        int fd = http_dial(*state);
        http_push_post(fd, "/submissions?wait=300", HELLO);
        site_await_waiting(*state, 1);
        if (i % 2)
            (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        closep(&fd);
        site_await_waiting(*state, 0);
    }
    site_finish_all(*state);
    http_expect_status(http_post(*state, "/submissions", HELLO), 202);
}

#define CROWD 2000

/* One report for two thousand. */
static void test_a_crowd_waits(void **state)
{
    static const char sent[] = "{\"id\":\"crowd\",\"language\":\"python\",\"source\":\"1\"}";
    static const char ask[] = "GET /results/crowd?wait=300 HTTP/1.1\r\nHost: x\r\n\r\n";
    struct site *f = *state;
    int *fds = calloc(CROWD, sizeof *fds);

    http_expect_status(http_post(f, "/submissions", sent), 202);
    for (size_t i = 0; i < CROWD; i++) {
        fds[i] = http_dial(f);
        assert_true(fds[i] >= 0 && http_push(fds[i], ask, sizeof ask - 1));
    }
    site_await_waiting(f, CROWD);
    http_expect_status(http_get(f, "GET", "/healthz"), 200);
    site_finish_all(f);
    for (size_t i = 0; i < CROWD; i++) {
        struct http_answer a = http_receive(fds[i], false);
        assert_int_equal(a.status, 200);
        buf_clear(&a.text);
        closep(&fds[i]);
    }
    free(fds);
}

struct flood {
    struct site *f;
    int answered;
};

static void *send_many(void *ctx)
{
    struct flood *x = ctx;
    CLEANUP(closep) int fd = http_dial(x->f);

    for (int i = 0; i < 100; i++) {
        http_push_post(fd, i % 3 ? "/submissions?wait=20" : "/submissions", HELLO);
        struct http_answer a = http_receive(fd, false);
        x->answered += a.status == (i % 3 ? 200 : 202);
        buf_clear(&a.text);
    }
    return NULL;
}

/* Everybody who waits for something hears of it, whoever is quicker. */
static void test_nobody_is_forgotten(void **state)
{
    struct site *f = *state;
    struct flood floods[8];
    pthread_t threads[8];
    char id[SUBMISSION_ID_MAX + 1];

    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        floods[i] = (struct flood){ .f = f };
        assert_int_equal(pthread_create(&threads[i], NULL, send_many, &floods[i]), 0);
    }
    for (int done = 0; done < 800;) {
        int64_t seq = site_claim(f, id);
        if (seq)
            site_finish(f, seq, id);
        else
            (void)usleep(500);
        done += seq != 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(floods[i].answered, 100);
    }
}

/* ---- cancelling ---- */

static void test_cancel(void **state)
{
    static const char sent[] = "{\"id\":\"no\",\"language\":\"c\",\"source\":\"1\"}";
    struct site *f = *state;

    http_expect_status(http_get(f, "DELETE", "/submissions/no"), 404);
    http_expect_status(http_post(f, "/submissions", sent), 202);
    CLEANUP(closep) int fd = http_dial(f);
    static const char ask[] = "GET /results/no?wait=60 HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_true(http_push(fd, ask, sizeof ask - 1));
    site_await_waiting(f, 1);
    json_auto_t *body = http_expect(http_get(f, "DELETE", "/submissions/no"), 200);
    assert_string_equal(http_field(body, "state"), "cancelled");
    json_auto_t *report = http_expect(http_receive(fd, false), 200);
    assert_string_equal(http_field(report, "error"), "cancelled");
    http_expect_status(http_get(f, "DELETE", "/submissions/no"), 409);
}

/* ---- what the server says of itself ---- */

#define PLAIN(test) cmocka_unit_test_setup_teardown(test, site_setup, site_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAIN(test_accepted),
        PLAIN(test_ids),
        PLAIN(test_same_again),
        cmocka_unit_test(test_full_queue),
        cmocka_unit_test(test_full_disk),
        PLAIN(test_large_submission),
        PLAIN(test_wait_ends_with_the_report),
        PLAIN(test_wait_ends_in_time),
        PLAIN(test_wait_and_leave),
        PLAIN(test_a_crowd_waits),
        PLAIN(test_nobody_is_forgotten),
        PLAIN(test_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
