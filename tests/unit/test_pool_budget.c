/* How many cells a pool keeps, and of what: more classes than it may keep cells of. The real pool,
 * and a Docker of the test's own. */
#include <stdio.h>
#include <string.h>

#include "engine/pool/pool.h"
#include "engine/pool/pool_budget.h"
#include "tests/support/assert_err.h"
#include "tests/support/fake_pool.h"

#define CLASSES 40 /* of twenty languages that are built, say */

struct place {
    struct pool *pool;
    int64_t most;
    int numbers[CLASSES];
};

static void workdir_of(int n, char text[16]) { (void)snprintf(text, 16, "/work%02d", n); }

static void open_place(struct place *p, int64_t parallel, int classes)
{
    char workdir[16];

    p->pool = fake_pool(parallel);
    p->most = pool_budget_most(parallel);
    for (int i = 0; i < classes; i++) {
        struct cell_spec spec = fake_spec();
        workdir_of(i, workdir);
        spec.workdir = workdir;
        ASSERT_OK(p->numbers[i] = pool_class_add(p->pool, &spec, e));
    }
}

/* How many containers of this class there are. */
static int cells_of(int n)
{
    char workdir[16];
    int count = 0;

    workdir_of(n, workdir);
    (void)pthread_mutex_lock(&fake.lock);
    for (size_t i = 0; i < fake.containers_len; i++) {
        json_t *argv = json_object_get(fake.containers[i].body, "Entrypoint");
        const char *text = json_string_value(json_array_get(argv, 1));
        count += !fake.containers[i].removed && text && strcmp(text, workdir) == 0;
    }
    (void)pthread_mutex_unlock(&fake.lock);
    return count;
}

/* Of all, the idle ones; never more than there may be. */
static int64_t idle(const struct place *p)
{
    struct pool_stats s;

    pool_stats(p->pool, &s);
    assert_in_range(s.idle, 0, p->most);
    return s.idle;
}

static struct cell *take(struct place *p, int n, int uses_max)
{
    struct cell *c = NULL;
    int uses;

    ASSERT_OK(pool_acquire(p->pool, p->numbers[n], 64 * MIB, uses_max, &c, &uses, e));
    (void)idle(p);
    return c;
}

/* One submission, and what is made in place of its cell. */
static void use(struct place *p, int n)
{
    pool_discard(p->pool, take(p, n, 1));
    FAKE_UNTIL(idle(p) == p->most && cells_of(n) == 1);
}

static void the_least_recently_used_gives_way(void **state)
{
    struct place p;
    (void)state;

    open_place(&p, 1, CLASSES);
    int most = (int)p.most, last = CLASSES - 1;
    assert_in_range(most, 10, CLASSES / 2);
    FAKE_UNTIL(idle(&p) == most);
    for (int i = 0; i < CLASSES; i++) /* who is named first is kept first */
        assert_int_equal(cells_of(i), i < most);

    use(&p, last);                       /* cold, and warm from now on... */
    FAKE_UNTIL(cells_of(most - 1) == 0); /* ...in place of one that was never used */
    for (int i = 0; i < most - 1; i++)
        use(&p, i);
    assert_int_equal(cells_of(last), 1); /* who is warm takes nothing from others */
    use(&p, most);
    FAKE_UNTIL(cells_of(last) == 0);
    use(&p, last);
    FAKE_UNTIL(cells_of(0) == 0);
    for (int i = 1; i < most - 1; i++)
        assert_int_equal(cells_of(i), 1);
    p.pool = pool_stop(p.pool);
}

/* Those that come back are kept as long as there is room, and no longer. */
static void what_comes_back_is_within_the_budget(void **state)
{
    struct place p;
    (void)state;

    open_place(&p, 1, CLASSES);
    int most = (int)p.most;
    FAKE_UNTIL(idle(&p) == most);
    for (int i = 0; i < CLASSES; i++)
        pool_release(p.pool, p.numbers[i], take(&p, i, 9), 1);
    FAKE_UNTIL(idle(&p) == most);
    for (int i = 0; i < CLASSES; i++)
        FAKE_UNTIL(cells_of(i) == (i >= CLASSES - most));
    p.pool = pool_stop(p.pool);
}

/* Five languages, four of them built, are as warm as if there were no budget. */
static void five_languages_lack_nothing(void **state)
{
    struct place p;
    (void)state;

    open_place(&p, 2, 9);
    FAKE_UNTIL(idle(&p) == 9);
    for (int i = 0; i < 9; i++) { /* two at once: of each class both workers want one */
        struct cell *one = take(&p, i, 1), *two = take(&p, i, 1);
        pool_discard(p.pool, one);
        pool_discard(p.pool, two);
    }
    for (int i = 0; i < 9; i++)
        FAKE_UNTIL(cells_of(i) >= 1);
    FAKE_UNTIL(idle(&p) >= 9);
    assert_true(pool_budget_most(2) >= 2 * 9);
    p.pool = pool_stop(p.pool);
}

/* Who is not named any more gives back what it kept. */
static void what_is_given_back_is_granted_again(void **state)
{
    struct place p;
    (void)state;

    open_place(&p, 1, CLASSES);
    FAKE_UNTIL(idle(&p) == p.most);
    pool_class_remove(p.pool, p.numbers[0]);
    FAKE_UNTIL(cells_of(0) == 0);
    use(&p, CLASSES - 1);
    for (int i = 1; i < (int)p.most; i++)
        assert_int_equal(cells_of(i), 1);
    p.pool = pool_stop(p.pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_FAKE(the_least_recently_used_gives_way),
        ON_FAKE(what_comes_back_is_within_the_budget),
        ON_FAKE(five_languages_lack_nothing),
        ON_FAKE(what_is_given_back_is_granted_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
