/* Cells that are ended under a run, and an engine whose connection fails; with both makers of
 * boxes. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/cell/cell.h"
#include "engine/cell/cell_orphans.h"
#include "engine/docker/docker.h"
#include "engine/engine.h"
#include "engine/host/host_check.h"
#include "schema/base/clock.h"
#include "tests/support/assert_err.h"
#include "tests/support/fixture.h"

struct ender {
    struct cell *cell;
    bool kill; /* the container; else cell_abort() */
};

static void *ender_main(void *arg)
{
    struct ender *x = arg;
    struct docker *d = NULL;
    struct err e;
    (void)poll(NULL, 0, 200); /* any moment will do */
    if (!x->kill)
        cell_abort(x->cell);
    else if (docker_open(fixture.engine, &d, &e) == 0)
        (void)!docker_kill(d, cell_id(x->cell), &e);
    (void)docker_free(d);
    return NULL;
}

static void ended_from_outside(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct ender x = { .cell = fixture_cell(), .kill = i == 1 };
        struct fixture_line l;
        struct cell_result r = { .artefact_fd = -1 };
        pthread_t thread;
        fixture_shell(&l, "sleep 100");
        assert_int_equal(pthread_create(&thread, NULL, ender_main, &x), 0);
        int64_t began = clock_mono_ns();
        ASSERT_ERR(x.kill ? ERR_CELL : ERR_CANCELLED,
                   cell_run(x.cell, fixture.docker, &l.request, &r, e));
        assert_in_range(clock_mono_ns() - began, 0, 20 * NS_PER_S);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_null(r.out.data);
        assert_false(cell_alive(x.cell));
        ASSERT_ERR(ERR_BUG, cell_run(x.cell, fixture.docker, &l.request, &r, e));
        (void)cell_free(x.cell, fixture.docker);
        assert_int_equal(fixture_containers(), 0);
    }
}

/* ---- an engine whose connection fails at the nth request ---- */

static struct proxy {
    char path[96], host[112];
    int listener;
    atomic_int count, fail_from, fail_to; /* requests from 1; fail_to 0: never */
    atomic_bool no_removal;               /* a removal was among those that failed */
    bool done_first; /* the daemon does what it is asked, and the answer is lost */
    pthread_t thread;
} proxy;

static int connect_to(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
        closep(&fd);
    return fd;
}

/* Carries one connection until it ends, or until it is its turn to fail. */
static void carry(int client, int server)
{
    char data[65536];
    bool asking = false, failing = false;
    for (;;) {
        struct pollfd p[2] = { { .fd = client, .events = POLLIN },
                               { .fd = server, .events = POLLIN } };
        if (poll(p, 2, -1) < 0)
            return;
        int from = p[0].revents ? 0 : 1;
        ssize_t n = read(p[from].fd, data, sizeof data);
        if (n <= 0 || (from == 1 && failing))
            return;
        if (from == 0 && !asking) {
            proxy.count++;
            failing = proxy.count >= proxy.fail_from && proxy.count <= proxy.fail_to;
            proxy.no_removal = proxy.no_removal || (failing && strncmp(data, "DELETE", 6) == 0);
            if (failing && !proxy.done_first)
                return;
        }
        asking = from == 0;
        if (send(p[1 - from].fd, data, (size_t)n, MSG_NOSIGNAL) != n)
            return;
    }
}

static void *proxy_main(void *arg)
{
    (void)arg;
    const char *engine = fixture.engine ? fixture.engine : "unix:///var/run/docker.sock";
    for (;;) {
        CLEANUP(closep) int client = accept(proxy.listener, NULL, NULL);
        if (client < 0)
            return NULL;
        CLEANUP(closep) int server = connect_to(engine + strlen("unix://"));
        if (server >= 0)
            carry(client, server);
    }
}

static void proxy_start(int fail_from, int fail_to, bool done_first)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    proxy.count = 0;
    proxy.no_removal = false;
    proxy.fail_from = fail_from;
    proxy.fail_to = fail_to;
    proxy.done_first = done_first;
    (void)snprintf(proxy.path, sizeof proxy.path, "%s.sock", fixture.dir);
    (void)snprintf(proxy.host, sizeof proxy.host, "unix://%s", proxy.path);
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", proxy.path);
    proxy.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(proxy.listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(proxy.listener, 8), 0);
    assert_int_equal(pthread_create(&proxy.thread, NULL, proxy_main, NULL), 0);
}

static void proxy_stop(void)
{
    (void)shutdown(proxy.listener, SHUT_RDWR);
    assert_int_equal(pthread_join(proxy.thread, NULL), 0);
    closep(&proxy.listener);
    (void)unlink(proxy.path);
}

/* Opens, uses and frees a cell through the proxy. Returns whether everything went well. */
static bool one_life(void)
{
    struct docker *d = NULL;
    struct cell *c = NULL;
    struct cell_spec spec = fixture_spec();
    struct err why = { .kind = ERR_NONE };

    ASSERT_OK(docker_open(proxy.host, &d, e));
    bool well = cell_open(d, &fixture.host, &spec, &c, &why) == 0 &&
                cell_set_memory(c, d, 80 * MIB, &why) == 0;
    if (!well)
        assert_int_equal(why.kind, ERR_UNAVAILABLE);
    (void)cell_free(c, d);
    (void)docker_free(d);
    return well;
}

static void every_call_fails_once(void **state)
{
    (void)state;
    struct cell_host next = fixture.host;
    next.instance = "0123456789abcdef0123456789abcdef";
    for (int i = 0; i < 2; i++) {
        bool well = false;
        for (int n = 1; !well; n++) {
            assert_in_range(n, 1, 20);
            proxy_start(n, n + 1, i == 1); /* two: libcurl asks again by itself */
            (void)one_life();
            well = proxy.count < n; /* the life had fewer calls: all have failed by now */
            proxy_stop();
            /* What is left is only what could not be removed, and a sweep gets it. */
            assert_in_range(fixture_containers(), 0, proxy.no_removal ? 1 : 0);
            ASSERT_OK(cell_orphans_remove(fixture.docker, &next, e));
            assert_int_equal(fixture_containers(), 0);
        }
    }
}

/* The engine dies with the cell: nobody's fault, so no attempt is spent. */
static void engine_gone_under_a_run(void **state)
{
    (void)state;
    struct docker *d = NULL;
    struct cell_spec spec = fixture_spec();
    struct ender x = { .kill = true };
    struct fixture_line l;
    struct cell_result r;
    pthread_t thread;

    proxy_start(0, 0, false);
    ASSERT_OK(docker_open(proxy.host, &d, e));
    ASSERT_OK(cell_open(d, &fixture.host, &spec, &x.cell, e));
    proxy.fail_to = 1 << 20; /* from now on no call comes through */
    fixture_shell(&l, "sleep 100");
    assert_int_equal(pthread_create(&thread, NULL, ender_main, &x), 0);
    ASSERT_ERR(ERR_UNAVAILABLE, cell_run(x.cell, d, &l.request, &r, e));
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)docker_free(d);
    proxy_stop();
    (void)cell_free(x.cell, fixture.docker);
}

/* An agent that cannot start says why, and whoever looks is told: here a box that it does not know.
 */
static void the_agents_words_reach_the_check(void **state)
{
    (void)state;
    struct language row = { .name = "any", .image = fixture.image };
    const struct language_table languages = { .rows = &row, .len = 1 };
    const struct engine_config config = { .docker_host = fixture.engine,
                                          .cell_dir = fixture.dir,
                                          .box = "cardboard",
                                          .instance = fixture.instance,
                                          .parallel = 1 };
    struct host_diagnostic found[HOST_DIAGNOSTICS_MAX];
    size_t len = host_check(&config, &languages, found);
    const struct host_diagnostic *box = NULL;

    for (size_t i = 0; i < len; i++)
        if (strcmp(found[i].name, "box") == 0)
            box = &found[i];
    assert_non_null(box);
    assert_int_equal(box->level, HOST_UNFIT);
    print_message("    %s\n", box->message);
    assert_non_null(strstr(box->message, "the agent gave up: box 'cardboard'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(ended_from_outside),
        FIXTURE_TEST(every_call_fails_once),
        FIXTURE_TEST(engine_gone_under_a_run),
        FIXTURE_TEST(the_agents_words_reach_the_check),
    };
    return fixture_run_in_boxes(tests, ARRAY_LEN(tests));
}
