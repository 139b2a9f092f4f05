/* The pool with real cells. */
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/cell/cell.h"
#include "engine/docker/docker.h"
#include "engine/pool/pool.h"
#include "schema/base/clock.h"
#include "tests/support/assert_err.h"
#include "tests/support/fixture.h"

static struct pool *start(int64_t parallel)
{
    struct pool *p = NULL;
    const struct pool_config config = {
        .docker_host = fixture.engine, .host = &fixture.host, .parallel = parallel, .creators = 2
    };
    ASSERT_OK(pool_start(&config, &p, e));
    return p;
}

static int shelf(struct pool *p)
{
    struct cell_spec spec = fixture_spec();
    int n = -1;
    ASSERT_OK(n = pool_class_add(p, &spec, e));
    return n;
}

/* Waits until the pool has so many idle cells and none on its way out. */
static void settle(struct pool *p, int64_t idle)
{
    struct pool_stats s;
    for (int i = 0; i < 400; i++) {
        pool_stats(p, &s);
        if (s.idle == idle && s.removing == 0)
            return;
        (void)poll(NULL, 0, 25);
    }
    fail_msg("%lld idle, %lld removing", (long long)s.idle, (long long)s.removing);
}

static void fills_and_empties(void **state)
{
    (void)state;
    struct pool *p = start(2);
    int n = shelf(p);
    assert_int_equal(shelf(p), n); /* the same spec is the same shelf */
    struct cell_spec other = fixture_spec();
    other.memory_bytes *= 2;
    int same = -1;
    ASSERT_OK(same = pool_class_add(p, &other, e));
    assert_int_equal(same, n);
    settle(p, 1);
    assert_int_equal(fixture_containers(), 1);
    assert_null(pool_stop(p));
    assert_int_equal(fixture_containers(), 0);
    assert_null(pool_stop(NULL));
}

static void memory_is_preferred(void **state)
{
    (void)state;
    struct pool *p = start(8); /* more room than two takers can fill */
    int n = shelf(p), uses = 0;
    struct cell *a = NULL, *b = NULL, *c = NULL;

    ASSERT_OK(pool_acquire(p, n, 64 * MIB, 1, &a, &uses, e));
    assert_int_equal(uses, 0);
    ASSERT_OK(pool_acquire(p, n, 64 * MIB, 1, &b, &uses, e));
    ASSERT_OK(cell_set_memory(a, fixture.docker, 96 * MIB, e));
    pool_release(p, n, a, 5);
    pool_release(p, n, b, 1); /* the younger one on the shelf */
    ASSERT_OK(pool_acquire(p, n, 96 * MIB, 1, &c, &uses, e));
    assert_int_equal(cell_memory(c), 96 * MIB);
    assert_int_equal(uses, 5);
    pool_discard(p, c);
    (void)pool_stop(p);
}

static void the_dead_are_replaced(void **state)
{
    (void)state;
    struct pool *p = start(1);
    struct pool_stats s = { 0 };
    struct cell *c = NULL;
    char label[64];
    int n = shelf(p), uses;

    settle(p, 1);
    json_auto_t *list = NULL;
    (void)snprintf(label, sizeof label, "scrc.instance=%s", fixture.instance);
    ASSERT_OK(docker_list(fixture.docker, label, &list, e));
    assert_int_equal(json_array_size(list), 1);
    const char *id = json_string_value(json_object_get(json_array_get(list, 0), "Id"));
    ASSERT_OK(docker_kill(fixture.docker, id, e));
    for (int i = 0; i < 400 && s.died == 0; i++) {
        (void)poll(NULL, 0, 25);
        pool_stats(p, &s);
    }
    assert_int_equal(s.died, 1);
    settle(p, 1);
    ASSERT_OK(pool_acquire(p, n, 0, 1, &c, &uses, e));
    fixture_expect(c, "echo new", "new\n");
    pool_discard(p, c);
    (void)pool_stop(p);
}

/* Waits until shelf n has an idle cell. Takes and gives back; so nothing else may use the shelf. */
static void await_idle(struct pool *p, int n)
{
    struct cell *c = NULL;
    int uses;

    ASSERT_OK(pool_acquire(p, n, 0, 1000, &c, &uses, e));
    pool_release(p, n, c, uses);
}

/* One maker does one thing after the other and prefers the first shelf: when the second has both
 * its cells, the first lacked none. */
static void what_comes_back_is_not_replaced(void **state)
{
    (void)state;
    const struct pool_config config = {
        .docker_host = fixture.engine, .host = &fixture.host, .parallel = 2, .creators = 1
    };
    struct cell_spec spec = fixture_spec();
    struct pool *p = NULL;
    struct pool_stats s;
    struct cell *c = NULL, *d = NULL, *f = NULL;
    int n = -1, other = -1, uses;

    ASSERT_OK(pool_start(&config, &p, e));
    ASSERT_OK(n = pool_class_add(p, &spec, e));
    await_idle(p, n); /* it has waited: from now on two are kept */
    settle(p, 2);
    ASSERT_OK(pool_acquire(p, n, 0, 10, &c, &uses, e));
    spec.pids++;
    ASSERT_OK(other = pool_class_add(p, &spec, e));
    await_idle(p, other);
    ASSERT_OK(pool_acquire(p, other, 0, 1000, &d, &uses, e));
    ASSERT_OK(pool_acquire(p, other, 0, 1000, &f, &uses, e));
    pool_stats(p, &s);
    assert_int_equal(s.made, 2 + 2);
    pool_release(p, other, d, 1);
    pool_release(p, other, f, 1);

    /* The last use, and a use after which it is dropped: now there is one to make. */
    pool_release(p, n, c, 9);
    ASSERT_OK(pool_acquire(p, n, 0, 10, &d, &uses, e));
    assert_int_equal(uses, 9);
    settle(p, 2 + 2);
    pool_discard(p, d);
    ASSERT_OK(pool_acquire(p, n, 0, 10, &c, &uses, e));
    pool_discard(p, c);
    settle(p, 2 + 2);
    pool_stats(p, &s);
    assert_int_equal(s.made, 4 + 2);
    (void)pool_stop(p);
}

static void failures_are_told(void **state)
{
    (void)state;
    struct pool *p = start(1);
    struct cell_spec spec = fixture_spec();
    struct cell *c = NULL;
    int n = -1, uses;

    spec.image = "scrc-test/no-such-image";
    ASSERT_OK(n = pool_class_add(p, &spec, e));
    for (int i = 0; i < 5; i++) /* the first waits for the maker, the others for nothing */
        ASSERT_ERR(ERR_IMAGE, pool_acquire(p, n, 0, 1, &c, &uses, e));
    ASSERT_ERR(ERR_BUG, pool_acquire(p, n + 1, 0, 1, &c, &uses, e));
    (void)pool_stop(p);

    const struct pool_config config = { .docker_host = "unix:///nonexistent/docker.sock",
                                        .host = &fixture.host,
                                        .parallel = 1,
                                        .creators = 1 };
    ASSERT_OK(pool_start(&config, &p, e));
    ASSERT_OK(n = pool_class_add(p, &spec, e));
    ASSERT_ERR(ERR_UNAVAILABLE, pool_acquire(p, n, 0, 1, &c, &uses, e));
    (void)pool_stop(p);
    const struct pool_config remote = { .docker_host = "tcp://127.0.0.1:1", .host = &fixture.host };
    ASSERT_ERR(ERR_SETTING, pool_start(&remote, &p, e));
}

/* A taker of the only shelf of a pool. */
struct taker {
    struct pool *pool;
    pthread_t thread;
    struct err e;
};

static void *taker_main(void *arg)
{
    struct taker *t = arg;
    struct cell *c = NULL;
    int uses;
    t->e.kind = ERR_NONE;
    if (pool_acquire(t->pool, 0, 0, 1, &c, &uses, &t->e) == 0)
        pool_discard(t->pool, c);
    return NULL;
}

/* An engine that takes connections and says nothing: who waits must be woken. */
static void closing_wakes_takers(void **state)
{
    (void)state;
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    struct taker takers[3];
    struct pool *p = NULL;
    char host[128];
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s.sock", fixture.dir);
    (void)snprintf(host, sizeof host, "unix://%s", a.sun_path);
    assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(listener, 8), 0);
    const struct pool_config config = {
        .docker_host = host, .host = &fixture.host, .parallel = 1, .creators = 1
    };
    ASSERT_OK(pool_start(&config, &p, e));
    assert_int_equal(shelf(p), 0);
    for (size_t i = 0; i < ARRAY_LEN(takers); i++) {
        takers[i].pool = p;
        assert_int_equal(pthread_create(&takers[i].thread, NULL, taker_main, &takers[i]), 0);
    }
    (void)poll(NULL, 0, 50); /* they may be waiting by now; both orders are right */
    int64_t began = clock_mono_ns();
    pool_close(p);
    for (size_t i = 0; i < ARRAY_LEN(takers); i++) {
        assert_int_equal(pthread_join(takers[i].thread, NULL), 0);
        assert_int_equal(takers[i].e.kind, ERR_CANCELLED);
    }
    assert_in_range(clock_mono_ns() - began, 0, 20 * NS_PER_S);
    closep(&listener); /* resets the maker's connection */
    (void)unlink(a.sun_path);
    assert_null(pool_stop(p));
}

/* Four users at once: use a cell, then give it back, drop it, or lose it. */
struct user {
    struct pool *pool;
    int number;
    pthread_t thread;
    const char *wrong;
};

static const char *use(struct user *u, struct docker *d)
{
    struct err e;
    struct pool *busy = u->pool;
    for (int i = 0; i < 6; i++) {
        struct cell *c = NULL;
        struct cell_result r;
        struct fixture_line l;
        int uses = -1;
        if (pool_acquire(busy, 0, 64 * MIB, 1, &c, &uses, &e) < 0) {
            return "take";
        }
        fixture_shell(&l, "echo hi");
        int way = (u->number + i) % 3;
        if (way == 2) {
            cell_abort(c);
            if (cell_run(c, d, &l.request, &r, &e) == 0)
                return "an aborted cell ran";
            pool_release(busy, 0, c, 1); /* a spent one: the pool must notice */
            continue;
        }
        if (cell_run(c, d, &l.request, &r, &e) < 0 || strcmp(r.out.data, "hi\n") != 0)
            return "run";
        cell_result_clear(&r);
        if (way == 1 && cell_verify_clean(c, &e) == 0)
            pool_release(busy, 0, c, uses + 1);
        else
            pool_discard(busy, c);
    }
    return NULL;
}

static void *user_main(void *arg)
{
    struct user *u = arg;
    struct docker *d = NULL;
    struct err e;
    u->wrong = docker_open(fixture.engine, &d, &e) < 0 ? "docker" : use(u, d);
    (void)docker_free(d);
    return NULL;
}

static void four_users(void **state)
{
    (void)state;
    struct user users[4];
    struct pool *p = start(2);
    assert_int_equal(shelf(p), 0);
    for (int i = 0; i < 4; i++) {
        users[i] = (struct user){ .pool = p, .number = i };
        assert_int_equal(pthread_create(&users[i].thread, NULL, user_main, &users[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(users[i].thread, NULL), 0);
        if (users[i].wrong)
            fail_msg("user %d: %s", i, users[i].wrong);
    }
    struct pool_stats s;
    pool_stats(p, &s);
    assert_int_equal(s.taken, 0);
    assert_int_equal(s.died, 0); /* a spent cell that comes back did not die on the shelf */
    assert_in_range(s.idle, 0, 2);
    (void)pool_stop(p);
    assert_int_equal(fixture_containers(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(fills_and_empties),
        FIXTURE_TEST(memory_is_preferred),
        FIXTURE_TEST(the_dead_are_replaced),
        FIXTURE_TEST(failures_are_told),
        FIXTURE_TEST(closing_wakes_takers),
        FIXTURE_TEST(four_users),
        FIXTURE_TEST(what_comes_back_is_not_replaced),
    };
    if (fixture_open("auto") < 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return fixture_close() < 0 || failed ? 1 : 0;
}
