/* tests/unit/test_jobs_return.c - rows that are returned to Kafka, and when all of a message is
 * published; against a real file. */
#include "schema/store/jobs_read.h"
#include "schema/store/outbox.h"
#include "tests/support/assert_err.h"
#include "tests/support/job_table.h"
#include "tests/support/topic_rows.h"

static int64_t return_from(struct jobs *j, int32_t partition, int64_t from)
{
    struct jobs_op op = { .kind = JOBS_RETURN };
    struct err e = { 0 };

    op.u.return_rows.topic = "scripts";
    op.u.return_rows.partition = partition;
    op.u.return_rows.from = from;
    assert_int_equal(jobs_do(j, &op, &e), 0);
    return op.u.return_rows.rows;
}

static int64_t return_all(struct jobs *j, int32_t partition)
{
    return return_from(j, partition, 0);
}

static enum outbox_state state_of(struct jobs *j, const struct outbox_origin *o, int64_t seq)
{
    enum outbox_state state;
    struct err e = { 0 };

    assert_int_equal(outbox_state(j, o, seq, &state, &e), 0);
    return state;
}

static void acknowledge(struct jobs *j, int64_t number)
{
    struct jobs_op op = { .kind = JOBS_SENT };
    struct err e = { 0 };

    op.u.sent.numbers = &number;
    op.u.sent.len = 1;
    assert_int_equal(jobs_do(j, &op, &e), 0);
}

/* Partition 0 has one row in each state; partition 1 has one queued row. */
static void queued_rows_are_returned(void **state)
{
    static const char *const c[] = { "c", NULL };
    const struct outbox_origin here = { .topic = "scripts", .partition = 0, .offset = 2 };
    const struct outbox_origin there = { .topic = "scripts", .partition = 1, .offset = 0 };
    static const char *const json = "{\"id\":\"other\",\"language\":\"c\",\"source\":\"x\"}";
    struct job_table *t = *state;
    struct jobs_counts counts;
    struct job_status status;
    struct jobs_op op;
    struct err e = { 0 };

    (void)topic_take_ok(t->j, "done", 0);
    (void)topic_judge(t->j);
    (void)topic_take_ok(t->j, "running", 1);
    int64_t running = row_claim(t->j, c, &op);
    int64_t last = topic_take_ok(t->j, "waiting", 2);
    assert_int_equal(topic_take(t->j, "waiting", "x", 3, &op), 0); /* repeated */
    assert_int_equal(topic_take_json(t->j, json, there, NULL, &op), 0);
    int64_t other = op.u.accept.seq;

    assert_int_equal(return_from(t->j, 0, 3), 0);
    assert_int_equal(return_from(t->j, 0, 2), 1);
    assert_int_equal(return_all(t->j, 0), 0);
    assert_int_equal(return_all(t->j, 7), 0);
    assert_int_equal(jobs_status(t->j, "waiting", &status, &e), -1);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    job_table_settle(t->j);
    jobs_counts(t->j, &counts);
    assert_int_equal(counts.queued, 1);
    assert_int_equal(counts.running, 1);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM body"), 3);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM intake"),
                     4); /* the message that repeated it stays in the inbox */
    assert_int_equal(state_of(t->j, &here, last), OUTBOX_RETURNED);
    assert_int_equal(state_of(t->j, &here, running), OUTBOX_PENDING);

    /* Read again, it is a new row with another number. */
    assert_int_equal(topic_take(t->j, "waiting", "x", 2, &op), 0);
    assert_false(op.u.accept.replay);
    assert_false(op.u.accept.existing);
    assert_true(op.u.accept.seq > other);
    assert_int_equal(topic_take(t->j, "waiting", "x", 3, &op), 0);
    assert_true(op.u.accept.existing);
    job_table_reopen(t);
    jobs_counts(t->j, &counts);
    assert_int_equal(counts.queued, 3); /* the running row was requeued */
    assert_int_equal(counts.final, 1);
    job_table_assert_sound(t);
}

/* The row with the largest number was deleted: the number is not used again. */
static void a_number_is_not_used_twice(void **state)
{
    struct job_table *t = *state;
    struct jobs_op op;

    int64_t first = topic_take_ok(t->j, "a", 0);
    assert_int_equal(return_all(t->j, 0), 1);
    assert_int_equal(topic_take(t->j, "a", "x", 0, &op), 0);
    assert_true(op.u.accept.seq > first);
    assert_true(topic_take_ok(t->j, "b", 1) > op.u.accept.seq);
}

/* A repetition in another partition is a new submission when the row it repeated was returned. */
static void a_repetition_outlives_its_row(void **state)
{
    static const char *const json = "{\"id\":\"a\",\"language\":\"c\",\"source\":\"x\"}";
    const struct outbox_origin first = { .topic = "scripts", .partition = 0, .offset = 0 };
    const struct outbox_origin again = { .topic = "scripts", .partition = 1, .offset = 0 };
    struct job_table *t = *state;
    struct jobs_op op;

    assert_int_equal(topic_take_json(t->j, json, first, NULL, &op), 0);
    assert_int_equal(topic_take_json(t->j, json, again, NULL, &op), 0);
    assert_int_equal(return_all(t->j, 0), 1);
    assert_int_equal(topic_take_json(t->j, json, again, NULL, &op), 0);
    assert_false(op.u.accept.replay);
    assert_false(op.u.accept.existing);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM job"), 1);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM intake"), 1);
    job_table_assert_sound(t);
}

static void published_means_acknowledged(void **state)
{
    const struct outbox_origin o = { .topic = "scripts", .partition = 0, .offset = 1 };
    struct outbox_dead_letter dead = { .kind = OUTBOX_DEAD_LETTER,
                                       .payload = "?",
                                       .payload_len = 1 };
    struct job_table *t = *state;
    struct err e = { 0 };
    bool replay;

    int64_t seq = topic_take_ok(t->j, "a", 0);
    assert_int_equal(state_of(t->j, &o, seq), OUTBOX_PENDING);
    (void)topic_judge(t->j);
    assert_int_equal(state_of(t->j, &o, seq), OUTBOX_PENDING);
    acknowledge(t->j, 1);
    assert_int_equal(state_of(t->j, &o, seq), OUTBOX_PUBLISHED);

    assert_int_equal(state_of(t->j, &o, 0), OUTBOX_PUBLISHED);
    assert_int_equal(topic_refuse(t->j, o, &dead, 1, &replay, &e), 0);
    assert_int_equal(state_of(t->j, &o, 0), OUTBOX_PENDING);
    acknowledge(t->j, 2);
    assert_int_equal(state_of(t->j, &o, 0), OUTBOX_PUBLISHED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_TABLE(queued_rows_are_returned),
        ON_TABLE(a_number_is_not_used_twice),
        ON_TABLE(a_repetition_outlives_its_row),
        ON_TABLE(published_means_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
