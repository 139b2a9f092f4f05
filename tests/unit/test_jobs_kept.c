/* tests/unit/test_jobs_kept.c - what the job table stores, and for how long: restarts, older and
 * newer tables, blobs, retention. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/text.h"
#include "schema/model/submission.h"
#include "schema/store/jobs_read.h"
#include "schema/store/outbox.h"
#include "tests/support/assert_err.h"
#include "tests/support/job_table.h"
#include "tests/support/row.h"
#include "tests/support/scratch.h"

static const char *const c_only[] = { "c", NULL };

/* ---- restarts ---- */

static void a_restart_requeues_running_rows(void **state)
{
    struct job_table *t = *state;
    struct jobs_op op;
    struct jobs_counts n;
    char table_id[TEXT_ID_SIZE];

    (void)snprintf(table_id, sizeof table_id, "%s", jobs_table_id(t->j));
    assert_int_equal(strlen(table_id), 32);
    int64_t seq = row_accept(t->j, "a", "c");
    (void)row_accept(t->j, "b", "c");
    assert_int_equal(row_claim_c(t->j), seq);
    job_table_reopen(t);

    assert_string_equal(jobs_table_id(t->j), table_id);
    jobs_counts(t->j, &n);
    assert_int_equal(n.queued, 2);
    assert_int_equal(n.running, 0);
    assert_true(n.oldest_queued_ms > 0);
    assert_int_equal(row_status(t->j, "a").position, 1);
    assert_int_equal(row_claim(t->j, c_only, &op), seq);
    assert_int_equal(op.u.claim.attempts, 1); /* a death of the server counts no attempt */
    row_finish_ok(t->j, seq, "a", VERDICT_OK, 1);
    job_table_reopen(t);
    jobs_counts(t->j, &n);
    assert_int_equal(n.final, 1);
    assert_int_equal(n.queued, 1);
}

/* A server on a copy of the table, or on another table, keeps the name of its directory. */
static void a_directory_keeps_its_id(void **state)
{
    static const char *const damaged[] = { "", "\n", "../../x\n",
                                           "0123456789012345678901234567890123\n" };
    struct job_table *t = *state;
    char dir_id[TEXT_ID_SIZE], path[250];

    job_table_only_in_file(t);
    (void)snprintf(dir_id, sizeof dir_id, "%s", jobs_dir_id(t->j));
    assert_string_equal(dir_id, jobs_table_id(t->j));
    t->j = jobs_close(t->j);
    (void)snprintf(path, sizeof path, "%s/scrc.db", t->dir);
    assert_int_equal(unlink(path), 0);
    job_table_open(t);
    assert_string_equal(jobs_dir_id(t->j), dir_id);
    assert_string_not_equal(jobs_table_id(t->j), dir_id);

    (void)snprintf(path, sizeof path, "%s/id", t->dir);
    for (size_t i = 0; i < ARRAY_LEN(damaged); i++) {
        FILE *f = fopen(path, "we");
        assert_non_null(f);
        assert_int_equal(fputs(damaged[i], f) < 0, 0);
        assert_int_equal(fclose(f), 0);
        job_table_reopen(t);
        assert_string_equal(jobs_dir_id(t->j), jobs_table_id(t->j));
        job_table_reopen(t);
        assert_string_equal(jobs_dir_id(t->j), jobs_table_id(t->j));
    }
    /* One that cannot be written does not keep the server from starting. */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    job_table_reopen(t);
    assert_string_equal(jobs_dir_id(t->j), jobs_table_id(t->j));
}

static void too_many_restarts_finish_a_row(void **state)
{
    struct job_table *t = *state;
    CLEANUP(freep) char *json = NULL;
    struct err e = { 0 };
    size_t len;

    int64_t seq = row_accept(t->j, "a", "c");
    for (int i = 0; i <= JOB_RESTARTS_MAX; i++) {
        assert_int_equal(row_claim_c(t->j), seq);
        job_table_reopen(t);
    }
    assert_int_equal(row_claim_c(t->j), 0);
    assert_int_equal(row_status(t->j, "a").state, JOB_DONE);
    assert_int_equal(jobs_report(t->j, "a", NULL, &json, &len, &e), 0);
    assert_non_null(strstr(json, "the server died"));
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM job WHERE verdict = '-' AND state = 2"),
                     1);
}

static void a_second_server_is_refused(void **state)
{
    struct job_table *t = *state;
    struct jobs_config c = t->config;
    struct jobs *j = NULL;
    struct err e = { 0 };

    c.lock_wait_ms = 100;
    assert_int_equal(jobs_open(&c, &j, &e), -1);
    assert_int_equal(e.kind, ERR_CONFLICT);
    assert_non_null(strstr(e.msg, "another server"));
    assert_null(j);
}

static void a_newer_table_is_refused(void **state)
{
    struct job_table *t = *state;
    struct jobs *j = NULL;
    struct err e = { 0 };
    char set_back[60];

    job_table_only_in_file(t);
    int64_t version = job_table_ask(t, "PRAGMA user_version");
    (void)snprintf(set_back, sizeof set_back, "PRAGMA user_version = %d", (int)version);
    t->j = jobs_close(t->j);
    job_table_write(t, "PRAGMA user_version = 99");
    assert_int_equal(jobs_open(&t->config, &j, &e), -1);
    assert_int_equal(e.kind, ERR_DISK);
    print_message("    %s\n", e.msg);
    assert_non_null(strstr(e.msg, "newer scrc"));
    assert_null(j);
    job_table_write(t, set_back);
    job_table_open(t);
}

/* A table of the first release: one row is final, one was running when its server died, one is
 * queued. */
static void make_first_version(const struct job_table *t)
{
    CLEANUP(submission_freep)
    struct submission *s = row_parse("{\"language\":\"c\",\"source\":\"x\"}");
    CLEANUP(freep) char *first = scratch_read(SQL "/001.sql", NULL), *rows = NULL;
    struct submission_packed packed = { 0 };
    struct err e = { 0 };

    assert_int_equal(submission_pack(s, &packed, &e), 0);
    assert_true(
        asprintf(&rows,
                 "INSERT INTO job(id, hash, state, language, submitted_ms, tests_total, attempts)"
                 " VALUES('old', x'00', 2, 'c', 1, 0, 1), ('ran', x'00', 1, 'c', 2, 0, 1),"
                 " ('waits', x'00', 0, 'c', 3, 0, 0);"
                 "UPDATE job SET finished_ms = 9, verdict = 'OK' WHERE seq = 1;"
                 "INSERT INTO body SELECT seq, '%s' FROM job;"
                 "INSERT INTO report VALUES(1, '{}');"
                 "INSERT INTO meta VALUES('table', 'the-table');"
                 "PRAGMA user_version = 1;",
                 packed.json) > 0);
    job_table_write(t, first);
    job_table_write(t, rows);
    submission_packed_clear(&packed);
}

static void a_table_of_the_first_version_goes_on(void **state)
{
    struct job_table *t = *state;
    CLEANUP(freep) char *json = NULL;
    struct jobs_op op = { .kind = JOBS_PUBLISH, .u.publish.id = "old" };
    struct outbox_batch b = { 0 };
    struct err e = { 0 };
    size_t len;

    job_table_only_in_file(t);
    t->j = jobs_close(t->j);
    scratch_remove(t->dir);
    assert_int_equal(mkdir(t->dir, 0700), 0);
    make_first_version(t);
    t->config.publish_all = true;
    job_table_open(t);

    assert_string_equal(jobs_table_id(t->j), "the-table");
    assert_int_equal(jobs_report(t->j, "old", NULL, &json, &len, &e), 0);
    assert_string_equal(json, "{}");
    for (int64_t seq = 2; seq <= 3; seq++) {
        assert_int_equal(row_claim_c(t->j), seq);
        row_finish_ok(t->j, seq, seq == 2 ? "ran" : "waits", VERDICT_OK, 1);
    }
    assert_int_equal(jobs_do(t->j, &op, &e), 0);
    assert_int_equal(row_accept(t->j, "new", "c"), 4);
    assert_int_equal(
        outbox_read(t->j, &(struct outbox_question){ .max_rows = 10, .max_bytes = 1000 }, &b, &e),
        0);
    assert_int_equal(b.len, 1); /* older rows are not to be published */
    assert_string_equal(b.items[0].key, "old");
    outbox_batch_clear(&b);
    job_table_assert_sound(t);
}

static void the_directory_is_created(void **state)
{
    struct job_table *t = *state;
    struct jobs_config c = t->config;
    struct jobs *j = NULL;
    struct err e = { 0 };
    char dir[260];

    (void)snprintf(dir, sizeof dir, "%s/deep/er", t->dir);
    c.dir = dir;
    assert_int_equal(jobs_open(&c, &j, &e), 0);
    j = jobs_close(j);
    c.dir = "/proc/nowhere";
    assert_int_equal(jobs_open(&c, &j, &e), -1);
    assert_int_equal(e.kind, ERR_DISK);
    print_message("    %s\n", e.msg);
}

/* ---- blobs and retention ---- */

static void send_big(struct job_table *t, const char *id, char fill, struct jobs_op *ret_op)
{
    char big[SUBMISSION_INLINE_MAX + 100];
    CLEANUP(freep) char *json = NULL;

    memset(big, fill, sizeof big - 1);
    big[sizeof big - 1] = '\0';
    assert_true(asprintf(&json,
                         "{\"id\":\"%s\",\"language\":\"c\",\"source\":\"x\",\"tests\":["
                         "{\"input\":\"%s\",\"expected_output\":\"%s\"}]}",
                         id, big, big) > 0);
    assert_int_equal(row_send_json(t->j, json, ret_op), 0);
}

static void shared_blobs_are_stored_once(void **state)
{
    struct job_table *t = *state;
    CLEANUP(submission_freep) struct submission *s = NULL;
    struct jobs_op op;
    struct err e = { 0 };
    char id[16];

    for (int i = 0; i < 50; i++) {
        (void)snprintf(id, sizeof id, "s%d", i);
        send_big(t, id, 'x', &op);
    }
    send_big(t, "other", 'y', &op);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM text"), 2);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM text_use"), 51);
    assert_int_equal(jobs_submission(t->j, op.u.accept.seq, &s, &e), 0);
    assert_int_equal(s->tests_len, 1);
    assert_int_equal(s->tests[0].input.len, SUBMISSION_INLINE_MAX + 99);
    assert_int_equal(s->tests[0].input.data[17], 'y');
    assert_string_equal(s->id, "other");
}

static void retention_keeps_ids_and_summaries(void **state)
{
    struct job_table *t = *state;
    CLEANUP(submission_freep) struct submission *s = NULL;
    CLEANUP(freep) char *json = NULL;
    struct jobs_op op;
    struct err e = { 0 };
    size_t len;

    send_big(t, "a", 'x', &op);
    int64_t a = op.u.accept.seq;
    send_big(t, "b", 'x', &op);
    send_big(t, "c", 'z', &op);
    assert_int_equal(row_claim_c(t->j), a);
    row_finish_ok(t->j, a, "a", VERDICT_OK, 9);
    (void)usleep(5000);
    row_expire(t, "a");

    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM text"), 2); /* b uses the same blobs */
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM text_use"), 2);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM body"), 2);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM report"), 0);
    assert_int_equal(jobs_report(t->j, "a", NULL, &json, &len, &e), -1);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_int_equal(jobs_submission(t->j, a, &s, &e), -1);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_int_equal(
        job_table_ask(t, "SELECT count(*) FROM job WHERE verdict = 'OK' AND duration_ms = 9"), 1);

    send_big(t, "a", 'x', &op);
    assert_true(op.u.accept.existing);
    assert_int_equal(op.u.accept.state, JOB_DONE);
    assert_int_equal(row_send(t->j, "a", "c", "x", &op), -1);
    assert_int_equal(op.err.kind, ERR_CONFLICT);

    (void)row_claim_c(t->j);
    row_finish_ok(t->j, a + 1, "b", VERDICT_OK, 9);
    (void)usleep(5000);
    row_expire(t, "b");
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM text"), 1);
    job_table_assert_sound(t);
}

static void retention_works_in_batches(void **state)
{
    struct job_table *t = *state;
    char id[16];

    for (int i = 0; i < 350; i++) {
        (void)snprintf(id, sizeof id, "s%d", i);
        int64_t seq = row_accept(t->j, id, "c");
        assert_int_equal(row_claim_c(t->j), seq);
        row_finish_ok(t->j, seq, id, VERDICT_OK, 1);
    }
    (void)row_accept(t->j, "young", "c");
    (void)usleep(5000);
    row_expire(t, "s349");
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM body"), 1);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM job WHERE expired = 1"), 350);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_TABLE(a_directory_keeps_its_id),          ON_TABLE(a_restart_requeues_running_rows),
        ON_TABLE(too_many_restarts_finish_a_row),    ON_TABLE(a_second_server_is_refused),
        ON_TABLE(a_newer_table_is_refused),          ON_TABLE(a_table_of_the_first_version_goes_on),
        ON_TABLE(the_directory_is_created),          ON_TABLE(shared_blobs_are_stored_once),
        ON_TABLE(retention_keeps_ids_and_summaries), ON_TABLE(retention_works_in_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
