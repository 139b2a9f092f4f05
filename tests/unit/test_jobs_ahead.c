/* tests/unit/test_jobs_ahead.c - rows that are claimed ahead: queued for clients, and claimed; and
 * claims in the transaction that queues a row. */
#include <string.h>

#include "schema/store/jobs_read.h"
#include "tests/support/assert_err.h"
#include "tests/support/job_table.h"
#include "tests/support/row.h"
#include "tests/support/topic_rows.h"

static const char *const c_only[] = { "c", NULL };

static int64_t claim_ahead(struct jobs *j, struct jobs_op *ret_op)
{
    *ret_op =
        (struct jobs_op){ .kind = JOBS_CLAIM, .u.claim = { .languages = c_only, .ahead = true } };
    ASSERT_OK(jobs_do(j, ret_op, e));
    *row_claim_of(ret_op->u.claim.seq) = ret_op->u.claim.claim;
    return ret_op->u.claim.seq;
}

static int begin(struct jobs *j, int64_t seq, struct err *e)
{
    struct jobs_op op = { .kind = JOBS_BEGIN,
                          .u.begin = { .seq = seq, .claim = *row_claim_of(seq) } };

    int rc = jobs_do(j, &op, e);
    job_table_settle(j);
    return rc;
}

static int64_t attempts_of(const struct job_table *t)
{
    return job_table_ask(t, "SELECT attempts FROM job WHERE seq = 1");
}

static void assert_counts(struct jobs *j, int64_t queued, int64_t running)
{
    struct jobs_counts n;

    jobs_counts(j, &n);
    assert_int_equal(n.queued, queued);
    assert_int_equal(n.running, running);
}

static void it_is_queued_until_it_is_begun(void **state)
{
    struct job_table *t = *state;
    struct jobs_op op;
    struct err e = { 0 };

    int64_t first = row_accept(t->j, "first", "c"), second = row_accept(t->j, "second", "c");
    int64_t revision = row_status(t->j, "first").revision;
    assert_int_equal(claim_ahead(t->j, &op), first);
    assert_int_equal(op.u.claim.attempts, 1);
    assert_string_equal(op.u.claim.id, "first");
    assert_int_equal(row_status(t->j, "first").state, JOB_QUEUED);
    assert_int_equal(row_status(t->j, "first").revision, revision);
    assert_int_equal(row_status(t->j, "first").position, 1);
    assert_int_equal(row_status(t->j, "second").position, 2);
    assert_counts(t->j, 2, 0);

    assert_int_equal(row_claim_c(t->j), second); /* not the one that is claimed */
    assert_int_equal(claim_ahead(t->j, &op), 0);
    assert_int_equal(begin(t->j, first, &e), 0);
    assert_int_equal(row_status(t->j, "first").state, JOB_RUNNING);
    assert_counts(t->j, 0, 2);
    assert_int_equal(begin(t->j, first, &e), -1); /* once */
    assert_int_equal(e.kind, ERR_FINAL);
    assert_int_equal(attempts_of(t), 1);
    row_finish_ok(t->j, first, "first", VERDICT_OK, 1);
    assert_int_equal(row_status(t->j, "first").state, JOB_DONE);
}

static void it_is_finished_even_if_it_could_not_be_begun(void **state)
{
    struct job_table *t = *state;
    struct jobs_op op;

    int64_t seq = row_accept(t->j, "a", "c");
    (void)claim_ahead(t->j, &op);
    row_finish_ok(t->j, seq, "a", VERDICT_OK, 1);
    assert_int_equal(row_status(t->j, "a").state, JOB_DONE);
    assert_counts(t->j, 0, 0);
}

static void it_is_cancelled_as_a_queued_one(void **state)
{
    struct job_table *t = *state;
    CLEANUP(report_freep) struct report *late = row_report("a", VERDICT_OK, 5);
    CLEANUP(freep) char *json = NULL;
    struct jobs_op op, cancel;
    struct err e = { 0 };
    size_t len;

    int64_t seq = row_accept(t->j, "a", "c");
    (void)claim_ahead(t->j, &op);
    assert_int_equal(row_cancel(t->j, "a", &cancel, &e), 0);
    assert_true(cancel.u.cancel.claim != 0);
    assert_int_equal(jobs_report(t->j, "a", NULL, &json, &len, &e), 0);
    assert_non_null(strstr(json, "\"attempts\":0"));
    assert_int_equal(begin(t->j, seq, &e), -1);
    assert_int_equal(e.kind, ERR_FINAL);
    assert_int_equal(row_finish(t->j, seq, late, &e), -1);
    assert_int_equal(e.kind, ERR_FINAL);
    assert_int_equal(row_requeue(t->j, seq, JOBS_GIVEN_BACK, &e), -1);
    assert_int_equal(e.kind, ERR_FINAL);
}

static void the_claim_can_be_ended(void **state)
{
    struct job_table *t = *state;
    struct jobs_op op;
    struct err e = { 0 };

    int64_t seq = row_accept(t->j, "a", "c");
    (void)claim_ahead(t->j, &op);
    assert_int_equal(row_requeue(t->j, seq, JOBS_GIVEN_BACK, &e), 0);
    assert_int_equal(row_requeue(t->j, seq, JOBS_GIVEN_BACK, &e), 0); /* again: nothing to do */
    assert_int_equal(begin(t->j, seq, &e), -1);
    assert_int_equal(attempts_of(t), 0);
    assert_counts(t->j, 1, 0);
    assert_int_equal(row_claim_c(t->j), seq);
}

/* Its server was killed: no attempt is counted, but the restart is, because a worker may have begun
 * to read it. */
static void the_next_start_ends_the_claim(void **state)
{
    struct job_table *t = *state;
    struct jobs_op op;

    int64_t seq = row_accept(t->j, "a", "c");
    for (int64_t i = 0; i <= JOB_RESTARTS_MAX; i++) {
        assert_int_equal(job_table_ask(t, "SELECT restarts FROM job"), i);
        assert_int_equal(attempts_of(t), 0);
        assert_int_equal(claim_ahead(t->j, &op), seq);
        job_table_reopen(t);
    }
    assert_int_equal(row_status(t->j, "a").state, JOB_DONE);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM report"), 1);
}

static void it_is_not_returned_to_kafka(void **state)
{
    struct job_table *t = *state;
    struct jobs_op op, back = { .kind = JOBS_RETURN };

    (void)topic_take_ok(t->j, "ahead", 0);
    (void)claim_ahead(t->j, &op);
    (void)topic_take_ok(t->j, "waits", 1);
    back.u.return_rows.topic = "scripts";
    ASSERT_OK(jobs_do(t->j, &back, e));
    assert_int_equal(back.u.return_rows.rows, 1);
    assert_int_equal(row_status(t->j, "ahead").state, JOB_QUEUED);
}

/* ---- claims in the transaction that queues a row ---- */

struct claimer {
    struct jobs_op op;
    int64_t rows; /* of the last call */
    int calls;
};

static struct jobs_op *claim_one(void *ctx, int64_t rows)
{
    struct claimer *c = ctx;

    c->rows = rows;
    c->calls++;
    c->op = (struct jobs_op){ .kind = JOBS_CLAIM, .u.claim.languages = c_only };
    return &c->op;
}

static void it_is_claimed_in_the_same_transaction(void **state)
{
    struct job_table *t = *state;
    struct claimer c = { .rows = 0 };
    struct jobs_counts before, after;
    struct jobs_op op;

    jobs_claim_with(t->j, claim_one, &c);
    jobs_counts(t->j, &before);
    assert_int_equal(row_send(t->j, "a", "c", "x", &op), 0);
    assert_true(op.u.accept.fresh == job_table_in_file(t)); /* else another server may be done */
    assert_int_equal(op.u.accept.state, JOB_QUEUED);
    jobs_counts(t->j, &after);
    assert_int_equal(after.commits, before.commits + 1);
    assert_int_equal(after.operations, before.operations + 2);
    assert_int_equal(c.rows, 1);
    assert_int_equal(c.op.u.claim.seq, op.u.accept.seq);
    assert_int_equal(row_status(t->j, "a").state, JOB_RUNNING);

    assert_int_equal(row_send(t->j, "a", "c", "x", &op), 0); /* known: nothing is queued */
    assert_false(op.u.accept.fresh);
    assert_int_equal(c.calls, 1);
    *row_claim_of(op.u.accept.seq) = c.op.u.claim.claim;
    row_finish_ok(t->j, op.u.accept.seq, "a", VERDICT_OK, 1);
    assert_int_equal(c.calls, 1);
    assert_int_equal(row_send(t->j, "a", "c", "other", &op), -1);
    assert_false(op.u.accept.fresh);
    jobs_claim_with(t->j, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_TABLE(it_is_queued_until_it_is_begun),
        ON_TABLE(it_is_finished_even_if_it_could_not_be_begun),
        ON_TABLE(it_is_cancelled_as_a_queued_one),
        ON_TABLE(the_claim_can_be_ended),
        ON_TABLE(the_next_start_ends_the_claim),
        ON_TABLE(it_is_not_returned_to_kafka),
        ON_TABLE(it_is_claimed_in_the_same_transaction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
