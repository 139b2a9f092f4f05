/* tests/unit/test_job_source.c - the own table and an adopted one: who holds it, and the end of it.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "engine/queue/job_source.h"
#include "schema/base/text.h"
#include "tests/support/assert_err.h"
#include "tests/support/job_table.h"

static struct job_source *open_tables(struct job_table *t)
{
    struct job_source *x = NULL;
    struct err e = { 0 };

    assert_int_equal(job_source_open(t->j, &x, &e), 0);
    assert_ptr_equal(job_source_own(x), t->j);
    return x;
}

static void there_is_at_most_one_more(void **state)
{
    struct job_table *t = *state;
    struct job_source *x = open_tables(t);
    char id[TEXT_ID_SIZE] = "";
    struct err e = { 0 };

    assert_null(job_source_hold(x));
    assert_false(job_source_adopted_id(x, id));
    assert_int_equal(job_source_adopt(x, t->j, &e), 0);
    assert_int_equal(job_source_adopt(x, t->j, &e), -1);
    assert_int_equal(e.kind, ERR_BUG);
    assert_true(job_source_adopted_id(x, id));
    assert_string_equal(id, jobs_table_id(t->j));
    assert_ptr_equal(job_source_hold(x), t->j);
    job_source_drop(x);
    assert_true(job_source_complain(x));
    assert_false(job_source_complain(x));
    job_source_disown(x);
    assert_null(job_source_hold(x));
    assert_false(job_source_adopted_id(x, id));
    job_source_disown(x); /* nothing to do */
    assert_int_equal(job_source_adopt(x, t->j, &e), 0);
    assert_true(job_source_complain(x));
    (void)job_source_free(x);
}

struct owner {
    struct job_source *tables;
    atomic_bool disowned;
};

static void *disown(void *arg)
{
    struct owner *o = arg;

    job_source_disown(o->tables);
    o->disowned = true;
    return NULL;
}

static void it_is_not_taken_from_who_holds_it(void **state)
{
    struct job_table *t = *state;
    struct owner o = { .tables = open_tables(t) };
    pthread_t thread;
    struct err e = { 0 };

    assert_int_equal(job_source_adopt(o.tables, t->j, &e), 0);
    assert_non_null(job_source_hold(o.tables));
    assert_non_null(job_source_hold(o.tables));
    assert_int_equal(pthread_create(&thread, NULL, disown, &o), 0);
    for (struct jobs *j; (j = job_source_hold(o.tables));) /* until it has begun */
        job_source_drop(o.tables);
    for (int i = 0; i < 2; i++) {
        assert_false(o.disowned);
        (void)usleep(20000); /* it would be over by now */
        assert_false(o.disowned);
        job_source_drop(o.tables);
    }
    (void)pthread_join(thread, NULL);
    assert_true(o.disowned);
    (void)job_source_free(o.tables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_TABLE(there_is_at_most_one_more),
        ON_TABLE(it_is_not_taken_from_who_holds_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
