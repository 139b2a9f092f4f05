/* tests/unit/test_outbox_intake.c - messages of Kafka: refused, or without an id;
 * against a real file. */
#include <poll.h>
#include <stdatomic.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/model/submission.h"
#include "schema/store/outbox.h"
#include "tests/support/assert_err.h"
#include "tests/support/job_table.h"
#include "tests/support/topic_rows.h"

/* ---- refused ---- */

static int64_t intake_rows(const struct job_table *t)
{
    return job_table_ask(t, "SELECT count(*) FROM intake");
}

static void a_conflict_uses_no_offset(void **state)
{
    static const struct outbox_dead_letter dead = {
        .kind = OUTBOX_DEAD_LETTER, .payload = "it", .payload_len = 2, .reason = "conflict"
    };
    struct job_table *t = *state;
    struct outbox_origin o = { .topic = "scripts", .partition = 0, .offset = 2, .sent_ms = 0 };
    struct jobs_op op;
    struct err e = { 0 };
    bool replay;

    (void)topic_take_ok(t->j, "a", 1);
    assert_int_equal(topic_take(t->j, "a", "other", 2, &op), -1);
    assert_int_equal(op.err.kind, ERR_CONFLICT);
    assert_int_equal(intake_rows(t), 1);
    assert_int_equal(topic_refuse(t->j, o, &dead, 1, &replay, &e), 0);
    assert_false(replay);
    assert_int_equal(topic_waiting(t->j), 1);
    assert_int_equal(intake_rows(t), 2);

    assert_int_equal(topic_refuse(t->j, o, &dead, 1, &replay, &e), 0);
    assert_true(replay);
    assert_int_equal(topic_waiting(t->j), 1);
    assert_int_equal(topic_take(t->j, "a", "other", 2, &op), 0); /* read again: it is a replay */
    assert_true(op.u.accept.replay);
    assert_false(op.u.accept.existing);
    assert_int_equal(op.u.accept.seq, 0);
    assert_string_equal(op.u.accept.id, "");
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM job"), 1);
}

static void a_refused_message_is_kept_byte_for_byte(void **state)
{
    static const struct outbox_dead_letter letters[] = {
        { OUTBOX_DEAD_LETTER, "k\0\xff", 3, "\0\xfe{", 3, "not JSON" },
        { OUTBOX_REFUSAL, "id", 2, "{\"id\":\"id\"}", 11, NULL },
        { OUTBOX_DEAD_LETTER, NULL, 0, NULL, 0, "a tombstone" },
        { OUTBOX_DEAD_LETTER, "", 0, "", 0, "empty" },
    };
    struct job_table *t = *state;
    struct err e = { 0 };
    bool replay;

    assert_int_equal(
        topic_refuse(t->j,
                     (struct outbox_origin){
                         .topic = "scripts", .partition = 3, .offset = 1LL << 40, .sent_ms = 0 },
                     letters, ARRAY_LEN(letters), &replay, &e),
        0);
    job_table_reopen(t);
    struct outbox_batch b = topic_read_all(t->j);
    assert_int_equal(b.len, ARRAY_LEN(letters));
    for (size_t i = 0; i < b.len; i++) {
        const struct outbox_item *have = &b.items[i];
        const struct outbox_dead_letter *want = &letters[i];
        print_message("    letter %zu\n", i);
        assert_int_equal(have->kind, want->kind);
        assert_int_equal(have->seq, 0);
        assert_null(have->submission);
        assert_int_equal(have->key != NULL, want->key != NULL);
        assert_int_equal(have->key_len, want->key_len);
        assert_int_equal(have->payload != NULL, want->payload != NULL);
        assert_int_equal(have->payload_len, want->payload_len);
        if (want->key)
            assert_memory_equal(have->key, want->key, want->key_len + 1);
        if (want->payload)
            assert_memory_equal(have->payload, want->payload, want->payload_len + 1);
        assert_string_equal(have->reason ? have->reason : "-", want->reason ? want->reason : "-");
        assert_string_equal(have->topic, "scripts");
        assert_int_equal(have->partition, 3);
        assert_int_equal(have->offset, 1LL << 40);
    }
    outbox_batch_clear(&b);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM job"), 0); /* and it makes no row */
    topic_send_all(t->j);
}

static void a_submission_refused_for_now_uses_no_offset(void **state)
{
    static const struct outbox_dead_letter dead = { .kind = OUTBOX_DEAD_LETTER, .reason = "bad" };
    struct job_table *t = *state;
    struct jobs_op op;
    struct err e = { 0 };
    bool replay;

    (void)topic_take_ok(t->j, "a", 1);
    t->config.max_queued = 1;
    job_table_reopen(t);
    assert_int_equal(topic_take(t->j, "b", "x", 2, &op), -1);
    assert_int_equal(op.err.kind, ERR_QUEUE_FULL);
    assert_int_equal(topic_take(t->j, "a", "x", 1, &op), 0);
    assert_true(op.u.accept.replay);
    assert_int_equal(topic_take(t->j, "a", "x", 3, &op),
                     0); /* accepted before: it needs no place in the queue */
    assert_int_equal(topic_take(t->j, "a", "y", 4, &op), -1);
    assert_int_equal(op.err.kind, ERR_CONFLICT);
    assert_int_equal(intake_rows(t), 2);

    if (!job_table_in_file(t))
        return; /* the rest is about this disk */
    t->config.max_queued = 100;
    t->config.reserve_bytes = INT64_MAX;
    job_table_reopen(t);
    assert_int_equal(topic_take(t->j, "b", "x", 2, &op), -1);
    assert_int_equal(op.err.kind, ERR_DISK);
    assert_int_equal(
        topic_refuse(
            t->j,
            (struct outbox_origin){ .topic = "scripts", .partition = 0, .offset = 5, .sent_ms = 0 },
            &dead, 1, &replay, &e),
        -1);
    assert_int_equal(e.kind, ERR_DISK);
    assert_int_equal(intake_rows(t), 2);
    assert_int_equal(topic_judge(t->j), 1); /* accepted rows are still finished and published */
    assert_int_equal(topic_waiting(t->j), 1);
    topic_send_all(t->j);

    t->config.reserve_bytes = 0;
    job_table_reopen(t);
    (void)topic_take_ok(t->j, "b", 2);
    assert_int_equal(intake_rows(t), 3);
}

/* ---- messages without an id ---- */

static void take_derived(struct jobs *j, const char *derived, int64_t offset, struct jobs_op *op)
{
    assert_int_equal(
        topic_take_json(j, "{\"language\":\"c\",\"source\":\"x\"}",
                        (struct outbox_origin){
                            .topic = "scripts", .partition = 4, .offset = offset, .sent_ms = 0 },
                        derived, op),
        0);
    assert_false(op->u.accept.existing);
    assert_false(op->u.accept.replay);
}

static void a_derived_id_never_conflicts(void **state)
{
    static const struct {
        const char *derived, *id;
    } cases[] = {
        { "key", "key" },
        { "key", "key@4:1" },
        { "key", "key@4:2" },
        { "mine", "mine@4:3" }, /* of a submission that came with it */
        { "scripts:4", "scripts:4" },
    };
    struct job_table *t = *state;
    struct jobs_op op;

    (void)row_accept(t->j, "mine", "c");
    (void)topic_judge(t->j);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("    %s\n", cases[i].id);
        take_derived(t->j, cases[i].derived, (int64_t)i, &op);
        assert_string_equal(op.u.accept.id, cases[i].id);
        assert_int_equal(row_status(t->j, cases[i].id).state, JOB_QUEUED);
        (void)topic_judge(t->j);
    }
    struct outbox_batch b = topic_read_all(t->j);
    assert_int_equal(b.len, ARRAY_LEN(cases));
    for (size_t i = 0; i < b.len; i++)
        assert_string_equal(b.items[i].key, cases[i].derived); /* the row's id is not published */
    outbox_batch_clear(&b);

    /* A submission with an id that is in use as a derived id is a conflict. */
    assert_int_equal(
        row_send_json(t->j, "{\"id\":\"key\",\"language\":\"c\",\"source\":\"x\"}", &op), -1);
    assert_int_equal(op.err.kind, ERR_CONFLICT);
}

static void a_derived_id_may_be_too_long_for_a_path(void **state)
{
    struct job_table *t = *state;
    struct jobs_op op;
    char exact[SUBMISSION_ID_MAX + 1], longer[SUBMISSION_ID_MAX + 20];

    memset(exact, 'e', sizeof exact - 1);
    exact[sizeof exact - 1] = '\0';
    memset(longer, 'l', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    take_derived(t->j, exact, 0, &op);
    assert_string_equal(op.u.accept.id, exact);
    take_derived(t->j, exact, 1, &op); /* no room for "@4:1" */
    assert_int_equal(strlen(op.u.accept.id), 32);
    take_derived(t->j, longer, 2, &op);
    assert_int_equal(strlen(op.u.accept.id), 32);
    for (int i = 0; i < 3; i++)
        (void)topic_judge(t->j);
    struct outbox_batch b = topic_read_all(t->j);
    assert_string_equal(b.items[0].key, exact);
    assert_string_equal(b.items[1].key, exact);
    assert_string_equal(b.items[2].key, longer);
    outbox_batch_clear(&b);
}

static void note_kinds(void *ctx, unsigned kinds)
{
    (void)atomic_fetch_or((atomic_uint *)ctx, kinds);
}

/* Each kind has a publisher of its own. */
static void who_publishes_dead_letters_hears_of_one(void **state)
{
    static const struct outbox_dead_letter dead = { .kind = OUTBOX_DEAD_LETTER, .reason = "odd" };
    struct job_table *t = *state;
    struct outbox_origin o = { .topic = "scripts", .partition = 0, .offset = 1, .sent_ms = 0 };
    atomic_uint kinds = 0;
    struct err e = { 0 };
    bool replay;

    outbox_listen(t->j, note_kinds, &kinds);
    assert_int_equal(topic_refuse(t->j, o, &dead, 1, &replay, &e), 0);
    for (int64_t end = clock_mono_ns() + 60 * NS_PER_S; clock_mono_ns() < end && !kinds;)
        (void)poll(NULL, 0, 2); /* a shared outbox is looked at a moment later */
    assert_true(kinds & OUTBOX_KIND_BIT(OUTBOX_DEAD_LETTER));
    jobs_unlisten(t->j, &kinds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_TABLE(a_conflict_uses_no_offset),
        ON_TABLE(a_refused_message_is_kept_byte_for_byte),
        ON_TABLE(who_publishes_dead_letters_hears_of_one),
        ON_TABLE(a_submission_refused_for_now_uses_no_offset),
        ON_TABLE(a_derived_id_never_conflicts),
        ON_TABLE(a_derived_id_may_be_too_long_for_a_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
