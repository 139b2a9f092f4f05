/* tests/unit/test_tables.c - the own table and an adopted one: who holds it, and the end of it. */
#include "jobs_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#include "engine/queue/tables.h"

static struct tables *open_tables(struct table *t)
{
    struct tables *x = NULL;
    struct err e = { 0 };

    assert_int_equal(tables_open(t->j, &x, &e), 0);
    assert_ptr_equal(tables_own(x), t->j);
    return x;
}

static void there_is_at_most_one_more(void **state)
{
    struct table *t = *state;
    struct tables *x = open_tables(t);
    char id[TEXT_ID_SIZE] = "";
    struct err e = { 0 };

    assert_null(tables_hold(x));
    assert_false(tables_adopted_id(x, id));
    assert_int_equal(tables_adopt(x, t->j, &e), 0);
    assert_int_equal(tables_adopt(x, t->j, &e), -1);
    assert_int_equal(e.kind, ERR_BUG);
    assert_true(tables_adopted_id(x, id));
    assert_string_equal(id, jobs_table_id(t->j));
    assert_ptr_equal(tables_hold(x), t->j);
    tables_drop(x);
    assert_true(tables_complain(x));
    assert_false(tables_complain(x));
    tables_disown(x);
    assert_null(tables_hold(x));
    assert_false(tables_adopted_id(x, id));
    tables_disown(x); /* nothing to do */
    assert_int_equal(tables_adopt(x, t->j, &e), 0);
    assert_true(tables_complain(x));
    (void)tables_free(x);
}

struct owner {
    struct tables *tables;
    atomic_bool disowned;
};

static void *disown(void *arg)
{
    struct owner *o = arg;

    tables_disown(o->tables);
    o->disowned = true;
    return NULL;
}

static void it_is_not_taken_from_who_holds_it(void **state)
{
    struct table *t = *state;
    struct owner o = { .tables = open_tables(t) };
    pthread_t thread;
    struct err e = { 0 };

    assert_int_equal(tables_adopt(o.tables, t->j, &e), 0);
    assert_non_null(tables_hold(o.tables));
    assert_non_null(tables_hold(o.tables));
    assert_int_equal(pthread_create(&thread, NULL, disown, &o), 0);
    for (struct jobs *j; (j = tables_hold(o.tables));) /* until it has begun */
        tables_drop(o.tables);
    for (int i = 0; i < 2; i++) {
        assert_false(o.disowned);
        (void)usleep(20000); /* it would be over by now */
        assert_false(o.disowned);
        tables_drop(o.tables);
    }
    (void)pthread_join(thread, NULL);
    assert_true(o.disowned);
    (void)tables_free(o.tables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_TABLE(there_is_at_most_one_more),
        ON_TABLE(it_is_not_taken_from_who_holds_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
