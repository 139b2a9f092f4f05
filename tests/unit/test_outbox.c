/* tests/unit/test_outbox.c - which reports are published, when and how often, and when they leave
 * the outbox; against a real file. */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema/model/submission.h"
#include "schema/store/db.h"
#include "schema/store/jobs_read.h"
#include "schema/store/outbox.h"
#include "tests/support/assert_err.h"
#include "tests/support/job_table.h"
#include "tests/support/topic_rows.h"

/* ---- a report ---- */

static void count_notification(void *ctx, unsigned kinds)
{
    (void)kinds;
    (void)sem_post(ctx);
}

static int take_notifications(sem_t *news)
{
    int n = 0;

    (void)sem_getvalue(news, &n);
    return n;
}

static void a_final_report_stays_until_it_is_sent(void **state)
{
    struct job_table *t = *state;
    struct outbox_batch b;
    sem_t news;
    CLEANUP(freep) char *stored = NULL;
    size_t len;
    struct err e = { 0 };

    assert_int_equal(sem_init(&news, 0, 0), 0);
    outbox_listen(t->j, count_notification, &news);
    int64_t seq = topic_take_ok(t->j, "a", 5);
    assert_int_equal(topic_waiting(t->j), 0);
    int heard = take_notifications(&news); /* a shared outbox is looked at more often */
    assert_true(!job_table_in_file(t) || heard == 0);
    assert_int_equal(topic_judge(t->j), seq);
    heard = take_notifications(&news);
    assert_true(job_table_in_file(t) ? heard == 1 : heard >= 1);

    for (int i = 0; i < 2; i++) { /* the next server publishes it too */
        b = topic_read_all(t->j);
        assert_int_equal(b.len, 1);
        assert_int_equal(b.items[0].kind, OUTBOX_REPORT);
        assert_int_equal(b.items[0].seq, seq);
        assert_int_equal(b.items[0].key_len, 1);
        assert_string_equal(b.items[0].key, "a");
        free(stored);
        assert_int_equal(jobs_report(t->j, "a", NULL, &stored, &len, &e), 0);
        assert_string_equal(b.items[0].payload, stored);
        assert_int_equal(b.items[0].payload_len, len);
        assert_string_equal(b.items[0].submission->tests[0].expected.data, "2");
        assert_null(b.items[0].reason);
        int64_t number = b.items[0].number;
        outbox_batch_clear(&b);
        if (i == 1)
            topic_sent(t->j, &number, 1);
        else
            job_table_reopen(t);
    }
    assert_int_equal(topic_waiting(t->j), 0);
    assert_int_equal(topic_publish(t->j, "a"), ERR_NONE);
    b = topic_read_all(t->j);
    assert_int_equal(b.items[0].number, 2); /* a number is never used again */
    outbox_batch_clear(&b);
    job_table_assert_sound(t);
}

static int64_t unreported(struct jobs *j)
{
    int64_t n = -1;
    struct err e = { 0 };

    if (outbox_unreported(j, &n, &e) < 0)
        fail_msg("%s", e.msg);
    return n;
}

/* Queued, running or with a report that is not acknowledged; only those from Kafka. */
static void what_is_not_reported(void **state)
{
    static const char *const c[] = { "c", NULL };
    struct job_table *t = *state;
    struct jobs_op op;

    t->config.publish_all = true;
    job_table_reopen(t);
    (void)row_accept(t->j, "http", "c");
    (void)topic_judge(t->j); /* its report is in the outbox too, but does not count */
    assert_int_equal(topic_waiting(t->j), 1);
    assert_int_equal(unreported(t->j), 0);
    (void)topic_take_ok(t->j, "a", 5);
    (void)topic_take_ok(t->j, "b", 6);
    assert_int_equal(unreported(t->j), 2);
    int64_t seq = row_claim(t->j, c, &op);
    assert_int_equal(unreported(t->j), 2);
    row_finish_ok(t->j, seq, op.u.claim.id, VERDICT_OK, 1);
    assert_int_equal(unreported(t->j), 2);
    (void)topic_take_ok(t->j, "a", 7); /* two reports of one submission */
    assert_int_equal(topic_waiting(t->j), 3);
    assert_int_equal(unreported(t->j), 2);
    topic_send_all(t->j);
    assert_int_equal(unreported(t->j), 1);
    (void)topic_judge(t->j);
    topic_send_all(t->j);
    assert_int_equal(unreported(t->j), 0);
}

static void reports_of_http_are_published_on_request(void **state)
{
    struct job_table *t = *state;

    (void)row_accept(t->j, "quiet", "c");
    (void)topic_judge(t->j);
    assert_int_equal(topic_waiting(t->j), 0);

    t->config.publish_all = true;
    job_table_reopen(t);
    (void)row_accept(t->j, "loud", "c");
    (void)topic_judge(t->j);
    assert_int_equal(topic_waiting(t->j), 1);
    (void)row_accept(t->j, "loud", "c"); /* sent again over HTTP, where the answer has the report */
    assert_int_equal(topic_waiting(t->j), 1);
}

static void a_report_without_a_verdict_is_published_too(void **state)
{
    struct job_table *t = *state;
    struct jobs_op op;
    struct err e = { 0 };

    (void)topic_take_ok(t->j, "queued", 0);
    assert_int_equal(row_cancel(t->j, "queued", &op, &e), 0);
    assert_int_equal(topic_waiting(t->j), 1);
    int64_t running = topic_take_ok(t->j, "running", 1);
    assert_int_equal(row_claim_c(t->j), running);
    assert_int_equal(row_cancel(t->j, "running", &op, &e), 0);
    assert_int_equal(topic_waiting(t->j), 2);

    int64_t killer = topic_take_ok(t->j, "killer", 2);
    for (int i = 0; i <= JOB_RESTARTS_MAX; i++) {
        assert_int_equal(topic_waiting(t->j), 2);
        assert_int_equal(row_claim_c(t->j), killer);
        job_table_reopen(t);
    }
    struct outbox_batch b = topic_read_all(t->j);
    assert_int_equal(b.len, 3);
    assert_string_equal(b.items[2].key, "killer");
    assert_non_null(strstr(b.items[2].payload, "the server died"));
    outbox_batch_clear(&b);
}

static void a_report_can_be_published_again(void **state)
{
    struct job_table *t = *state;

    assert_int_equal(topic_publish(t->j, "a"), ERR_NOT_FOUND);
    (void)row_accept(t->j, "a", "c");
    assert_int_equal(topic_publish(t->j, "a"), ERR_INPUT);
    assert_int_not_equal(row_claim_c(t->j), 0);
    assert_int_equal(topic_publish(t->j, "a"), ERR_INPUT);
    row_finish_ok(t->j, 1, "a", VERDICT_OK, 1);
    assert_int_equal(topic_waiting(t->j), 0);
    assert_int_equal(topic_publish(t->j, "a"), ERR_NONE);
    assert_int_equal(topic_publish(t->j, "a"), ERR_NONE);
    assert_int_equal(topic_waiting(t->j), 2);
    if (!job_table_in_file(t))
        return;                          /* the rest is about this disk */
    t->config.reserve_bytes = INT64_MAX; /* it would add a row on a full disk */
    job_table_reopen(t);
    assert_int_equal(topic_publish(t->j, "a"), ERR_DISK);
    assert_int_equal(topic_waiting(t->j), 2);
    topic_send_all(t->j);
    (void)usleep(5000);
    row_expire(t, "a");
    assert_int_equal(topic_publish(t->j, "a"), ERR_NOT_FOUND);
    assert_int_equal(topic_waiting(t->j), 0);
}

/* ---- retention ---- */

static void retention_skips_rows_in_the_outbox(void **state)
{
    struct job_table *t = *state;
    struct outbox_batch b;
    int64_t sent[250];
    size_t sent_len = 0;
    char id[16];

    for (int i = 0; i < 250; i++) { /* more than one batch of retention */
        (void)snprintf(id, sizeof id, "k%d", i);
        (void)topic_take_ok(t->j, id, i);
        (void)topic_judge(t->j);
    }
    (void)row_accept(t->j, "over-http", "c");
    (void)topic_judge(t->j);
    (void)usleep(5000);
    row_expire(t, "over-http"); /* skipped rows do not stop the others */
    b = topic_read_all(t->j);
    assert_int_equal(b.len, 250);
    for (size_t i = 0; i < b.len; i++) {
        assert_non_null(b.items[i].payload);
        assert_non_null(b.items[i].submission);
        if (i != 7)
            sent[sent_len++] = b.items[i].number;
    }
    topic_sent(t->j, sent, sent_len);
    outbox_batch_clear(&b);

    row_expire(t, "k249");
    assert_false(row_status(t->j, "k7").expired);
    topic_send_all(t->j);
    row_expire(t, "k7");
    job_table_assert_sound(t);
}

/* ---- reading ---- */

static void the_outbox_is_read_in_pages(void **state)
{
    static const struct {
        int64_t after;
        size_t rows, bytes, want;
    } cases[] = {
        { 0, 3, SIZE_MAX, 3 },  { 3, 3, SIZE_MAX, 3 }, { 9, 3, SIZE_MAX, 1 },
        { 10, 3, SIZE_MAX, 0 }, { 0, 10, 0, 1 },       { 4, 10, 1, 1 },
    };
    struct job_table *t = *state;
    struct err e = { 0 };
    char id[16];

    for (int i = 0; i < 10; i++) {
        (void)snprintf(id, sizeof id, "k%d", i);
        (void)topic_take_ok(t->j, id, i);
        (void)topic_judge(t->j);
    }
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct outbox_batch b = { 0 };
        print_message("    page %zu\n", i);
        const struct outbox_question question = { .after = cases[i].after,
                                                  .max_rows = cases[i].rows,
                                                  .max_bytes = cases[i].bytes };
        assert_int_equal(outbox_read(t->j, &question, &b, &e), 0);
        assert_int_equal(b.len, cases[i].want);
        assert_int_equal(b.last, cases[i].after + (int64_t)cases[i].want);
        assert_int_equal(b.more, cases[i].want > 0);
        for (size_t n = 0; n < b.len; n++)
            assert_int_equal(b.items[n].number, cases[i].after + 1 + (int64_t)n);
        outbox_batch_clear(&b);
    }
}

/* Submissions count: those of a thousand reports may be gigabytes. */
static void a_page_is_bounded_with_its_submissions(void **state)
{
    struct job_table *t = *state;
    struct outbox_batch b = { 0 };
    struct jobs_op op;
    struct err e = { 0 };
    char big[SUBMISSION_INLINE_MAX + 1];
    CLEANUP(freep) char *json = NULL;

    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    assert_true(asprintf(&json,
                         "{\"language\":\"c\",\"source\":\"x\",\"tests\":[{\"input\":\"%s\"}]}",
                         big) > 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(
            topic_take_json(t->j, json,
                            (struct outbox_origin){
                                .topic = "scripts", .partition = 0, .offset = i, .sent_ms = 0 },
                            "d", &op),
            0);
        (void)topic_judge(t->j);
    }
    const struct outbox_question question = { .max_rows = 10,
                                              .max_bytes = SUBMISSION_INLINE_MAX + 3000 };
    assert_int_equal(outbox_read(t->j, &question, &b, &e), 0);
    assert_int_equal(b.len, 2);
    outbox_batch_clear(&b);
}

/* Skips every third row and stops at the eighth. */
static enum outbox_choice choose_some(void *ctx, int64_t number, enum outbox_kind kind)
{
    size_t *asked = ctx;

    (*asked)++;
    assert_int_equal(kind, OUTBOX_REPORT);
    return number == 8 ? OUTBOX_END : number % 3 == 0 ? OUTBOX_PASS : OUTBOX_TAKE;
}

/* Of a skipped row only number and kind are read. */
static void skipped_rows_are_not_read(void **state)
{
    static const int64_t want[] = { 1, 2, 4, 5, 7 };
    struct job_table *t = *state;
    struct outbox_batch b = { 0 };
    struct err e = { 0 };
    char id[16];
    size_t asked = 0;

    for (int i = 0; i < 10; i++) {
        (void)snprintf(id, sizeof id, "k%d", i);
        (void)topic_take_ok(t->j, id, i);
        (void)topic_judge(t->j);
    }
    const struct outbox_question question = {
        .max_rows = 100, .max_bytes = SIZE_MAX, .choose = choose_some, .ctx = &asked
    };
    int64_t all = jobs_read_cost(t->j);
    assert_int_equal(outbox_read(t->j, &question, &b, &e), 0);
    all = jobs_read_cost(t->j) - all;
    assert_int_equal(asked, 8);
    assert_int_equal(b.len, ARRAY_LEN(want));
    for (size_t i = 0; i < b.len; i++)
        assert_int_equal(b.items[i].number, want[i]);
    assert_int_equal(b.last, 7);
    assert_true(b.more);
    outbox_batch_clear(&b);

    const struct outbox_question none = {
        .after = 7, .max_rows = 100, .max_bytes = SIZE_MAX, .choose = choose_some, .ctx = &asked
    };
    int64_t one = jobs_read_cost(t->j);
    assert_int_equal(outbox_read(t->j, &none, &b, &e), 0);
    one = jobs_read_cost(t->j) - one;
    assert_int_equal(b.len, 0);
    assert_int_equal(b.last, 7);
    assert_true(b.more);      /* it is still there and can be read later */
    if (job_table_in_file(t)) /* a database counts no steps */
        assert_in_range(one, 1, all / 10);
    outbox_batch_clear(&b);
}

static void watermarks_replace_those_of_their_partition(void **state)
{
    static char results[] = "results", dead[] = "dead";
    struct outbox_watermark first[] = { { results, 0, 10 }, { results, 1, 20 }, { dead, 0, 30 } };
    struct outbox_watermark second[] = { { results, 1, 25 } };
    struct job_table *t = *state;
    struct outbox_watermark *marks = NULL;
    struct err e = { 0 };
    size_t len = 9;
    int64_t sum = 0;

    assert_int_equal(outbox_watermarks(t->j, &marks, &len, &e), 0);
    assert_int_equal(len, 0);
    free(marks);
    struct jobs_op op = { .kind = JOBS_WATERMARKS, .u.watermarks = { first, ARRAY_LEN(first) } };
    assert_int_equal(jobs_do(t->j, &op, &e), 0);
    op.u.watermarks.marks = second;
    op.u.watermarks.len = ARRAY_LEN(second);
    assert_int_equal(jobs_do(t->j, &op, &e), 0);
    job_table_reopen(t);
    assert_int_equal(outbox_watermarks(t->j, &marks, &len, &e), 0);
    assert_int_equal(len, 3);
    for (size_t i = 0; i < len; i++) {
        int64_t want = strcmp(marks[i].topic, dead) == 0 ? 30 : marks[i].partition == 1 ? 25 : 10;
        assert_int_equal(marks[i].offset, want);
        sum += marks[i].offset;
        free(marks[i].topic);
    }
    free(marks);
    assert_int_equal(sum, 65);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_TABLE(a_final_report_stays_until_it_is_sent),
        ON_TABLE(what_is_not_reported),
        ON_TABLE(reports_of_http_are_published_on_request),
        ON_TABLE(a_report_without_a_verdict_is_published_too),
        ON_TABLE(a_report_can_be_published_again),
        ON_TABLE(retention_skips_rows_in_the_outbox),
        ON_TABLE(the_outbox_is_read_in_pages),
        ON_TABLE(a_page_is_bounded_with_its_submissions),
        ON_TABLE(skipped_rows_are_not_read),
        ON_TABLE(watermarks_replace_those_of_their_partition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
