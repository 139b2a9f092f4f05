/* tests/unit/test_http_connections.c - connections: how many, how slow, how long, and how they end.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "schema/base/buf.h"
#include "schema/base/clock.h"
#include "schema/model/submission.h"
#include "tests/support/assert_err.h"
#include "tests/support/http_client.h"
#include "tests/support/site.h"

#define SMUGGLED   "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
#define POST_LINE  "POST /submissions HTTP/1.1\r\nHost: x\r\n"
#define JSON       "Content-Type: application/json\r\n"
#define GET_HEALTH "GET /healthz HTTP/1.1\r\nHost: x\r\n"

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
        cmocka_unit_test_setup_teardown(test_keep_alive, site_setup, site_teardown),
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
