/* tests/unit/test_jobs.c - the states of a row in a real job table: accept, claim, requeue,
 * finish, cancel. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/bytes.h"
#include "schema/model/report.h"
#include "schema/store/jobs_read.h"
#include "tests/support/assert_err.h"
#include "tests/support/job_table.h"
#include "tests/support/row.h"

static const char *const c_only[] = { "c", NULL };

/* ---- accept ---- */

static void an_accepted_row_is_queued(void **state)
{
    struct job_table *t = *state;
    struct jobs_op op;
    struct jobs_counts n;

    assert_int_equal(row_send(t->j, "a", "c", "x", &op), 0);
    assert_false(op.u.accept.existing);
    assert_int_equal(op.u.accept.state, JOB_QUEUED);
    assert_int_equal(op.u.accept.position, 1);
    assert_true(op.u.accept.submitted_ms > 1700000000000);
    assert_string_equal(op.u.accept.id, "a");

    struct job_status s = row_status(t->j, "a");
    assert_int_equal(s.seq, op.u.accept.seq);
    assert_int_equal(s.state, JOB_QUEUED);
    assert_int_equal(s.position, 1);
    assert_string_equal(s.language, "c");
    assert_false(s.expired);
    jobs_counts(t->j, &n);
    assert_int_equal(n.queued, 1);
    assert_int_equal(n.oldest_queued_ms, op.u.accept.submitted_ms);
    assert_true(n.writable);
}

static void a_missing_id_is_generated(void **state)
{
    struct job_table *t = *state;
    struct jobs_op one, two;

    assert_int_equal(row_send_json(t->j, "{\"language\":\"c\",\"source\":\"x\"}", &one), 0);
    assert_int_equal(row_send_json(t->j, "{\"language\":\"c\",\"source\":\"x\"}", &two), 0);
    assert_int_equal(strlen(one.u.accept.id), 32);
    assert_string_not_equal(one.u.accept.id, two.u.accept.id);
    assert_int_equal(two.u.accept.position, 2);
    assert_int_equal(row_status(t->j, one.u.accept.id).position, 1);
}

static void one_id_is_one_submission(void **state)
{
    struct job_table *t = *state;
    struct jobs_op op;
    struct jobs_counts n;

    int64_t seq = row_accept(t->j, "a", "c");
    (void)row_accept(t->j, "b", "c");

    assert_int_equal(row_send(t->j, "b", "c", "print(1)", &op), 0);
    assert_true(op.u.accept.existing);
    assert_int_equal(op.u.accept.seq, seq + 1);
    assert_int_equal(op.u.accept.position, 2);

    assert_int_equal(row_send(t->j, "a", "c", "other", &op), -1);
    assert_int_equal(op.err.kind, ERR_CONFLICT);
    assert_int_equal(row_send(t->j, "a", "cpp", "print(1)", &op), -1);
    assert_int_equal(op.err.kind, ERR_CONFLICT);

    assert_int_equal(row_claim_c(t->j), seq);
    row_finish_ok(t->j, seq, "a", VERDICT_OK, 1);
    assert_int_equal(row_send(t->j, "a", "c", "print(1)", &op), 0);
    assert_true(op.u.accept.existing);
    assert_int_equal(op.u.accept.state, JOB_DONE);
    assert_int_equal(op.u.accept.position, 0);
    jobs_counts(t->j, &n);
    assert_int_equal(n.queued, 1);
    assert_int_equal(n.final, 1);
}

static void the_queue_is_bounded(void **state)
{
    struct job_table *t = *state;
    struct jobs_op op;

    t->config.max_queued = 2;
    job_table_reopen(t);
    (void)row_accept(t->j, "a", "c");
    (void)row_accept(t->j, "b", "c");
    assert_int_equal(row_send(t->j, "d", "c", "x", &op), -1);
    assert_int_equal(op.err.kind, ERR_QUEUE_FULL);
    assert_int_equal(row_send(t->j, "b", "c", "print(1)", &op), 0); /* accepted before */
    assert_true(op.u.accept.existing);
    assert_int_equal(row_send(t->j, "b", "c", "other", &op), -1);
    assert_int_equal(op.err.kind, ERR_CONFLICT);
    (void)row_claim_c(t->j);
    (void)row_accept(t->j, "d", "c");
}

/* An id may contain any text. */
static void any_text_is_an_id(void **state)
{
    static const char *const ids[] = {
        "' OR 1=1--",       "1;DROP TABLE job",         "a\\\"b", "%", "_",
        "../../etc/passwd", "\xc3\xa9\xf0\x9f\x98\x80", "NULL",   "0", "x'00'"
    };
    struct job_table *t = *state;
    struct job_status s;
    struct err e = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        (void)row_accept(t->j, ids[i], "c");
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        const char *id = strcmp(ids[i], "a\\\"b") == 0 ? "a\"b" : ids[i];
        print_message("    id: %s\n", id);
        assert_int_equal(row_status(t->j, id).seq, (int64_t)i + 1);
    }
    assert_int_equal(jobs_status(t->j, "' OR ''='", &s, &e), -1);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM job"), ARRAY_LEN(ids));
}

/* ---- claim, requeue ---- */

static void the_oldest_row_of_the_languages_is_claimed(void **state)
{
    static const char *const order[] = { "c", "java", "c", "go", "java" };
    static const struct {
        const char *languages[4];
        int64_t want;
    } cases[] = {
        { { "go", "java" }, 2 }, { { "go", "java" }, 4 }, { { "python" }, 0 },
        { { NULL }, 0 },         { { "java", "c" }, 1 },  { { "c" }, 3 },
        { { "c" }, 0 },          { { "c", "java" }, 5 },
    };
    struct job_table *t = *state;
    struct jobs_op op;
    char id[8];

    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        (void)snprintf(id, sizeof id, "%zu", i + 1);
        (void)row_accept(t->j, id, order[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("    claim %zu\n", i);
        assert_int_equal(row_claim(t->j, cases[i].languages, &op), cases[i].want);
        if (cases[i].want) {
            (void)snprintf(id, sizeof id, "%lld", (long long)cases[i].want);
            assert_string_equal(op.u.claim.id, id);
            assert_int_equal(op.u.claim.attempts, 1);
            assert_int_equal(row_status(t->j, id).state, JOB_RUNNING);
            assert_int_equal(row_status(t->j, id).position, 0);
        }
    }
}

static void a_requeued_row_keeps_its_position(void **state)
{
    static const struct {
        enum jobs_release why;
        int64_t attempts, host_faults; /* of the next claim */
    } cases[] = { { JOBS_GIVEN_BACK, 1, 0 }, { JOBS_CELL_FAULT, 2, 0 }, { JOBS_GIVEN_BACK, 2, 0 },
                  { JOBS_HOST_FAULT, 2, 1 }, { JOBS_CELL_FAULT, 3, 1 }, { JOBS_HOST_FAULT, 3, 2 } };
    struct job_table *t = *state;
    struct jobs_op op;
    struct err e = { 0 };

    int64_t seq = row_accept(t->j, "a", "c");
    (void)row_accept(t->j, "b", "c");
    assert_int_equal(row_claim_c(t->j), seq);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(row_requeue(t->j, seq, cases[i].why, &e), 0);
        assert_int_equal(row_requeue(t->j, seq, cases[i].why, &e), 0); /* requeued already */
        assert_int_equal(row_status(t->j, "a").position, 1);
        assert_int_equal(row_status(t->j, "b").position, 2);
        assert_int_equal(row_claim(t->j, c_only, &op), seq);
        assert_int_equal(op.u.claim.attempts, cases[i].attempts);
        assert_int_equal(op.u.claim.host_faults, cases[i].host_faults);
    }
    row_finish_ok(t->j, seq, "a", VERDICT_OK, 1);
    assert_int_equal(row_requeue(t->j, seq, JOBS_GIVEN_BACK, &e), -1);
    assert_int_equal(e.kind, ERR_FINAL);
    assert_int_equal(row_requeue(t->j, 99, JOBS_GIVEN_BACK, &e), -1);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
}

/* The first versions stored a hash without given tolerances; after an upgrade clients send such
 * submissions again. */
static void a_row_of_an_earlier_version_is_no_conflict(void **state)
{
    static const char json[] = "{\"id\":\"1\",\"language\":\"c\",\"source\":\"x\",\"checker\":"
                               "{\"name\":\"float\",\"absolute_tolerance\":1e-9}}";
    static const char other[] = "{\"id\":\"1\",\"language\":\"c\",\"source\":\"x\",\"checker\":"
                                "{\"name\":\"float\",\"relative_tolerance\":1e-9}}";
    struct job_table *t = *state;
    struct jobs_op op;

    job_table_only_in_file(t);
    assert_int_equal(row_send_json(t->j, json, &op), 0);
    job_table_write(t, "UPDATE job SET hash ="
                       " x'26c9bc3f08cbac2b5f4180517c68a0e0a2226c751b5661b452442c8a9f24a6dc'");
    assert_int_equal(row_send_json(t->j, json, &op), 0);
    assert_true(op.u.accept.existing);
    assert_int_equal(row_send_json(t->j, other, &op), -1);
    assert_int_equal(op.err.kind, ERR_CONFLICT);
}

/* ---- finish, cancel ---- */

/* The row becomes final, and its verdicts are kept. */
static void a_report_that_is_too_large_is_stored_without_outputs(void **state)
{
    struct job_table *t = *state;
    CLEANUP(report_freep) struct report *r = row_report("a", VERDICT_WA, 5);
    CLEANUP(freep) char *json = NULL;
    char *large = malloc(100001);
    struct err e = { 0 };
    size_t len = 0;

    assert_non_null(large);
    memset(large, 'x', 100000);
    large[100000] = '\0';
    bytes_clear(&r->tests[0].out);
    r->tests[0].out = (struct bytes){ .data = large, .len = 100000 };
    t->j = jobs_close(t->j);
    t->config.report_max = 100000;
    assert_int_equal(jobs_open(&t->config, &t->j, &e), 0);
    int64_t seq = row_accept(t->j, "a", "c");
    assert_int_equal(row_claim_c(t->j), seq);
    assert_int_equal(row_finish(t->j, seq, r, &e), 0);
    assert_int_equal(row_status(t->j, "a").state, JOB_DONE);
    assert_int_equal(jobs_report(t->j, "a", NULL, &json, &len, &e), 0);
    assert_in_range(len, 500, 5000);
    json_auto_t *root = json_loads(json, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(root, "verdict")), "WA");
    assert_int_equal(json_array_size(json_object_get(root, "tests")), 2);
    assert_non_null(strstr(json_string_value(json_object_get(root, "error")), "too large"));
}

static void a_report_is_stored_once(void **state)
{
    struct job_table *t = *state;
    CLEANUP(report_freep) struct report *r = row_report("a", VERDICT_WA, 5);
    CLEANUP(freep) char *json = NULL;
    struct jobs_counts n;
    struct err e = { 0 };
    int64_t seq, found = 0;
    size_t len = 0;

    seq = row_accept(t->j, "a", "c");
    assert_int_equal(jobs_report(t->j, "a", NULL, &json, &len, &e), -1);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_int_equal(row_finish(t->j, seq, r, &e), -1); /* of a run that was requeued */
    assert_int_equal(e.kind, ERR_FINAL);
    assert_int_equal(row_claim_c(t->j), seq);
    assert_int_equal(row_finish(t->j, seq, r, &e), 0);
    assert_int_equal(row_finish(t->j, seq, r, &e), -1);
    assert_int_equal(e.kind, ERR_FINAL);
    assert_int_equal(row_finish(t->j, 77, r, &e), -1);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    jobs_counts(t->j, &n);
    assert_int_equal(n.late_reports, 2);
    assert_int_equal(n.final, 1);

    CLEANUP(freep) char *want = NULL;
    size_t want_len = 0;
    assert_int_equal(report_encode(r, &want, &want_len, &e), 0);
    assert_int_equal(jobs_report(t->j, "a", &found, &json, &len, &e), 0);
    assert_int_equal(found, seq);
    assert_string_equal(json, want);
    assert_int_equal(len, strlen(want));
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM report"), 1);
}

/* A worker that lost its row must neither finish nor requeue the row while another one runs it. */
static void a_lost_claim_finishes_nothing(void **state)
{
    struct job_table *t = *state;
    CLEANUP(report_freep) struct report *late = row_report("a", VERDICT_WA, 5);
    struct jobs_op first, second;
    struct jobs_counts n;
    struct err e = { 0 };

    int64_t seq = row_accept(t->j, "a", "c");
    assert_int_equal(row_claim(t->j, c_only, &first), seq);
    job_table_reopen(t); /* queued again, as after the death of its server */
    assert_int_equal(row_claim(t->j, c_only, &second), seq);
    assert_int_equal(first.u.claim.attempts,
                     second.u.claim.attempts); /* the attempt cannot identify the claim */
    assert_true(first.u.claim.claim > 0 && second.u.claim.claim > 0);
    assert_int_not_equal(first.u.claim.claim, second.u.claim.claim);

    *row_claim_of(seq) = first.u.claim.claim;
    assert_int_equal(row_finish(t->j, seq, late, &e), -1);
    assert_int_equal(e.kind, ERR_FINAL);
    assert_int_equal(row_requeue(t->j, seq, JOBS_CELL_FAULT, &e), -1);
    assert_int_equal(e.kind, ERR_FINAL);
    assert_int_equal(row_status(t->j, "a").state, JOB_RUNNING);
    jobs_counts(t->j, &n);
    assert_int_equal(n.late_reports, 1);

    *row_claim_of(seq) = second.u.claim.claim;
    row_finish_ok(t->j, seq, "a", VERDICT_OK, 1);
    assert_int_equal(
        job_table_ask(t, "SELECT count(*) FROM job WHERE verdict = 'OK' AND claim IS NULL"), 1);
}

static void a_cancelled_row_has_a_report(void **state)
{
    struct job_table *t = *state;
    CLEANUP(report_freep) struct report *late = row_report("run", VERDICT_OK, 5);
    CLEANUP(freep) char *json = NULL;
    struct jobs_op op;
    struct jobs_counts n;
    struct err e = { 0 };
    size_t len;

    int64_t run = row_accept(t->j, "run", "c");
    (void)row_accept(t->j, "wait", "c");
    assert_int_equal(row_claim_c(t->j), run);

    assert_int_equal(row_cancel(t->j, "wait", &op, &e), 0);
    assert_int_equal(op.u.cancel.claim, 0);
    assert_int_equal(row_cancel(t->j, "run", &op, &e), 0);
    assert_true(op.u.cancel.claim != 0);
    assert_int_equal(op.u.cancel.seq, run);
    assert_int_equal(row_cancel(t->j, "run", &op, &e), -1);
    assert_int_equal(e.kind, ERR_FINAL);
    assert_int_equal(row_cancel(t->j, "none", &op, &e), -1);
    assert_int_equal(e.kind, ERR_NOT_FOUND);

    assert_int_equal(row_finish(t->j, run, late, &e), -1);
    assert_int_equal(e.kind, ERR_FINAL);
    assert_int_equal(row_requeue(t->j, run, JOBS_CELL_FAULT, &e), -1);
    assert_int_equal(e.kind, ERR_FINAL);
    assert_int_equal(row_claim_c(t->j), 0);

    assert_int_equal(row_status(t->j, "wait").state, JOB_CANCELLED);
    assert_int_equal(jobs_report(t->j, "wait", NULL, &json, &len, &e), 0);
    assert_non_null(strstr(json, "cancelled"));
    json_auto_t *root = json_loads(json, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(root, "tests")), 2);
    jobs_counts(t->j, &n);
    assert_int_equal(n.queued, 0);
    assert_int_equal(n.running, 0);
    assert_int_equal(n.final, 2);
    assert_int_equal(
        job_table_ask(t, "SELECT count(*) FROM job WHERE state = 3 AND verdict = '-'"
                         " AND error = 'cancelled' AND tests_total = 2 AND tests_passed = 0"
                         " AND duration_ms IS NULL AND finished_ms > 0"),
        2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_TABLE(an_accepted_row_is_queued),
        ON_TABLE(a_missing_id_is_generated),
        ON_TABLE(one_id_is_one_submission),
        ON_TABLE(the_queue_is_bounded),
        ON_TABLE(any_text_is_an_id),
        ON_TABLE(the_oldest_row_of_the_languages_is_claimed),
        ON_TABLE(a_requeued_row_keeps_its_position),
        ON_TABLE(a_row_of_an_earlier_version_is_no_conflict),
        ON_TABLE(a_report_is_stored_once),
        ON_TABLE(a_lost_claim_finishes_nothing),
        ON_TABLE(a_report_that_is_too_large_is_stored_without_outputs),
        ON_TABLE(a_cancelled_row_has_a_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
