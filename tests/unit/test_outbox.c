/* tests/unit/test_outbox.c - what comes from Kafka and what it must be told, against a real file.
 */
#include "jobs_fixture.h"

static struct outbox_origin at(int32_t partition, int64_t offset)
{
    return (struct outbox_origin){ .topic = "scripts", .partition = partition, .offset = offset };
}

/* One message; the operation's outcome stays in *ret_op. */
static int read_message(struct jobs *j, const char *json, const char *derived,
                        struct outbox_origin origin, struct jobs_op *ret_op)
{
    CLEANUP(submission_freep) struct submission *s = parse(json);
    struct submission_packed packed = { 0 };
    struct err e = { 0 };

    assert_int_equal(submission_pack(s, &packed, &e), 0);
    *ret_op = (struct jobs_op){
        .kind = JOBS_ACCEPT,
        .u.accept = { .submission = s, .packed = &packed, .origin = &origin, .derived = derived }
    };
    int rc = jobs_do(j, ret_op, &e);
    submission_packed_clear(&packed);
    return rc;
}

#define NAMED(id) "{\"id\":\"" id "\",\"language\":\"c\",\"source\":\"x\"}"
#define NAMELESS  "{\"language\":\"c\",\"source\":\"x\"}"

static int64_t rows(struct jobs *j)
{
    int64_t n, oldest;

    outbox_counts(j, &n, &oldest);
    assert_true((n > 0) == (oldest > 0));
    return n;
}

static void judge(struct jobs *j, const char *id)
{
    int64_t seq = claim_c(j);

    assert_true(seq > 0);
    finish_ok(j, seq, id, VERDICT_OK, 1);
}

static void read_all(struct jobs *j, struct outbox_batch *ret_batch)
{
    struct err e = { 0 };

    if (outbox_read(j, 0, 100, 1 << 20, ret_batch, &e) < 0)
        fail_msg("%s", e.msg);
}

static void sent(struct jobs *j, int64_t number)
{
    struct jobs_op op = { .kind = JOBS_SENT, .u.sent = { .numbers = &number, .len = 1 } };
    struct err e = { 0 };

    assert_int_equal(jobs_do(j, &op, &e), 0);
}

static void count_news(void *ctx) { ++*(int *)ctx; }

/* ---- reports ---- */

static void a_report_waits_until_it_was_sent(void **state)
{
    struct table *t = *state;
    struct outbox_batch b;
    struct jobs_op op;
    int news = 0;

    outbox_listen(t->j, count_news, &news);
    assert_int_equal(read_message(t->j, NAMED("a"), NULL, at(0, 5), &op), 0);
    assert_false(op.u.accept.replay || op.u.accept.existing);
    assert_int_equal(rows(t->j), 0);
    judge(t->j, "a");
    assert_int_equal(news, 1);
    table_reopen(t);
    assert_int_equal(rows(t->j), 1);
    read_all(t->j, &b);
    assert_int_equal(b.len, 1);
    assert_int_equal(b.items[0].kind, OUTBOX_REPORT);
    assert_int_equal(b.items[0].seq, op.u.accept.seq);
    assert_string_equal(b.items[0].key, "a");
    assert_non_null(strstr(b.items[0].payload, "\"OK\""));
    assert_non_null(b.items[0].submission);
    sent(t->j, b.items[0].number);
    sent(t->j, b.items[0].number); /* said twice, gone once */
    outbox_batch_clear(&b);
    assert_int_equal(rows(t->j), 0);
    assert_int_equal(ask(t, "SELECT count(*) FROM outbox"), 0);
}

static void over_http_it_is_told_where_that_is_set(void **state)
{
    struct table *t = *state;
    struct jobs_op op;
    struct err e = { 0 };

    (void)accept_ok(t->j, "quiet", "c");
    judge(t->j, "quiet");
    assert_int_equal(rows(t->j), 0);
    t->config.publish_all = true;
    table_reopen(t);
    (void)accept_ok(t->j, "loud", "c");
    judge(t->j, "loud");
    (void)accept_ok(t->j, "stopped", "c");
    assert_int_equal(cancel(t->j, "stopped", &op, &e), 0);
    assert_int_equal(rows(t->j), 2);
    assert_int_equal(send(t->j, "loud", "c", "print(1)", &op), 0); /* HTTP has its own answer */
    assert_int_equal(rows(t->j), 2);
}

static void asked_for_it_is_told_again(void **state)
{
    struct table *t = *state;
    struct jobs_op op = { .kind = JOBS_PUBLISH, .u.publish.id = "a" };
    struct err e = { 0 };

    assert_int_equal(jobs_do(t->j, &op, &e), -1);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    (void)accept_ok(t->j, "a", "c");
    assert_int_equal(jobs_do(t->j, &op, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    judge(t->j, "a");
    assert_int_equal(jobs_do(t->j, &op, &e), 0);
    assert_int_equal(jobs_do(t->j, &op, &e), 0);
    assert_int_equal(rows(t->j), 2);
    write_sql(t, "DELETE FROM outbox; DELETE FROM report; UPDATE job SET expired = 1");
    assert_int_equal(jobs_do(t->j, &op, &e), -1);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
}

static void retention_leaves_what_was_not_sent(void **state)
{
    struct table *t = *state;
    struct outbox_batch b;
    struct jobs_op op;

    assert_int_equal(read_message(t->j, NAMED("a"), NULL, at(0, 1), &op), 0);
    judge(t->j, "a");
    write_sql(t, "UPDATE job SET finished_ms = 1");
    t->config.retention_ms = 1000;
    table_reopen(t); /* looks at once */
    (void)accept_ok(t->j, "b", "c");
    read_all(t->j, &b);
    assert_non_null(b.items[0].payload);
    sent(t->j, b.items[0].number);
    outbox_batch_clear(&b);
    table_reopen(t);
    for (int i = 0; !status_of(t->j, "a").expired; i++) {
        assert_true(i < 2000);
        (void)usleep(5000);
    }
}

static void a_batch_is_bounded(void **state)
{
    struct table *t = *state;
    struct outbox_batch b;
    struct jobs_op op;
    struct err e = { 0 };

    for (int i = 0; i < 5; i++) {
        assert_int_equal(read_message(t->j, NAMELESS, "key", at(0, i), &op), 0);
        judge(t->j, op.u.accept.id);
    }
    assert_int_equal(outbox_read(t->j, 0, 3, 1 << 20, &b, &e), 0);
    assert_int_equal(b.len, 3);
    int64_t last = b.items[2].number;
    outbox_batch_clear(&b);
    assert_int_equal(outbox_read(t->j, last, 3, 1, &b, &e), 0);
    assert_int_equal(b.len, 1); /* one at least */
    assert_int_equal(b.items[0].number, last + 1);
    outbox_batch_clear(&b);
    assert_int_equal(outbox_read(t->j, last + 2, 3, 1 << 20, &b, &e), 0);
    assert_int_equal(b.len, 0);
}

/* ---- messages ---- */

static void a_message_read_twice_is_one(void **state)
{
    struct table *t = *state;
    struct jobs_op op;

    assert_int_equal(read_message(t->j, NAMED("a"), NULL, at(0, 5), &op), 0);
    int64_t seq = op.u.accept.seq;
    judge(t->j, "a");
    table_reopen(t);
    assert_int_equal(read_message(t->j, NAMED("a"), NULL, at(0, 5), &op), 0);
    assert_true(op.u.accept.replay && op.u.accept.existing);
    assert_int_equal(op.u.accept.seq, seq);
    assert_int_equal(op.u.accept.state, JOB_DONE);
    assert_string_equal(op.u.accept.id, "a");
    assert_int_equal(rows(t->j), 1);
    assert_int_equal(read_message(t->j, NAMED("a"), NULL, at(1, 5), &op), 0); /* elsewhere: new */
    assert_false(op.u.accept.replay);
    assert_int_equal(rows(t->j), 2);
}

static void sent_again_it_is_told_again_when_final(void **state)
{
    struct table *t = *state;
    struct jobs_op op;

    (void)accept_ok(t->j, "a", "c"); /* over HTTP, nobody is told */
    assert_int_equal(read_message(t->j,
                                  "{\"id\":\"a\",\"language\":\"c\",\"source\":\"print(1)\","
                                  "\"tests\":[{\"input\":\"1\",\"expected_output\":\"2\"},"
                                  "{\"number\":7,\"input\":\"3\",\"expected_output\":\"4\"}]}",
                                  NULL, at(0, 1), &op),
                     0);
    assert_true(op.u.accept.existing && !op.u.accept.replay);
    assert_int_equal(rows(t->j), 0);
    judge(t->j, "a");
    assert_int_equal(rows(t->j), 1);
    assert_int_equal(ask(t, "SELECT count(*) FROM job"), 1);
}

static void a_conflict_is_not_taken(void **state)
{
    struct table *t = *state;
    struct jobs_op op;

    (void)accept_ok(t->j, "a", "c");
    assert_int_equal(read_message(t->j, NAMED("a"), NULL, at(0, 1), &op), -1);
    assert_int_equal(op.err.kind, ERR_CONFLICT);
    assert_int_equal(ask(t, "SELECT count(*) FROM intake"), 0);
}

static void derived_ids_never_conflict(void **state)
{
    struct table *t = *state;
    struct outbox_batch b;
    struct jobs_op op;
    char longest[SUBMISSION_ID_MAX + 1];

    assert_int_equal(read_message(t->j, NAMELESS, "k", at(0, 1), &op), 0);
    assert_string_equal(op.u.accept.id, "k");
    judge(t->j, "k");
    assert_int_equal(read_message(t->j, NAMELESS, "k", at(3, 1), &op), 0);
    assert_string_equal(op.u.accept.id, "k@3:1");
    judge(t->j, "k@3:1");
    (void)accept_ok(t->j, "k@4:1", "c");
    judge(t->j, "k@4:1");
    assert_int_equal(read_message(t->j, NAMELESS, "k", at(4, 1), &op),
                     0); /* somebody is in the way */
    assert_false(op.u.accept.existing);
    judge(t->j, op.u.accept.id);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    for (int i = 0; i < 2; i++) {
        assert_int_equal(read_message(t->j, NAMELESS, longest, at(5, i), &op), 0);
        judge(t->j, op.u.accept.id);
    }
    read_all(t->j, &b);
    assert_int_equal(b.len, 5);
    for (size_t i = 0; i < b.len; i++)
        assert_string_equal(b.items[i].key, i < 3 ? "k" : longest);
    outbox_batch_clear(&b);
}

static void a_full_queue_takes_no_message(void **state)
{
    struct table *t = *state;
    struct jobs_op op;

    t->config.max_queued = 1;
    table_reopen(t);
    assert_int_equal(read_message(t->j, NAMED("a"), NULL, at(0, 1), &op), 0);
    assert_int_equal(read_message(t->j, NAMED("b"), NULL, at(0, 2), &op), -1);
    assert_int_equal(op.err.kind, ERR_QUEUE_FULL);
    assert_int_equal(read_message(t->j, NAMELESS, "b", at(0, 2), &op), -1);
    assert_int_equal(read_message(t->j, NAMED("a"), NULL, at(0, 3), &op), 0);
    assert_true(op.u.accept.existing);
    judge(t->j, "a");
    assert_int_equal(read_message(t->j, NAMED("b"), NULL, at(0, 2), &op), 0);
    assert_false(op.u.accept.existing);
}

/* ---- refusals ---- */

static int refuse(struct jobs *j, struct outbox_origin o, const struct outbox_letter *letters,
                  size_t len, bool *ret_replay)
{
    struct jobs_op op = { .kind = JOBS_REFUSE,
                          .u.refuse = { .origin = &o, .letters = letters, .letters_len = len } };
    struct err e = { 0 };
    int rc = jobs_do(j, &op, &e);

    *ret_replay = op.u.refuse.replay;
    return rc;
}

static void a_refused_message_is_kept_byte_for_byte(void **state)
{
    struct table *t = *state;
    const struct outbox_letter letters[] = {
        { OUTBOX_DEAD_LETTER, "k\0y", 3, "\xff\0{", 3, "not JSON" },
        { OUTBOX_REFUSAL, "id", 2, "{}", 2, NULL },
        { OUTBOX_DEAD_LETTER, NULL, 0, NULL, 0, "nothing" },
    };
    struct outbox_batch b;
    bool replay;

    assert_int_equal(refuse(t->j, at(2, 9), letters, 3, &replay), 0);
    assert_false(replay);
    assert_int_equal(refuse(t->j, at(2, 9), letters, 3, &replay), 0);
    assert_true(replay);
    read_all(t->j, &b);
    assert_int_equal(b.len, 3);
    assert_int_equal(b.items[0].kind, OUTBOX_DEAD_LETTER);
    assert_int_equal(b.items[0].key_len, 3);
    assert_memory_equal(b.items[0].key, "k\0y", 3);
    assert_int_equal(b.items[0].payload_len, 3);
    assert_memory_equal(b.items[0].payload, "\xff\0{", 3);
    assert_string_equal(b.items[0].reason, "not JSON");
    assert_string_equal(b.items[0].topic, "scripts");
    assert_int_equal(b.items[0].partition, 2);
    assert_int_equal(b.items[0].offset, 9);
    assert_int_equal(b.items[1].kind, OUTBOX_REFUSAL);
    assert_string_equal(b.items[1].payload, "{}");
    assert_null(b.items[2].key);
    assert_null(b.items[2].payload);
    outbox_batch_clear(&b);
    assert_int_equal(ask(t, "SELECT count(*) FROM job"), 0);
}

static void watermarks_are_replaced(void **state)
{
    struct table *t = *state;
    struct outbox_watermark first[] = { { (char[]){ "r" }, 0, 5 }, { (char[]){ "r" }, 1, 6 } };
    struct outbox_watermark then[] = { { (char[]){ "r" }, 1, 60 }, { (char[]){ "d" }, 0, 7 } };
    struct jobs_op op = { .kind = JOBS_WATERMARKS, .u.watermarks = { first, 2 } };
    struct outbox_watermark *marks;
    size_t len;
    struct err e = { 0 };

    assert_int_equal(jobs_do(t->j, &op, &e), 0);
    op = (struct jobs_op){ .kind = JOBS_WATERMARKS, .u.watermarks = { then, 2 } };
    assert_int_equal(jobs_do(t->j, &op, &e), 0);
    table_reopen(t);
    assert_int_equal(outbox_watermarks(t->j, &marks, &len, &e), 0);
    assert_int_equal(len, 3);
    assert_string_equal(marks[0].topic, "d");
    assert_int_equal(marks[1].offset, 5);
    assert_int_equal(marks[2].offset, 60);
    for (size_t i = 0; i < len; i++)
        free(marks[i].topic);
    free(marks);
}

/* A number that was sent once must never name another row, or a scan would drop that one. */
static void numbers_are_never_used_twice(void **state)
{
    struct table *t = *state;
    struct jobs_op op;
    int64_t last = 0;

    for (int i = 0; i < 3; i++) {
        struct outbox_batch b;
        assert_int_equal(read_message(t->j, NAMELESS, "k", at(0, i), &op), 0);
        judge(t->j, op.u.accept.id);
        read_all(t->j, &b);
        assert_int_equal(b.len, 1);
        assert_true(b.items[0].number > last);
        last = b.items[0].number;
        sent(t->j, last);
        outbox_batch_clear(&b);
        table_reopen(t);
    }
}

#define ON_TABLE(test) cmocka_unit_test_setup_teardown(test, table_setup, table_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_TABLE(a_report_waits_until_it_was_sent),
        ON_TABLE(over_http_it_is_told_where_that_is_set),
        ON_TABLE(asked_for_it_is_told_again),
        ON_TABLE(retention_leaves_what_was_not_sent),
        ON_TABLE(a_batch_is_bounded),
        ON_TABLE(a_message_read_twice_is_one),
        ON_TABLE(sent_again_it_is_told_again_when_final),
        ON_TABLE(a_conflict_is_not_taken),
        ON_TABLE(derived_ids_never_conflict),
        ON_TABLE(a_full_queue_takes_no_message),
        ON_TABLE(a_refused_message_is_kept_byte_for_byte),
        ON_TABLE(watermarks_are_replaced),
        ON_TABLE(numbers_are_never_used_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
