/* tests/unit/test_jobs_crash.c - kill -9 at random moments under load: every acknowledged row is
 * there, once, and the file is sound. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "schema/store/db.h"
#include "schema/store/jobs_read.h"
#include "schema/store/outbox.h"
#include "tests/support/assert_err.h"
#include "tests/support/job_table.h"
#include "tests/support/topic_rows.h"

enum { ROUNDS = 25, THREADS = 6 };

/* The child writes one to its parent for each row that the table acknowledged. */
struct promise {
    char what; /* 'a'ccepted, from 'k'afka, 'f'inished, about to be 's'ent, 'g'one */
    int64_t seq, offset;
    int32_t partition;
    char id[40];
};

static int promises;
static int child_round;
static struct job_table *child_table;

static void promise_all(struct promise p, const char *id)
{
    (void)snprintf(p.id, sizeof p.id, "%s", id);
    if (write(promises, &p, sizeof p) != sizeof p)
        _exit(1);
}

static void promise(char what, int64_t seq, const char *id)
{
    promise_all((struct promise){ .what = what, .seq = seq }, id);
}

/* Over HTTP or from a partition of the thread's own. */
static void send_one(struct jobs *j, const char *id, int32_t partition, int64_t offset)
{
    struct jobs_op op;
    char json[200];

    if (offset % 2 == 0) {
        promise('a', row_accept(j, id, "c"), id);
        return;
    }
    (void)snprintf(json, sizeof json, "{\"id\":\"%s\",\"language\":\"c\",\"source\":\"x\"}", id);
    if (topic_take_json(
            j, json,
            (struct outbox_origin){
                .topic = "scripts", .partition = partition, .offset = offset, .sent_ms = 0 },
            NULL, &op) < 0)
        _exit(2);
    promise_all((struct promise){ 'k', op.u.accept.seq, offset, partition, "" }, id);
}

/* As after the broker's acknowledgement. */
static void acknowledge_some(struct jobs *j)
{
    const struct outbox_question three = { .max_rows = 3, .max_bytes = SIZE_MAX };
    struct outbox_batch b = { 0 };
    struct err e = { 0 };

    if (outbox_read(j, &three, &b, &e) < 0)
        _exit(3);
    for (size_t i = 0; i < b.len; i++) {
        promise('s', b.items[i].seq, b.items[i].key);
        topic_sent(j, &b.items[i].number, 1);
        promise('g', b.items[i].seq, b.items[i].key);
    }
    outbox_batch_clear(&b);
}

static void *load(void *arg)
{
    static const char *const c[] = { "c", NULL };
    long me = (long)arg;
    struct jobs *j = child_table->j;
    char id[40];

    for (int i = 0;; i++) {
        (void)snprintf(id, sizeof id, "r%d-t%ld-%d", child_round, me, i);
        send_one(j, id, (int32_t)(child_round * THREADS + me), i);
        if (i % 3 == 0)
            continue;
        if (i % 4 == 0)
            acknowledge_some(j);
        struct jobs_op op;
        struct err e = { 0 };
        int64_t seq = row_claim(j, c, &op);
        if (seq == 0)
            continue;
        if (i % 5 == 0) {
            (void)!row_requeue(j, seq, i % 2 ? JOBS_CELL_FAULT : JOBS_GIVEN_BACK, &e);
            continue;
        }
        if (i % 7 == 0)
            continue; /* left running */
        row_finish_ok(j, seq, op.u.claim.id, VERDICT_OK, i);
        promise('f', seq, op.u.claim.id);
    }
    return NULL;
}

static void child(struct job_table *t, int fd, int round)
{
    pthread_t thread;

    promises = fd;
    child_round = round;
    child_table = t;
    t->config.retention_ms = round % 2 ? 20 : 0; /* every other round with retention */
    job_table_open(t);
    for (long i = 0; i < THREADS; i++)
        (void)pthread_create(&thread, NULL, load, (void *)i);
    for (;;)
        (void)pause();
}

struct promised {
    struct promise *list;
    size_t len, size;
};

/* So many of the child's promises; fewer once it was killed. */
static void read_promises(int fd, struct promised *p, size_t n)
{
    struct promise one;

    while (n-- > 0 && read(fd, &one, sizeof one) == sizeof one) {
        if (p->len == p->size) {
            p->size = p->size * 2 + 1000;
            p->list = reallocarray(p->list, p->size, sizeof *p->list);
            assert_non_null(p->list);
        }
        p->list[p->len++] = one;
    }
}

static void kill_after(pid_t pid, int us)
{
    (void)usleep((useconds_t)us);
    (void)kill(pid, SIGKILL);
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    assert_true(WIFSIGNALED(status)); /* it did not exit before */
}

static void one_round(struct job_table *t, struct promised *p, int round)
{
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    (void)fcntl(fds[1], F_SETPIPE_SZ, 1 << 20);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(fds[0]);
        child(t, fds[1], round);
    }
    (void)close(fds[1]);
    read_promises(fds[0], p, 1 + (size_t)rand() % 200); /* wait until it works, however slow */
    kill_after(pid, rand() % 5000);
    read_promises(fds[0], p, SIZE_MAX);
    (void)close(fds[0]);
}

/* The message that made the row is known by its offset. */
static void check_replay(struct jobs *j, const struct promise *p)
{
    struct jobs_op op;
    struct outbox_origin o = {
        .topic = "scripts", .partition = p->partition, .offset = p->offset, .sent_ms = 0
    };

    if (topic_take_json(j, "{\"language\":\"c\",\"source\":\"?\"}", o, "?", &op) < 0)
        fail_msg("%s: %s", p->id, op.err.msg);
    assert_true(op.u.accept.replay);
    assert_int_equal(op.u.accept.seq, p->seq);
    assert_string_equal(op.u.accept.id, p->id);
}

/* A final row from Kafka is in the outbox, or was about to be sent; a row that was acknowledged
 * does not come back. */
static void check_outbox(const struct job_table *t, const struct promised *p)
{
    CLEANUP(freep) char *fate = calloc(1, (size_t)job_table_ask(t, "SELECT max(seq) FROM job") + 2);
    struct outbox_batch b = topic_read_all(t->j);
    CLEANUP(db_closep) struct db *d = NULL;
    char path[250];
    struct err e = { 0 };

    assert_non_null(fate);
    for (size_t i = 0; i < p->len; i++)
        if (p->list[i].what == 's' || p->list[i].what == 'g')
            fate[p->list[i].seq] = p->list[i].what;
    for (size_t i = 0; i < b.len; i++) {
        assert_int_not_equal(fate[b.items[i].seq], 'g');
        fate[b.items[i].seq] = 'w';
    }
    outbox_batch_clear(&b);

    (void)snprintf(path, sizeof path, "%s/scrc.db", t->dir);
    assert_int_equal(db_open(path, DB_READER, &d, &e), 0);
    CLEANUP(db_donep)
    struct db_stmt *q = db_prepare(d, "SELECT seq FROM job WHERE publish = 1 AND state >= 2", &e);
    assert_non_null(q);
    while (db_step(q, &e) > 0)
        assert_int_not_equal(fate[db_int(q, 0)], 0);
}

static void check_all(struct job_table *t, const struct promised *p)
{
    struct jobs_counts n;

    job_table_open(t);
    for (size_t i = 0; i < p->len; i++) {
        struct job_status s = row_status(t->j, p->list[i].id);
        assert_int_equal(s.seq, p->list[i].seq);
        if (p->list[i].what == 'k')
            check_replay(t->j, &p->list[i]);
        if (p->list[i].what != 'a' && p->list[i].what != 'k')
            assert_int_equal(s.state, JOB_DONE);
        else
            assert_int_not_equal(s.state, JOB_RUNNING); /* requeued at start */
    }
    check_outbox(t, p);
    jobs_counts(t->j, &n);
    assert_int_equal(n.queued + n.final, job_table_ask(t, "SELECT count(*) FROM job"));
    assert_int_equal(n.queued, job_table_ask(t, "SELECT count(*) FROM job WHERE state = 0"));
    t->j = jobs_close(t->j);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM job WHERE state = 2 AND expired = 0"
                                      " AND seq NOT IN (SELECT seq FROM report)"),
                     0);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM job WHERE expired = 0"
                                      " AND seq NOT IN (SELECT seq FROM body)"),
                     0);
    job_table_assert_sound(t);
}

static void no_promise_is_lost(void **state)
{
    struct job_table *t = *state;
    struct promised p = { 0 };

    t->j = jobs_close(t->j);
    srand((unsigned)time(NULL));
    for (int round = 0; round < ROUNDS; round++) {
        one_round(t, &p, round);
        t->config.retention_ms = 0;
        check_all(t, &p);
    }
    print_message("    %zu promises in %d kills, all kept\n", p.len, ROUNDS);
    assert_true(p.len >= ROUNDS);
    free(p.list);
    job_table_open(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_promise_is_lost, job_table_setup, job_table_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
