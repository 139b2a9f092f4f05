#include "tests/support/topic_rows.h"

#include <stdio.h>

#include "tests/support/assert_err.h"

int topic_take_json(struct jobs *j, const char *json, struct outbox_origin o, const char *derived,
                    struct jobs_op *ret_op)
{
    CLEANUP(submission_freep) struct submission *s = row_parse(json);
    struct submission_packed packed = { 0 };
    struct err e = { 0 };

    assert_int_equal(submission_pack(s, &packed, &e), 0);
    *ret_op = (struct jobs_op){
        .kind = JOBS_ACCEPT,
        .u.accept = { .submission = s, .packed = &packed, .origin = &o, .derived = derived }
    };
    int rc = jobs_do(j, ret_op, &e);
    job_table_settle(j);
    submission_packed_clear(&packed);
    return rc;
}

int topic_take(struct jobs *j, const char *id, const char *source, int64_t offset,
               struct jobs_op *ret_op)
{
    char json[1000];

    int n = snprintf(json, sizeof json,
                     "{\"id\":\"%s\",\"language\":\"c\",\"source\":\"%s\",\"tests\":["
                     "{\"input\":\"1\",\"expected_output\":\"2\"}]}",
                     id, source);
    assert_true(n > 0 && (size_t)n < sizeof json);
    return topic_take_json(j, json,
                           (struct outbox_origin){
                               .topic = "scripts", .partition = 0, .offset = offset, .sent_ms = 0 },
                           NULL, ret_op);
}

int64_t topic_take_ok(struct jobs *j, const char *id, int64_t offset)
{
    struct jobs_op op;

    if (topic_take(j, id, "x", offset, &op) < 0)
        fail_msg("%s: %s", id, op.err.msg);
    return op.u.accept.seq;
}

int64_t topic_judge(struct jobs *j)
{
    static const char *const c[] = { "c", NULL };
    struct jobs_op op;

    int64_t seq = row_claim(j, c, &op);
    assert_int_not_equal(seq, 0);
    row_finish_ok(j, seq, op.u.claim.id, VERDICT_OK, 1);
    return seq;
}

int64_t topic_waiting(struct jobs *j)
{
    int64_t rows, oldest_ms;

    outbox_counts(j, &rows, &oldest_ms);
    assert_int_equal(rows > 0, oldest_ms > 1700000000000);
    return rows;
}

struct outbox_batch topic_read_all(struct jobs *j)
{
    const struct outbox_question all = { .max_rows = 10000, .max_bytes = SIZE_MAX };
    struct outbox_batch b = { 0 };
    struct err e = { 0 };

    if (outbox_read(j, &all, &b, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(b.len, topic_waiting(j));
    return b;
}

void topic_sent(struct jobs *j, const int64_t *numbers, size_t len)
{
    struct jobs_op op = { .kind = JOBS_SENT, .u.sent = { .numbers = numbers, .len = len } };
    struct err e = { 0 };

    int rc = jobs_do(j, &op, &e);
    job_table_settle(j);
    if (rc < 0)
        fail_msg("%s", e.msg);
}

void topic_send_all(struct jobs *j)
{
    struct outbox_batch b = topic_read_all(j);

    for (size_t i = 0; i < b.len; i++)
        topic_sent(j, &b.items[i].number, 1);
    outbox_batch_clear(&b);
    assert_int_equal(topic_waiting(j), 0);
}

enum err_kind topic_publish(struct jobs *j, const char *id)
{
    struct jobs_op op = { .kind = JOBS_PUBLISH, .u.publish.id = id };
    struct err e = { 0 };

    int rc = jobs_do(j, &op, &e);
    job_table_settle(j);
    return rc < 0 ? e.kind : ERR_NONE;
}

int topic_refuse(struct jobs *j, struct outbox_origin o, const struct outbox_dead_letter *letters,
                 size_t len, bool *ret_replay, struct err *e)
{
    struct jobs_op op = { .kind = JOBS_REFUSE,
                          .u.refuse = { .origin = &o, .rows = letters, .rows_len = len } };
    int rc = jobs_do(j, &op, e);
    job_table_settle(j);

    *ret_replay = op.u.refuse.replay;
    return rc;
}
