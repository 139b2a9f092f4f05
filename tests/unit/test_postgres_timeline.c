/* tests/unit/test_postgres_timeline.c - after a failover no number is given a second time. A
 * replica that was promoted is a table here that says it was on another timeline. */
#include <stdlib.h>

#include "schema/base/clock.h"
#include "schema/store/db.h"
#include "schema/store/postgres/postgres_migrate.h"
#include "schema/store/postgres/postgres_timeline.h"
#include "tests/support/assert_err.h"
#include "tests/support/postgres.h"

#define FAR 1000000000

struct two {
    const char *url;
    struct db *one, *other;
};

static int setup(void **state)
{
    struct two *t = calloc(1, sizeof *t);

    t->url = postgres_url();
    ASSERT_OK(db_connect(t->url, DB_WRITER, &t->one, e));
    ASSERT_OK(db_connect(t->url, DB_WRITER, &t->other, e));
    ASSERT_OK(postgres_migrate(t->one, e));
    ASSERT_OK(postgres_timeline_open(t->one, e));
    ASSERT_OK(postgres_timeline_open(t->other, e));
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct two *t = *state;

    t->one = db_close(t->one);
    t->other = db_close(t->other);
    postgres_drop(t->url);
    free(t);
    return 0;
}

static void fail_over(struct db *d)
{
    ASSERT_OK(db_exec(d, "UPDATE meta SET value = '00000000' WHERE name = 'timeline'", e));
}

/* In a transaction of this server, which has looked at nothing yet. */
static int64_t next_number(struct db *d, const char *sequence)
{
    struct postgres_timeline t = { 0 };
    int64_t n = -1;

    ASSERT_OK(postgres_timeline_begin(d, &t, e));
    ASSERT_OK(db_number(d, sequence, &n, e));
    ASSERT_OK(db_commit(d, e));
    return n;
}

static void numbers_go_on_far_behind_those_that_may_be_lost(void **state)
{
    static const char *const sequences[] = {
        "SELECT nextval('feed_number')",
        "SELECT nextval('outbox_number')",
        "SELECT nextval(pg_get_serial_sequence('job', 'seq'))",
    };
    struct two *t = *state;

    for (size_t i = 0; i < ARRAY_LEN(sequences); i++) {
        int64_t before = next_number(t->one, sequences[i]);
        assert_int_equal(next_number(t->other, sequences[i]), before + 1);
        fail_over(t->one);
        int64_t after = next_number(t->one, sequences[i]);
        assert_true(after > before + FAR);
        assert_int_equal(next_number(t->other, sequences[i]), after + 1);
    }
}

static void who_is_stopped_in_a_transaction_holds_up_nobody(void **state)
{
    struct two *t = *state;
    struct postgres_timeline one = { 0 }, other = { 0 };

    ASSERT_OK(postgres_timeline_begin(t->one, &one, e));
    db_deadline(t->other, clock_mono_ns() + 2 * NS_PER_S);
    ASSERT_OK(postgres_timeline_begin(t->other, &other, e));
    ASSERT_OK(db_commit(t->other, e));
    ASSERT_OK(db_commit(t->one, e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(numbers_go_on_far_behind_those_that_may_be_lost, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(who_is_stopped_in_a_transaction_holds_up_nobody, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
