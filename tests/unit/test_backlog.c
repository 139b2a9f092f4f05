/* Rows read from Kafka count as waiting until somebody claims them, whichever is heard of first. */
#include "bridge/consume/backlog.h"
#include "schema/base/clock.h"
#include "tests/support/assert_err.h"
#include "tests/support/row.h"

static struct backlog *backlog_of(struct job_table *t)
{
    struct backlog *b = NULL;
    ASSERT_OK(backlog_open(t->j, &b, e));
    return b;
}

static void rows_count_until_they_are_claimed(void **state)
{
    struct job_table *t = *state;
    struct backlog *b = backlog_of(t);
    struct jobs_op op;

    int64_t first = row_accept(t->j, "a", "c"), second = row_accept(t->j, "b", "c");
    int64_t of_another = row_accept(t->j, "of another", "c");
    backlog_add(b, first);
    backlog_add(b, second);
    backlog_add(b, second);
    assert_int_equal(backlog_len(b), 2);
    assert_int_equal(row_claim_c(t->j), first);
    assert_int_equal(backlog_len(b), 1);
    ASSERT_OK(row_cancel(t->j, "b", &op, e));
    assert_int_equal(backlog_len(b), 0);
    assert_int_equal(row_claim_c(t->j), of_another);
    assert_int_equal(backlog_len(b), 0);
    backlog_stop(b);
    b = backlog_free(b);
}

static void a_row_that_was_claimed_at_once_is_not_added(void **state)
{
    struct job_table *t = *state;
    struct backlog *b = backlog_of(t);

    int64_t seq = row_accept(t->j, "a", "c");
    assert_int_equal(row_claim_c(t->j), seq);
    backlog_add(b, seq);
    assert_int_equal(backlog_len(b), 0);
    backlog_add(b, row_accept(t->j, "b", "c"));
    assert_int_equal(backlog_len(b), 1);
    backlog_clear(b);
    assert_int_equal(backlog_len(b), 0);
    backlog_stop(b);
    b = backlog_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_TABLE(rows_count_until_they_are_claimed),
        ON_TABLE(a_row_that_was_claimed_at_once_is_not_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
