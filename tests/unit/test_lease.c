/* Leases: cells that are acquired, prefetched, released and aborted; with the real pool and real
 * sockets, and a Docker of the test's own. */
#include <pthread.h>
#include <stdio.h>

#include "engine/cell/cell.h"
#include "engine/docker/docker.h"
#include "engine/pool/lease.h"
#include "engine/pool/pool.h"
#include "schema/base/clock.h"
#include "tests/support/assert_err.h"
#include "tests/support/fake_docker.h"
#include "tests/support/fake_pool.h"

static const char *const nothing[] = { "PATH=/bin", NULL };
static const char *const hello[] = { "hello", NULL };

struct place {
    struct lease lease;
    struct lease_class cell_class;
    struct pool *pool;
};

static void open_place(struct place *p)
{
    const struct pool_config pc = {
        .docker_host = fake.host, .host = &fake.cell_host, .parallel = 1, .creators = 1
    };
    ASSERT_OK(pool_start(&pc, &p->pool, e));
    p->cell_class = (struct lease_class){ .spec = fake_spec() };
    ASSERT_OK(p->cell_class.number = pool_class_add(p->pool, &p->cell_class.spec, e));
    ASSERT_OK(lease_init(&p->lease, &fake.config, &fake.cell_host, e));
}

static void close_place(struct place *p)
{
    lease_clear(&p->lease);
    p->pool = pool_stop(p->pool);
}

static int run(struct lease *b, struct lease_cell *c, struct err *e)
{
    struct cell_request q = { .argv = hello,
                              .env = nothing,
                              .exec_fd = -1,
                              .stdio = CELL_STDIO_ALONE(-1),
                              .cpu_limit_ns = NS_PER_S,
                              .wall_limit_ns = 10 * NS_PER_S, /* for one that nobody stops */
                              .memory_limit = 64 * MIB,
                              .file_bytes = MIB,
                              .out_max = MIB,
                              .err_keep = MIB };
    struct cell_result r;

    if (cell_run(c->cell, b->docker, &q, &r, e) < 0)
        return -1;
    assert_string_equal(r.out.data, LANGUAGE_HELLO_OUTPUT);
    cell_result_clear(&r);
    return 0;
}

static struct pool_stats stats_of(struct pool *p)
{
    struct pool_stats s;
    pool_stats(p, &s);
    return s;
}

static bool holds_a_cell(struct lease *b)
{
    (void)pthread_mutex_lock(&b->lock);
    bool holds = false;
    for (int i = 0; i < LEASE_CELLS_MAX; i++)
        holds = holds || b->cells[i].cell;
    (void)pthread_mutex_unlock(&b->lock);
    return holds;
}

static void what_is_given_back_serves_again(void **state)
{
    struct place p = { .pool = NULL };
    struct lease_cell *c = NULL;
    char name[80];
    (void)state;

    open_place(&p);
    for (int i = 0; i < 3; i++) {
        lease_begin(&p.lease, p.pool, i + 1);
        ASSERT_OK(lease_acquire(&p.lease, &p.cell_class, 64 * MIB, 3, &c, e));
        assert_int_equal(c->uses, i);
        if (i > 0)
            assert_string_equal(cell_id(c->cell), name);
        (void)snprintf(name, sizeof name, "%s", cell_id(c->cell));
        ASSERT_OK(run(&p.lease, c, e));
        lease_end(&p.lease);
    }
    /* It is worn out, and the next one is another. */
    lease_begin(&p.lease, p.pool, 9);
    ASSERT_OK(lease_acquire(&p.lease, &p.cell_class, 64 * MIB, 3, &c, e));
    assert_string_not_equal(cell_id(c->cell), name);
    lease_end(&p.lease);
    close_place(&p);
}

/* As the self-test has them, before the pool has classes. */
static void a_cell_without_a_class_serves_until_the_end(void **state)
{
    struct place p = { .pool = NULL };
    struct lease_class own = { .number = -1, .spec = fake_spec() }, writable = own;
    struct lease_cell *c = NULL;
    char name[80] = "", all[80] = "";
    (void)state;

    open_place(&p);
    for (int lease = 0; lease < 2; lease++) {
        lease_begin(&p.lease, p.pool, lease + 1);
        for (int i = 0; i < 3; i++) {
            ASSERT_OK(lease_acquire(&p.lease, &own, (64 + i) * MIB, 1, &c, e));
            if (i > 0)
                assert_string_equal(cell_id(c->cell), name);
            (void)snprintf(name, sizeof name, "%s", cell_id(c->cell));
            ASSERT_OK(run(&p.lease, c, e));
            lease_release(&p.lease, c);
        }
        assert_string_not_equal(name, all);
        (void)snprintf(all, sizeof all, "%s", name);
        lease_end(&p.lease);
        assert_false(holds_a_cell(&p.lease));
    }
    /* What could write to a volume does not stay. */
    writable.spec.volume = "v";
    writable.spec.volume_target = "/v";
    writable.spec.volume_writable = true;
    lease_begin(&p.lease, p.pool, 9);
    ASSERT_OK(lease_acquire(&p.lease, &writable, 64 * MIB, 1, &c, e));
    lease_release(&p.lease, c);
    assert_false(holds_a_cell(&p.lease));
    lease_end(&p.lease);
    close_place(&p);
}

static bool not_clean(const char *name) { return (void)name, false; }

static void what_is_not_clean_goes(void **state)
{
    struct place p = { .pool = NULL };
    struct lease_cell *c = NULL;
    (void)state;

    open_place(&p);
    fake.on_prove = not_clean;
    lease_begin(&p.lease, p.pool, 1);
    ASSERT_OK(lease_acquire(&p.lease, &p.cell_class, 64 * MIB, 3, &c, e));
    ASSERT_OK(run(&p.lease, c, e));
    lease_end(&p.lease);
    FAKE_AWAIT(fake.removed == 1);
    close_place(&p);
}

static void hang(struct fake_run *r) { r->way = FAKE_SILENT; }

/* As many cells as a submission may need one day: each is used, some are put back on the way, and
 * the end puts back the rest. */
static void many_at_once(void **state)
{
    struct place p = { .pool = NULL };
    struct lease_cell *c[LEASE_CELLS_MAX], *more = NULL;
    (void)state;

    open_place(&p);
    lease_begin(&p.lease, p.pool, 1);
    for (int i = 0; i < LEASE_CELLS_MAX; i++)
        ASSERT_OK(lease_acquire(&p.lease, &p.cell_class, 64 * MIB, 3, &c[i], e));
    ASSERT_ERR(ERR_BUG, lease_acquire(&p.lease, &p.cell_class, 64 * MIB, 3, &more, e));
    assert_int_equal(stats_of(p.pool).taken, LEASE_CELLS_MAX);
    for (int i = 0; i < LEASE_CELLS_MAX; i++) {
        for (int j = 0; j < i; j++)
            assert_string_not_equal(cell_id(c[j]->cell), cell_id(c[i]->cell));
        ASSERT_OK(run(&p.lease, c[i], e));
    }
    lease_release(&p.lease, c[2]);
    ASSERT_OK(lease_acquire(&p.lease, &p.cell_class, 64 * MIB, 3, &c[2], e));
    ASSERT_OK(run(&p.lease, c[2], e));
    lease_end(&p.lease);
    assert_int_equal(stats_of(p.pool).taken, 0);

    lease_begin(&p.lease, p.pool, 2); /* and all of them are reached by one stop */
    for (int i = 0; i < LEASE_CELLS_MAX; i++)
        ASSERT_OK(lease_acquire(&p.lease, &p.cell_class, 64 * MIB, 3, &c[i], e));
    fake.on_run = hang;
    assert_true(lease_abort(&p.lease, 2));
    for (int i = 0; i < LEASE_CELLS_MAX; i++)
        ASSERT_ERR(ERR_CANCELLED, run(&p.lease, c[i], e));
    lease_end(&p.lease);
    assert_int_equal(stats_of(p.pool).taken, 0);
    close_place(&p);
}

/* Taken ahead, then stopped by the submission's client before it was used. */
static void an_aborted_cell_is_never_kept(void **state)
{
    struct place p = { .pool = NULL };
    struct lease_cell *c = NULL;
    (void)state;

    for (int used = 0; used < 2; used++) {
        open_place(&p);
        lease_begin(&p.lease, p.pool, 1);
        lease_prefetch(&p.lease, &p.cell_class, 96 * MIB, 3);
        FAKE_UNTIL(holds_a_cell(&p.lease));
        if (used) {
            ASSERT_OK(lease_acquire(&p.lease, &p.cell_class, 96 * MIB, 3, &c, e));
            ASSERT_OK(run(&p.lease, c, e));
        }
        assert_false(lease_abort(&p.lease, 2));
        assert_true(lease_abort(&p.lease, 1));
        assert_true(lease_is_aborted(&p.lease));
        lease_end(&p.lease);
        assert_int_equal(stats_of(p.pool).taken, 0);

        lease_begin(&p.lease, p.pool, 2);
        assert_false(lease_is_aborted(&p.lease));
        ASSERT_OK(lease_acquire(&p.lease, &p.cell_class, 96 * MIB, 3, &c, e));
        ASSERT_OK(run(&p.lease, c, e));
        lease_end(&p.lease);
        close_place(&p);
    }
}

/* Nothing was stopped: what was taken ahead and not used is as good as new. */
static void an_unused_cell_is_kept(void **state)
{
    struct place p = { .pool = NULL };
    (void)state;

    open_place(&p);
    lease_begin(&p.lease, p.pool, 1);
    lease_prefetch(&p.lease, &p.cell_class, 96 * MIB, 3);
    lease_end(&p.lease);
    FAKE_UNTIL(stats_of(p.pool).idle >= 1);
    assert_int_equal(fake_count(&fake.removed), 0);
    assert_int_equal(fake_count(&fake.proved), 0);
    close_place(&p);
}

/* Whoever is stopped before he has a cell gets none. */
static void stopped_before_it_took_one(void **state)
{
    struct place p = { .pool = NULL };
    struct lease_cell *c = NULL;
    (void)state;

    open_place(&p);
    assert_false(lease_abort(&p.lease, 0)); /* nothing is on it */
    lease_begin(&p.lease, p.pool, 1);
    assert_true(lease_abort(&p.lease, 0));
    ASSERT_ERR(ERR_CANCELLED, lease_acquire(&p.lease, &p.cell_class, 64 * MIB, 3, &c, e));
    lease_end(&p.lease);
    assert_int_equal(stats_of(p.pool).taken, 0);
    close_place(&p);
}

static void *abort_when_held(void *arg)
{
    FAKE_AWAIT(fake.held > 0);
    assert_true(lease_abort(arg, 7));
    return NULL;
}

static void a_run_is_stopped_at_once(void **state)
{
    struct place p = { .pool = NULL };
    struct lease_cell *c = NULL;
    pthread_t thread;
    (void)state;

    open_place(&p);
    fake.on_run = hang;
    lease_begin(&p.lease, p.pool, 7);
    ASSERT_OK(lease_acquire(&p.lease, &p.cell_class, 64 * MIB, 3, &c, e));
    assert_int_equal(pthread_create(&thread, NULL, abort_when_held, &p.lease), 0);
    ASSERT_ERR(ERR_CANCELLED, run(&p.lease, c, e));
    (void)pthread_join(thread, NULL);
    lease_end(&p.lease);
    FAKE_AWAIT(fake.removed == 1);
    close_place(&p);
}

/* A used cell may refuse a limit; a fresh one is tried, but not for ever. */
static void refused_memory(void **state)
{
    struct place p = { .pool = NULL };
    struct lease_cell *c = NULL;
    (void)state;

    open_place(&p);
    lease_begin(&p.lease, p.pool, 1);
    fake_refuse("POST", "/update", 500, 1, "in use");
    ASSERT_OK(lease_acquire(&p.lease, &p.cell_class, 96 * MIB, 3, &c, e));
    lease_release(&p.lease, c);
    fake_refuse("POST", "/update", 500, -1, "in use");
    ASSERT_ERR(ERR_CELL, lease_acquire(&p.lease, &p.cell_class, 128 * MIB, 3, &c, e));
    lease_end(&p.lease);
    close_place(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_FAKE(what_is_given_back_serves_again),
        ON_FAKE(a_cell_without_a_class_serves_until_the_end),
        ON_FAKE(what_is_not_clean_goes),
        ON_FAKE(many_at_once),
        ON_FAKE(an_aborted_cell_is_never_kept),
        ON_FAKE(an_unused_cell_is_kept),
        ON_FAKE(stopped_before_it_took_one),
        ON_FAKE(a_run_is_stopped_at_once),
        ON_FAKE(refused_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
