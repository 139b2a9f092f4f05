/* tests/unit/test_jobs_groups.c - many operations at once: groups, listeners, threads. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "schema/model/submission.h"
#include "schema/store/jobs_change.h"
#include "schema/store/jobs_read.h"
#include "schema/store/outbox.h"
#include "tests/support/assert_err.h"
#include "tests/support/job_table.h"
#include "tests/support/row.h"

static const char *const c_only[] = { "c", NULL };

/* ---- groups and listeners ---- */

struct seen {
    pthread_mutex_t lock;
    int calls, changes;
    char log[4000];
};

static void listen_in(void *ctx, const struct jobs_change *changes, size_t len)
{
    struct seen *s = ctx;

    (void)pthread_mutex_lock(&s->lock);
    s->calls++;
    for (size_t i = 0; i < len; i++) {
        size_t at = strlen(s->log);
        s->changes++;
        (void)snprintf(s->log + at, sizeof s->log - at, "%s=%s ", changes[i].id,
                       job_state_name(changes[i].state));
    }
    (void)pthread_mutex_unlock(&s->lock);
}

static void listeners_are_notified_once_of_each_change(void **state)
{
    struct job_table *t = *state;
    struct seen one = { .lock = PTHREAD_MUTEX_INITIALIZER }, two = one;
    struct jobs_op op;
    struct err e = { 0 };

    jobs_listen(t->j, listen_in, &one);
    jobs_listen(t->j, listen_in, &two);
    int64_t seq = row_accept(t->j, "a", "c");
    (void)row_accept(t->j, "a", "c");                          /* nothing new */
    assert_int_equal(row_send(t->j, "a", "c", "no", &op), -1); /* refused */
    (void)row_claim_c(t->j);
    (void)row_claim_c(t->j); /* none left */
    assert_int_equal(row_requeue(t->j, seq, JOBS_GIVEN_BACK, &e), 0);
    (void)row_claim_c(t->j);
    row_finish_ok(t->j, seq, "a", VERDICT_OK, 1);
    (void)row_accept(t->j, "b", "c");
    assert_int_equal(row_cancel(t->j, "b", &op, &e), 0);
    t->j = jobs_close(t->j);

    assert_string_equal(one.log, "a=queued a=running a=queued a=running a=done b=queued"
                                 " b=cancelled ");
    assert_string_equal(two.log, one.log);
    job_table_open(t);
}

static struct submission *parse_source(const char *id, const char *source)
{
    char json[200];

    (void)snprintf(json, sizeof json, "{\"id\":\"%s\",\"language\":\"c\",\"source\":\"%s\"}", id,
                   source);
    return row_parse(json);
}

struct gate {
    sem_t entered, go, completed;
};

static void hold_writer(struct jobs_op *op)
{
    struct gate *g = op->ctx;

    (void)sem_post(&g->entered);
    (void)sem_wait(&g->go);
}

static void count_done(struct jobs_op *op)
{
    struct gate *g = op->ctx;

    (void)sem_post(&g->completed);
}

static void open_gate(struct gate *g)
{
    assert_int_equal(sem_init(&g->entered, 0, 0), 0);
    assert_int_equal(sem_init(&g->go, 0, 0), 0);
    assert_int_equal(sem_init(&g->completed, 0, 0), 0);
}

/* Queues all while the writer is blocked, so that they are one group, and waits for them. */
static void put_together(struct jobs *j, struct jobs_op *ops, size_t len)
{
    struct gate g;
    struct jobs_op hold = {
        .kind = JOBS_CANCEL, .done = hold_writer, .ctx = &g, .u.cancel.id = "nobody"
    };

    open_gate(&g);
    jobs_put(j, &hold);
    (void)sem_wait(&g.entered);
    for (size_t i = 0; i < len; i++) {
        ops[i].done = count_done;
        ops[i].ctx = &g;
        jobs_put(j, &ops[i]);
    }
    (void)sem_post(&g.go);
    for (size_t i = 0; i < len; i++)
        (void)sem_wait(&g.completed);
    job_table_settle(j);
}

static struct jobs_op accept_of(const struct submission *s, const struct submission_packed *packed)
{
    return (struct jobs_op){ .kind = JOBS_ACCEPT,
                             .u.accept = { .submission = s, .packed = packed } };
}

static void a_group_is_one_commit_and_one_refusal_harms_no_other(void **state)
{
    struct job_table *t = *state;
    struct seen seen = { .lock = PTHREAD_MUTEX_INITIALIZER };
    CLEANUP(submission_freep) struct submission *a = parse_source("a", "1");
    CLEANUP(submission_freep) struct submission *other = parse_source("a", "2");
    CLEANUP(submission_freep) struct submission *b = parse_source("b", "3");
    struct submission_packed packed = { 0 };
    struct err e = { 0 };

    jobs_listen(t->j, listen_in, &seen);
    assert_int_equal(submission_pack(a, &packed, &e), 0);
    struct jobs_op ops[] = {
        accept_of(a, &packed),
        accept_of(other, &packed),
        accept_of(b, &packed),
        accept_of(a, &packed),
        { .kind = JOBS_CLAIM, .u.claim.languages = c_only },
        { .kind = JOBS_CANCEL, .u.cancel.id = "none" },
    };
    put_together(t->j, ops, ARRAY_LEN(ops));

    assert_int_equal(ops[0].result, 0);
    assert_int_equal(ops[0].u.accept.position, 1);
    assert_int_equal(ops[1].result, -1);
    assert_int_equal(ops[1].err.kind, ERR_CONFLICT);
    assert_int_equal(ops[2].result, 0);
    assert_int_equal(ops[2].u.accept.position,
                     jobs_is_shared(t->j) ? 2 : 1); /* "a" is claimed already */
    assert_int_equal(ops[3].result, 0);
    assert_true(ops[3].u.accept.existing);
    assert_int_equal(ops[4].u.claim.seq, ops[0].u.accept.seq);
    assert_int_equal(ops[5].err.kind, ERR_NOT_FOUND);
    assert_int_equal(seen.calls, 1);
    assert_string_equal(seen.log, "a=queued b=queued a=running ");
    assert_int_equal(row_status(t->j, "b").position, 1);
    submission_packed_clear(&packed);
}

/* An operation that breaks a constraint of the table (here: no JSON) fails alone too. */
static void a_broken_operation_harms_no_other(void **state)
{
    struct job_table *t = *state;
    CLEANUP(submission_freep) struct submission *a = parse_source("a", "1");
    CLEANUP(submission_freep) struct submission *bad = parse_source("bad", "2");
    CLEANUP(submission_freep) struct submission *b = parse_source("b", "3");
    struct submission_packed packed = { 0 }, broken = { 0 };
    struct jobs_counts n;
    struct err e = { 0 };

    assert_int_equal(submission_pack(a, &packed, &e), 0);
    struct jobs_op ops[] = { accept_of(a, &packed), accept_of(bad, &broken),
                             accept_of(b, &packed) };
    put_together(t->j, ops, ARRAY_LEN(ops));
    assert_int_equal(ops[0].result, 0);
    assert_int_equal(ops[1].result, -1);
    assert_int_equal(ops[1].err.kind, ERR_BUG);
    assert_int_equal(ops[2].result, 0);
    assert_int_equal(row_status(t->j, "b").position, 2);
    jobs_counts(t->j, &n);
    assert_int_equal(n.queued, 2);
    assert_true(n.writable);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM job"), 2);
    submission_packed_clear(&packed);
}

/* The first message of a partition adds its number; a rollback of the group removes it. */
static void partitions_of_a_rolled_back_group_are_dropped(void **state)
{
    struct job_table *t = *state;
    CLEANUP(submission_freep) struct submission *a = parse_source("a", "1");
    CLEANUP(submission_freep) struct submission *bad = parse_source("bad", "2");
    struct outbox_origin first = { .topic = "scripts", .partition = 0, .offset = 5, .sent_ms = 0 },
                         second = { .topic = "scripts", .partition = 0, .offset = 6, .sent_ms = 0 };
    struct submission_packed packed = { 0 }, broken = { 0 };
    struct err e = { 0 };

    assert_int_equal(submission_pack(a, &packed, &e), 0);
    struct jobs_op ops[] = { accept_of(a, &packed), accept_of(bad, &broken) };
    ops[0].u.accept.origin = &second;
    ops[1].u.accept.origin = &first;
    put_together(t->j, ops, ARRAY_LEN(ops));
    assert_int_equal(ops[0].result, 0);
    assert_false(ops[0].u.accept.replay);
    assert_int_equal(ops[1].err.kind, ERR_BUG);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM stream"), 1);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM intake"), 1);
    job_table_assert_sound(t);
    submission_packed_clear(&packed);
}

static void close_commits_waiting_operations(void **state)
{
    struct job_table *t = *state;
    struct gate g;
    CLEANUP(submission_freep)
    struct submission *s = parse_source("last", "1");
    struct submission_packed packed = { 0 };
    struct err e = { 0 };

    open_gate(&g);
    assert_int_equal(submission_pack(s, &packed, &e), 0);
    struct jobs_op op = { .kind = JOBS_ACCEPT,
                          .done = count_done,
                          .ctx = &g,
                          .u.accept = { .submission = s, .packed = &packed } };
    jobs_put(t->j, &op);
    t->j = jobs_close(t->j);
    assert_int_equal(sem_trywait(&g.completed), 0);
    submission_packed_clear(&packed);
    job_table_open(t);
    assert_int_equal(row_status(t->j, "last").state, JOB_QUEUED);
}

/* ---- many threads ---- */

enum { THREADS = 6, EACH = 60 };

static void *live(void *arg)
{
    struct job_table *t = arg;
    static _Atomic int next;
    int me = next++;
    char id[32];
    struct err e = { 0 };

    for (int i = 0; i < EACH; i++) {
        (void)snprintf(id, sizeof id, "t%d-%d", me, i);
        (void)row_accept(t->j, id, "c");
        (void)row_status(t->j, id);
        struct jobs_op op;
        int64_t seq = row_claim(t->j, c_only, &op);
        if (seq == 0)
            continue;
        if (i % 5 == 0)
            (void)row_requeue(t->j, seq, JOBS_GIVEN_BACK, &e);
        else
            row_finish_ok(t->j, seq, op.u.claim.id, VERDICT_OK, i);
    }
    return NULL;
}

static void many_threads_share_it(void **state)
{
    struct job_table *t = *state;
    pthread_t threads[THREADS];
    struct jobs_counts n;

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, live, t), 0);
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    job_table_settle(t->j);
    jobs_counts(t->j, &n);
    assert_int_equal(n.queued + n.running + n.final, THREADS * EACH);
    assert_int_equal(n.running, 0);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM job WHERE state = 0"), n.queued);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM report"), n.final);
    job_table_assert_sound(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_TABLE(listeners_are_notified_once_of_each_change),
        ON_TABLE(a_group_is_one_commit_and_one_refusal_harms_no_other),
        ON_TABLE(a_broken_operation_harms_no_other),
        ON_TABLE(partitions_of_a_rolled_back_group_are_dropped),
        ON_TABLE(close_commits_waiting_operations),
        ON_TABLE(many_threads_share_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
