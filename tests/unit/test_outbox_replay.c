/* tests/unit/test_outbox_replay.c - what comes from Kafka twice, or comes again by another way. */
#include <stdio.h>
#include <unistd.h>

#include "schema/store/outbox.h"
#include "tests/support/assert_err.h"
#include "tests/support/job_table.h"
#include "tests/support/topic_rows.h"

/* ---- replays ---- */

static void a_message_is_accepted_once(void **state)
{
    struct job_table *t = *state;
    struct jobs_op op;

    int64_t seq = topic_take_ok(t->j, "a", 7);
    (void)topic_take_ok(t->j, "b", 8);
    for (int i = 0; i < 3; i++) { /* queued, final, final after a restart */
        print_message("    time %d\n", i);
        assert_int_equal(topic_take(t->j, "a", "x", 7, &op), 0);
        assert_true(op.u.accept.replay);
        assert_true(op.u.accept.existing);
        assert_int_equal(op.u.accept.seq, seq);
        assert_string_equal(op.u.accept.id, "a");
        assert_int_equal(op.u.accept.state, i == 0 ? JOB_QUEUED : JOB_DONE);
        assert_int_equal(op.u.accept.position, i == 0 ? 1 : 0);
        if (i == 0) {
            assert_int_equal(topic_judge(t->j), seq);
            topic_send_all(t->j);
        } else if (i == 1) {
            job_table_reopen(t);
        }
    }
    assert_int_equal(topic_waiting(t->j), 0); /* a replay publishes nothing */
    assert_int_equal(topic_take(t->j, "other", "y", 7, &op), 0);
    assert_true(op.u.accept.replay); /* its content is not compared */
    assert_int_equal(op.u.accept.seq, seq);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM job"), 2);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM intake"), 2);
}

/* A topic that was deleted and created again begins at offset 0 again. */
static void a_recreated_topic_is_read_again(void **state)
{
    static const char *const first = "{\"id\":\"a\",\"language\":\"c\",\"source\":\"x\"}";
    static const char *const other = "{\"id\":\"b\",\"language\":\"c\",\"source\":\"x\"}";
    struct job_table *t = *state;
    struct outbox_dead_letter dead = { .kind = OUTBOX_DEAD_LETTER,
                                       .payload = "?",
                                       .payload_len = 1 };
    struct err e = { 0 };
    struct jobs_op op;
    bool replay = true;
    const struct {
        const char *json;
        int64_t offset, sent_ms;
        bool replay;
    } rows[] = {
        { first, 0, 1000, false }, { first, 0, 1000, true }, { first, 0, -1, true },
        { other, 0, 2000, false }, { other, 0, 2000, true }, { first, 1, 2001, false },
        { first, 1, 2001, true },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        print_message("    row %zu\n", i);
        struct outbox_origin o = {
            .topic = "scripts", .partition = 0, .offset = rows[i].offset, .sent_ms = rows[i].sent_ms
        };
        assert_int_equal(topic_take_json(t->j, rows[i].json, o, NULL, &op), 0);
        assert_int_equal(op.u.accept.replay, rows[i].replay);
        job_table_reopen(t);
    }
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM job"), 2);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM stream"), 2);

    struct outbox_origin o = { .topic = "scripts", .partition = 0, .offset = 1, .sent_ms = 3000 };
    assert_int_equal(topic_refuse(t->j, o, &dead, 1, &replay, &e), 0);
    assert_false(replay);
    assert_int_equal(topic_refuse(t->j, o, &dead, 1, &replay, &e), 0);
    assert_true(replay);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM stream"), 3);
    job_table_assert_sound(t);
}

/* Times may be equal, or set by the producer: then the digest differs. */
static void another_content_is_another_message(void **state)
{
    static const char *const first = "{\"id\":\"a\",\"language\":\"c\",\"source\":\"x\"}";
    static const char *const other = "{\"id\":\"b\",\"language\":\"c\",\"source\":\"x\"}";
    struct job_table *t = *state;
    struct jobs_op op;
    const struct {
        const char *json;
        int64_t sent_ms, digest;
        bool replay;
    } rows[] = {
        { first, 1000, 11, false }, { first, 1000, 11, true }, { first, 1000, 0, true },
        { other, 1000, 22, false }, { other, 1000, 22, true }, { first, -1, 11, false },
        { first, -1, 11, true },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        print_message("    row %zu\n", i);
        struct outbox_origin o = {
            .topic = "scripts", .offset = 0, .sent_ms = rows[i].sent_ms, .digest = rows[i].digest
        };
        assert_int_equal(topic_take_json(t->j, rows[i].json, o, NULL, &op), 0);
        assert_int_equal(op.u.accept.replay, rows[i].replay);
        job_table_reopen(t);
    }
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM job"), 2);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM stream"), 3);
    job_table_assert_sound(t);
}

/* A report is published with the headers of its message, or of the message that repeats it.
 * RETENTION deletes them. */
static void a_report_has_its_origin(void **state)
{
    static const char *const json = "{\"id\":\"a\",\"language\":\"c\",\"source\":\"x\"}";
    struct job_table *t = *state;
    struct outbox_batch batch;
    struct jobs_op op;
    struct outbox_origin o = { .topic = "scripts",
                               .partition = 2,
                               .offset = 5,
                               .sent_ms = 1000,
                               .headers = "one",
                               .headers_len = 3 };

    assert_int_equal(topic_take_json(t->j, json, o, NULL, &op), 0);
    (void)topic_judge(t->j);
    o = (struct outbox_origin){ .topic = "scripts",
                                .partition = 2,
                                .offset = 6,
                                .sent_ms = -1,
                                .headers = "again",
                                .headers_len = 5 };
    assert_int_equal(topic_take_json(t->j, json, o, NULL, &op), 0);
    job_table_reopen(t);

    batch = topic_read_all(t->j);
    assert_int_equal(batch.len, 2);
    assert_string_equal(batch.items[0].topic, "scripts");
    assert_int_equal(batch.items[0].partition, 2);
    assert_int_equal(batch.items[0].offset, 5);
    assert_int_equal(batch.items[0].sent_ms, 1000);
    assert_string_equal(batch.items[0].headers, "one");
    assert_int_equal(batch.items[1].offset, 6);
    assert_int_equal(batch.items[1].sent_ms, -1);
    assert_string_equal(batch.items[1].headers, "again");
    assert_int_equal(batch.items[1].headers_len, 5);
    outbox_batch_clear(&batch);
}

static void a_message_without_a_time_is_a_replay(void **state)
{
    static const char *const json = "{\"id\":\"a\",\"language\":\"c\",\"source\":\"x\"}";
    struct job_table *t = *state;
    struct outbox_origin o = { .topic = "scripts", .partition = 0, .offset = 7, .sent_ms = -1 };
    struct jobs_op op;

    for (int i = 0; i < 2; i++) {
        assert_int_equal(topic_take_json(t->j, json, o, NULL, &op), 0);
        assert_int_equal(op.u.accept.replay, i > 0);
        o.sent_ms = 1000;
    }
}

static void partitions_and_topics_are_separate(void **state)
{
    static const char *const topics[] = { "scripts", "scripts2" };
    struct job_table *t = *state;
    struct jobs_op op;
    char json[100];

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 300; i++) {
            struct outbox_origin o = { .topic = topics[i % 2],
                                       .partition = i / 2 % 100,
                                       .offset = 10 - i / 200,
                                       .sent_ms = 0 };
            (void)snprintf(json, sizeof json,
                           "{\"id\":\"i%d\",\"language\":\"c\",\"source\":\"x\"}", i);
            assert_int_equal(topic_take_json(t->j, json, o, NULL, &op), 0);
            assert_int_equal(op.u.accept.replay, round == 1);
            assert_int_equal(op.u.accept.seq, i + 1);
        }
        if (round == 0)
            job_table_reopen(t);
    }
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM stream"), 200);
    job_table_assert_sound(t);
}

/* ---- the same submission, sent again ---- */

static void a_submission_sent_again_is_published_again(void **state)
{
    struct job_table *t = *state;
    struct jobs_op op;

    int64_t seq = topic_take_ok(t->j, "a", 1);
    assert_int_equal(topic_take_ok(t->j, "a", 2), seq); /* published once, when it is final */
    assert_int_equal(topic_judge(t->j), seq);
    assert_int_equal(topic_waiting(t->j), 1);
    assert_int_equal(topic_take(t->j, "a", "x", 3, &op), 0);
    assert_false(op.u.accept.replay);
    assert_true(op.u.accept.existing);
    assert_int_equal(op.u.accept.state, JOB_DONE);
    assert_int_equal(topic_waiting(t->j), 2);
    assert_int_equal(topic_take(t->j, "a", "x", 3, &op), 0);
    assert_true(op.u.accept.replay);
    assert_int_equal(topic_waiting(t->j), 2);
    assert_int_equal(row_claim_c(t->j), 0); /* and not judged again */

    topic_send_all(t->j);
    (void)usleep(5000);
    row_expire(t, "a");
    assert_int_equal(topic_take(t->j, "a", "x", 4, &op), 0);
    assert_true(op.u.accept.existing);
    assert_int_equal(topic_waiting(t->j), 0); /* there is no report any more */
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM intake WHERE seq = 1"), 4);
}

static void http_and_kafka_share_their_ids(void **state)
{
    static const char json[] = "{\"id\":\"a\",\"language\":\"c\",\"source\":\"x\"}";
    struct job_table *t = *state;
    struct jobs_op op;

    assert_int_equal(row_send_json(t->j, json, &op), 0);
    int64_t seq = op.u.accept.seq;
    assert_int_equal(
        topic_take_json(
            t->j, json,
            (struct outbox_origin){ .topic = "scripts", .partition = 0, .offset = 1, .sent_ms = 0 },
            NULL, &op),
        0);
    assert_true(op.u.accept.existing);
    assert_int_equal(op.u.accept.seq, seq);
    assert_int_equal(op.u.accept.position, 1);
    assert_int_equal(topic_judge(t->j), seq); /* now its report is to be published */
    assert_int_equal(topic_waiting(t->j), 1);
    assert_int_equal(row_send_json(t->j, json, &op), 0);
    assert_true(op.u.accept.existing);
    assert_int_equal(topic_waiting(t->j), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_TABLE(a_message_is_accepted_once),
        ON_TABLE(a_recreated_topic_is_read_again),
        ON_TABLE(another_content_is_another_message),
        ON_TABLE(a_report_has_its_origin),
        ON_TABLE(a_message_without_a_time_is_a_replay),
        ON_TABLE(partitions_and_topics_are_separate),
        ON_TABLE(a_submission_sent_again_is_published_again),
        ON_TABLE(http_and_kafka_share_their_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
