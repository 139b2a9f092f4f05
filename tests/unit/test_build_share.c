/* tests/unit/test_build_share.c - builds that several threads want at the same time: one builds,
 * the others wait for it; and the cache is written behind. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/build/build_outcome.h"
#include "engine/build/build_share.h"
#include "engine/cell/cell_memfd.h"
#include "engine/pool/lease.h"
#include "schema/base/err.h"
#include "schema/base/text.h"
#include "tests/support/assert_err.h"
#include "tests/support/builds.h"
#include "tests/support/scratch.h"

#define THREADS 8

struct shared {
    char dir[64];
    struct build_share *share;
    atomic_int builds, finds;
    bool repeatable, fails;
};

static void open_share(struct shared *s)
{
    ASSERT_OK(build_share_open(s->dir, 64 * MIB, 0, &s->share, e));
}

static int set_up(void **state)
{
    struct shared *s = calloc(1, sizeof *s);

    if (!s || text_init() < 0)
        return -1;
    (void)strcpy(s->dir, "/tmp/scrc-share.XXXXXX");
    if (!mkdtemp(s->dir))
        return -1;
    s->repeatable = true;
    open_share(s);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct shared *s = *state;

    (void)build_share_free(s->share);
    scratch_remove(s->dir);
    free(s);
    return 0;
}

static struct build_outcome make_outcome(bool repeatable)
{
    struct build_outcome o = { .repeatable = repeatable };

    ASSERT_OK(o.artefact_fd = cell_memfd("artefact", "made", 4, e));
    return o;
}

static void expect_made(const struct build_outcome *o)
{
    char got[4];

    assert_int_equal(pread(o->artefact_fd, got, sizeof got, 0), 4);
    assert_memory_equal(got, "made", 4);
}

static struct lease make_lease(void) { return (struct lease){ .lock = PTHREAD_MUTEX_INITIALIZER }; }

/* Finds it or builds it, as build_run() does. */
static void *want_main(void *arg)
{
    struct shared *s = arg;
    struct lease lease = make_lease();
    struct build_outcome o;
    struct err e;
    int found = build_share_find(s->share, &lease, builds_key(1), &o, &e);

    assert_true(found >= 0);
    if (found == 0) {
        bool fails = atomic_fetch_add(&s->builds, 1) == 0 && s->fails;
        o = make_outcome(s->repeatable);
        build_share_end(s->share, builds_key(1), fails ? NULL : &o);
    } else {
        atomic_fetch_add(&s->finds, 1);
        expect_made(&o);
    }
    build_outcome_clear(&o);
    return NULL;
}

static void want_at_once(struct shared *s)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, want_main, s), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void the_same_source_is_built_once(void **state)
{
    struct shared *s = *state;

    want_at_once(s);
    assert_int_equal(s->builds, 1);
    assert_int_equal(s->finds, THREADS - 1);
}

/* A fault of ours in the first build: another one builds. */
static void after_a_fault_the_next_one_builds(void **state)
{
    struct shared *s = *state;

    s->fails = true;
    want_at_once(s);
    assert_int_equal(s->builds, 2);
    assert_int_equal(s->finds, THREADS - 2);
}

/* An outcome that may be another one next time is nobody else's. */
static void what_is_not_repeatable_is_not_shared(void **state)
{
    struct shared *s = *state;

    s->repeatable = false;
    want_at_once(s);
    assert_int_equal(s->builds, THREADS);
}

static void it_is_on_disk_at_the_end(void **state)
{
    struct shared *s = *state;

    (void)want_main(s);
    s->share = build_share_free(s->share);
    open_share(s);
    (void)want_main(s);
    assert_int_equal(s->builds, 1);
    assert_int_equal(s->finds, 1);
}

/* More than may wait for the disk. */
static void many_are_all_kept(void **state)
{
    struct shared *s = *state;
    struct build_outcome o = make_outcome(true), found;
    struct lease lease = make_lease();

    for (int i = 0; i < 200; i++) {
        ASSERT_OK(build_share_find(s->share, &lease, builds_key(i), &found, e));
        build_share_end(s->share, builds_key(i), &o);
    }
    build_outcome_clear(&o);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(build_share_find(s->share, &lease, builds_key(i), &found, NULL), 1);
        expect_made(&found);
        build_outcome_clear(&found);
    }
}

struct waiter {
    struct shared *shared;
    struct lease lease;
    struct err e;
    int found;
};

static void *wait_main(void *arg)
{
    struct waiter *w = arg;
    struct build_outcome o;

    w->found = build_share_find(w->shared->share, &w->lease, builds_key(1), &o, &w->e);
    return NULL;
}

static void one_that_waits_can_be_aborted(void **state)
{
    struct waiter w = { .shared = *state, .lease = make_lease() };
    struct lease own = make_lease();
    struct build_outcome o;
    pthread_t thread;

    w.lease.seq = 7;
    assert_int_equal(build_share_find(w.shared->share, &own, builds_key(1), &o, NULL), 0);
    assert_int_equal(pthread_create(&thread, NULL, wait_main, &w), 0);
    assert_true(lease_abort(&w.lease, 7));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(w.found, -1);
    assert_int_equal(w.e.kind, ERR_CANCELLED);
    build_share_end(w.shared->share, builds_key(1), NULL);
}

#define ON_SHARE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SHARE(the_same_source_is_built_once),
        ON_SHARE(after_a_fault_the_next_one_builds),
        ON_SHARE(what_is_not_repeatable_is_not_shared),
        ON_SHARE(it_is_on_disk_at_the_end),
        ON_SHARE(many_are_all_kept),
        ON_SHARE(one_that_waits_can_be_aborted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
