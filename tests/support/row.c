#include "tests/support/row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema/model/submission.h"
#include "schema/store/jobs_change.h"
#include "tests/support/assert_err.h"

bool row_knows_any(const void *ctx, const char *name)
{
    (void)ctx;
    return name[0] != '\0';
}

struct submission *row_parse(const char *json)
{
    static const struct submission_rules rules = { .max_tests = 1000,
                                                   .max_source_bytes = 1 << 20,
                                                   .max_depth = 32,
                                                   .max_time_ms = 300000,
                                                   .max_memory_bytes = 2LL << 30,
                                                   .default_time_ms = 10000,
                                                   .default_checker = CHECKER_INIT(CHECKER_LINES),
                                                   .knows_language = row_knows_any };
    struct submission *s = NULL;
    struct field_errors p = { 0 };
    struct err e = { 0 };

    if (submission_parse(json, strlen(json), &rules, &s, &p, &e) < 0)
        fail_msg("%s: %s", json, e.msg);
    field_errors_clear(&p);
    return s;
}

/* Hands on the result of an operation when the counts know of it. */
static int settled(struct jobs *j, int rc)
{
    job_table_settle(j);
    return rc;
}

int row_send_json(struct jobs *j, const char *json, struct jobs_op *ret_op)
{
    CLEANUP(submission_freep) struct submission *s = row_parse(json);
    struct submission_packed packed = { 0 };
    struct err e = { 0 };

    assert_int_equal(submission_pack(s, &packed, &e), 0);
    *ret_op =
        (struct jobs_op){ .kind = JOBS_ACCEPT,
                          .u.accept = { .submission = s, .packed = &packed, .owner = s->owner } };
    int rc = settled(j, jobs_do(j, ret_op, &e));
    submission_packed_clear(&packed);
    return rc;
}

int row_send(struct jobs *j, const char *id, const char *language, const char *source,
             struct jobs_op *ret_op)
{
    char json[1000];

    int n = snprintf(json, sizeof json,
                     "{\"id\":\"%s\",\"language\":\"%s\",\"source\":\"%s\",\"tests\":["
                     "{\"input\":\"1\",\"expected_output\":\"2\"},"
                     "{\"number\":7,\"input\":\"3\",\"expected_output\":\"4\"}]}",
                     id, language, source);
    assert_true(n > 0 && (size_t)n < sizeof json);
    return row_send_json(j, json, ret_op);
}

int64_t row_accept(struct jobs *j, const char *id, const char *language)
{
    struct jobs_op op;

    if (row_send(j, id, language, "print(1)", &op) < 0)
        fail_msg("%s: %s", id, op.err.msg);
    return op.u.accept.seq;
}

/* The last claim of each row, so that a test names rows only. */
int64_t *row_claim_of(int64_t seq)
{
    static int64_t claims[4096];

    return &claims[(uint64_t)seq % ARRAY_LEN(claims)];
}

int64_t row_claim(struct jobs *j, const char *const *languages, struct jobs_op *ret_op)
{
    struct err e = { 0 };

    *ret_op = (struct jobs_op){ .kind = JOBS_CLAIM, .u.claim.languages = languages };
    if (settled(j, jobs_do(j, ret_op, &e)) < 0)
        fail_msg("claim: %s", e.msg);
    *row_claim_of(ret_op->u.claim.seq) = ret_op->u.claim.claim;
    return ret_op->u.claim.seq;
}

int64_t row_claim_c(struct jobs *j)
{
    static const char *const c[] = { "c", NULL };
    struct jobs_op op;

    return row_claim(j, c, &op);
}

static struct bytes bytes_of(const char *text)
{
    struct bytes b = { 0 };

    assert_int_equal(bytes_copy(text, strlen(text), &b), 0);
    return b;
}

struct report *row_report(const char *id, enum verdict v, int64_t duration)
{
    struct report *r = calloc(1, sizeof *r);

    assert_non_null(r);
    r->id = strdup(id);
    r->language = strdup("c");
    r->verdict = v;
    r->ran = true;
    r->has_tests = true;
    r->duration_ms = duration;
    r->cpu_time_ms = duration / 2;
    r->memory_bytes = 1000 + duration;
    r->out = bytes_of("out");
    r->err = bytes_of("");
    r->build_log = bytes_of("");
    r->tests = calloc(2, sizeof *r->tests);
    assert_non_null(r->tests);
    r->tests_len = 2;
    for (size_t i = 0; i < 2; i++) {
        r->tests[i] = (struct test_report){ .number = i == 0 ? 1 : 7,
                                            .verdict = i == 0 ? VERDICT_OK : v,
                                            .ran = true,
                                            .out = bytes_of("out"),
                                            .err = bytes_of("") };
    }
    r->timestamp_ms = 0; /* the table's own time */
    return r;
}

int row_finish(struct jobs *j, int64_t seq, const struct report *r, struct err *e)
{
    struct jobs_op op = { .kind = JOBS_FINISH,
                          .u.finish = { .seq = seq, .claim = *row_claim_of(seq), .report = r } };

    return settled(j, jobs_do(j, &op, e));
}

void row_finish_ok(struct jobs *j, int64_t seq, const char *id, enum verdict v, int64_t duration)
{
    CLEANUP(report_freep) struct report *r = row_report(id, v, duration);
    struct err e = { 0 };

    if (row_finish(j, seq, r, &e) < 0)
        fail_msg("finish %s: %s", id, e.msg);
}

int row_requeue(struct jobs *j, int64_t seq, enum jobs_release why, struct err *e)
{
    struct jobs_op op = { .kind = JOBS_REQUEUE,
                          .u.requeue = { .seq = seq, .claim = *row_claim_of(seq), .why = why } };

    return settled(j, jobs_do(j, &op, e));
}

int row_cancel(struct jobs *j, const char *id, struct jobs_op *ret_op, struct err *e)
{
    *ret_op = (struct jobs_op){ .kind = JOBS_CANCEL, .u.cancel.id = id };
    return settled(j, jobs_do(j, ret_op, e));
}

struct job_status row_status(struct jobs *j, const char *id)
{
    struct job_status s = { 0 };
    struct err e = { 0 };

    if (jobs_status(j, id, &s, &e) < 0)
        fail_msg("%s: %s", id, e.msg);
    return s;
}

void row_expire(struct job_table *t, const char *last_id)
{
    t->config.retention_ms = 1;
    job_table_reopen(t);
    for (int i = 0; i < 1000 && !row_status(t->j, last_id).expired; i++)
        (void)usleep(5000);
    assert_true(row_status(t->j, last_id).expired);
}
