/* tests/unit/jobs_fixture.h - a job table in a directory of its own, and short words to use it. */
#pragma once

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <ftw.h>

#include "schema/base/bytes.h"
#include "schema/base/text.h"
#include "schema/model/report.h"
#include "schema/model/submission.h"
#include "schema/store/db.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_change.h"
#include "schema/store/jobs_read.h"
#include "schema/store/outbox.h"

struct table {
    char dir[200];
    struct jobs_config config;
    struct jobs *j;
};

static inline void store_open(struct table *t)
{
    struct err e = { 0 };

    t->config.dir = t->dir;
    if (jobs_open(&t->config, &t->j, &e) < 0)
        fail_msg("%s", e.msg);
}

static inline void table_reopen(struct table *t)
{
    t->j = jobs_close(t->j);
    store_open(t);
}

static inline int table_setup(void **state)
{
    struct table *t = calloc(1, sizeof *t);

    (void)snprintf(t->dir, sizeof t->dir, "/tmp/test_jobs.XXXXXX");
    assert_int_equal(text_init(), 0);
    assert_non_null(mkdtemp(t->dir));
    t->config = (struct jobs_config){ .instance = "one", .max_queued = 1000000 };
    store_open(t);
    *state = t;
    return 0;
}

static inline int table_unlink(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static inline int table_teardown(void **state)
{
    struct table *t = *state;

    t->j = jobs_close(t->j);
    (void)nftw(t->dir, table_unlink, 16, FTW_DEPTH | FTW_PHYS);
    free(t);
    return 0;
}

static inline bool knows_any(const void *ctx, const char *name)
{
    (void)ctx;
    return name[0] != '\0';
}

static inline struct submission *parse(const char *json)
{
    static const struct submission_rules rules = { .max_tests = 1000,
                                                   .max_source_bytes = 1 << 20,
                                                   .max_depth = 32,
                                                   .max_time_ms = 300000,
                                                   .max_memory_bytes = 2LL << 30,
                                                   .default_time_ms = 10000,
                                                   .default_checker = CHECKER_INIT(CHECKER_LINES),
                                                   .knows_language = knows_any };
    struct submission *s = NULL;
    struct field_errors p = { 0 };
    struct err e = { 0 };

    if (submission_parse(json, strlen(json), &rules, &s, &p, &e) < 0)
        fail_msg("%s: %s", json, e.msg);
    field_errors_clear(&p);
    return s;
}

/* Sends one submission; the operation's outcome stays in *ret_op. */
static inline int send_json(struct jobs *j, const char *json, struct jobs_op *ret_op)
{
    CLEANUP(submission_freep) struct submission *s = parse(json);
    struct submission_packed packed = { 0 };
    struct err e = { 0 };

    assert_int_equal(submission_pack(s, &packed, &e), 0);
    *ret_op =
        (struct jobs_op){ .kind = JOBS_ACCEPT, .u.accept = { .submission = s, .packed = &packed } };
    int rc = jobs_do(j, ret_op, &e);
    submission_packed_clear(&packed);
    return rc;
}

/* A small submission with two tests. */
static inline int send(struct jobs *j, const char *id, const char *language, const char *source,
                       struct jobs_op *ret_op)
{
    char json[1000];

    int n = snprintf(json, sizeof json,
                     "{\"id\":\"%s\",\"language\":\"%s\",\"source\":\"%s\",\"tests\":["
                     "{\"input\":\"1\",\"expected_output\":\"2\"},"
                     "{\"number\":7,\"input\":\"3\",\"expected_output\":\"4\"}]}",
                     id, language, source);
    assert_true(n > 0 && (size_t)n < sizeof json);
    return send_json(j, json, ret_op);
}

static inline int64_t accept_ok(struct jobs *j, const char *id, const char *language)
{
    struct jobs_op op;

    if (send(j, id, language, "print(1)", &op) < 0)
        fail_msg("%s: %s", id, op.err.msg);
    return op.u.accept.seq;
}

/* The last claim of each row, so that a test names rows only. */
static inline int64_t *claim_of(int64_t seq)
{
    static int64_t claims[4096];

    return &claims[(uint64_t)seq % ARRAY_LEN(claims)];
}

/* The claimed row's number, 0 for none. */
static inline int64_t claim(struct jobs *j, const char *const *languages, struct jobs_op *ret_op)
{
    struct err e = { 0 };

    *ret_op = (struct jobs_op){ .kind = JOBS_CLAIM, .u.claim.languages = languages };
    if (jobs_do(j, ret_op, &e) < 0)
        fail_msg("claim: %s", e.msg);
    *claim_of(ret_op->u.claim.seq) = ret_op->u.claim.claim;
    return ret_op->u.claim.seq;
}

static inline int64_t claim_c(struct jobs *j)
{
    static const char *const c[] = { "c", NULL };
    struct jobs_op op;

    return claim(j, c, &op);
}

static inline struct bytes bytes_of(const char *text)
{
    struct bytes b = { 0 };

    assert_int_equal(bytes_copy(text, strlen(text), &b), 0);
    return b;
}

/* A report as the engine would write it, of a run that took `duration` ms. */
static inline struct report *make_report(const char *id, enum verdict v, int64_t duration)
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

static inline int finish(struct jobs *j, int64_t seq, const struct report *r, struct err *e)
{
    struct jobs_op op = { .kind = JOBS_FINISH,
                          .u.finish = { .seq = seq, .claim = *claim_of(seq), .report = r } };

    return jobs_do(j, &op, e);
}

static inline void finish_ok(struct jobs *j, int64_t seq, const char *id, enum verdict v,
                             int64_t duration)
{
    CLEANUP(report_freep) struct report *r = make_report(id, v, duration);
    struct err e = { 0 };

    if (finish(j, seq, r, &e) < 0)
        fail_msg("finish %s: %s", id, e.msg);
}

static inline int give_back(struct jobs *j, int64_t seq, bool count_attempt, struct err *e)
{
    struct jobs_op op = {
        .kind = JOBS_REQUEUE,
        .u.requeue = { .seq = seq, .claim = *claim_of(seq), .count_attempt = count_attempt }
    };

    return jobs_do(j, &op, e);
}

static inline int cancel(struct jobs *j, const char *id, struct jobs_op *ret_op, struct err *e)
{
    *ret_op = (struct jobs_op){ .kind = JOBS_CANCEL, .u.cancel.id = id };
    return jobs_do(j, ret_op, e);
}

static inline struct job_status status_of(struct jobs *j, const char *id)
{
    struct job_status s = { 0 };
    struct err e = { 0 };

    if (jobs_status(j, id, &s, &e) < 0)
        fail_msg("%s: %s", id, e.msg);
    return s;
}

/* What a stranger with an SQLite shell sees. */
static inline int64_t ask(const struct table *t, const char *sql)
{
    CLEANUP(db_closep) struct db *d = NULL;
    char path[250];
    struct err e = { 0 };
    int64_t number = -1;

    (void)snprintf(path, sizeof path, "%s/scrc.db", t->dir);
    if (db_open(path, DB_READER, &d, &e) < 0 || db_number(d, sql, &number, &e) < 0)
        fail_msg("%s: %s", sql, e.msg);
    return number;
}

static inline void write_sql(const struct table *t, const char *sql)
{
    CLEANUP(db_closep) struct db *d = NULL;
    char path[250];
    struct err e = { 0 };

    (void)snprintf(path, sizeof path, "%s/scrc.db", t->dir);
    if (db_open(path, DB_WRITER, &d, &e) < 0 || db_exec(d, sql, &e) < 0)
        fail_msg("%s: %s", sql, e.msg);
}

static inline void assert_sound(const struct table *t)
{
    assert_int_equal(ask(t, "SELECT count(*) FROM pragma_integrity_check"
                            " WHERE integrity_check <> 'ok'"),
                     0);
    assert_int_equal(ask(t, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
}

/* Retention looks first when the table opens; then it says so with `expired`. */
static inline void expire(struct table *t, const char *last_id)
{
    t->config.retention_ms = 1;
    table_reopen(t);
    for (int i = 0; i < 1000 && !status_of(t->j, last_id).expired; i++)
        (void)usleep(5000);
    assert_true(status_of(t->j, last_id).expired);
}

#define ON_TABLE(test) cmocka_unit_test_setup_teardown(test, table_setup, table_teardown)
