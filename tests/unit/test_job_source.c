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
    struct job_source *source = NULL;
    struct err e = { 0 };

    assert_int_equal(job_source_open(t->j, &source, &e), 0);
    assert_ptr_equal(job_source_own(source), t->j);
    return source;
}

static void at_most_one_is_adopted(void **state)
{
    struct job_table *t = *state;
    struct job_source *source = open_tables(t);
    char id[TEXT_ID_SIZE] = "";
    struct err e = { 0 };

    assert_null(job_source_hold(source));
    assert_false(job_source_adopted_id(source, id));
    assert_int_equal(job_source_adopt(source, t->j, &e), 0);
    assert_int_equal(job_source_adopt(source, t->j, &e), -1);
    assert_int_equal(e.kind, ERR_BUG);
    assert_true(job_source_adopted_id(source, id));
    assert_string_equal(id, jobs_table_id(t->j));
    assert_ptr_equal(job_source_hold(source), t->j);
    job_source_release(source);
    assert_true(job_source_first_fault(source));
    assert_false(job_source_first_fault(source));
    job_source_disown(source);
    assert_null(job_source_hold(source));
    assert_false(job_source_adopted_id(source, id));
    job_source_disown(source); /* nothing to do */
    assert_int_equal(job_source_adopt(source, t->j, &e), 0);
    assert_true(job_source_first_fault(source));
    (void)job_source_free(source);
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

static void disowning_waits_for_holders(void **state)
{
    struct job_table *t = *state;
    struct owner o = { .tables = open_tables(t) };
    pthread_t thread;
    struct err e = { 0 };

    assert_int_equal(job_source_adopt(o.tables, t->j, &e), 0);
    assert_non_null(job_source_hold(o.tables));
    assert_non_null(job_source_hold(o.tables));
    assert_int_equal(pthread_create(&thread, NULL, disown, &o), 0);
    for (struct jobs *j; (j = job_source_hold(o.tables));) /* until job_source_disown() has begun */
        job_source_release(o.tables);
    for (int i = 0; i < 2; i++) {
        assert_false(o.disowned);
        (void)usleep(20000); /* long enough for it to return */
        assert_false(o.disowned);
        job_source_release(o.tables);
    }
    (void)pthread_join(thread, NULL);
    assert_true(o.disowned);
    (void)job_source_free(o.tables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_TABLE(at_most_one_is_adopted),
        ON_TABLE(disowning_waits_for_holders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
