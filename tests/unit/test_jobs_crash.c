/* tests/unit/test_jobs_crash.c - kill -9 at random moments under load: what was said to be stored
 * is there, once, and the file is sound. */
#include "jobs_fixture.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

enum { ROUNDS = 25, THREADS = 6 };

/* What a child tells its parent: a row that it was promised. */
struct promise {
    char what; /* 'a'ccepted, 'f'inished, 't'old: its outbox row goes */
    int64_t seq;
    char id[40];
};

static int promises;
static int child_round;
static struct table *child_table;

static void promise(char what, int64_t seq, const char *id)
{
    struct promise p = { .what = what, .seq = seq };

    (void)snprintf(p.id, sizeof p.id, "%s", id);
    if (write(promises, &p, sizeof p) != sizeof p)
        _exit(1);
}

static void *load(void *arg)
{
    static const char *const c[] = { "c", NULL };
    long me = (long)arg;
    struct jobs *j = child_table->j;
    char id[40];

    for (int i = 0;; i++) {
        (void)snprintf(id, sizeof id, "r%d-t%ld-%d", child_round, me, i);
        promise('a', accept_ok(j, id, "c"), id);
        if (i % 3 == 0)
            continue;
        struct jobs_op op;
        struct err e = { 0 };
        int64_t seq = claim(j, c, &op);
        if (seq == 0)
            continue;
        if (i % 5 == 0) {
            (void)!give_back(j, seq, i % 2, &e);
            continue;
        }
        if (i % 7 == 0)
            continue; /* left running */
        finish_ok(j, seq, op.u.claim.id, VERDICT_OK, i);
        promise('f', seq, op.u.claim.id);
    }
    return NULL;
}

/* Tells Kafka, so to speak. */
static void *drain(void *arg)
{
    struct jobs *j = child_table->j;
    struct outbox_batch b;
    struct err e = { 0 };

    (void)arg;
    for (;;) {
        if (outbox_read(j, 0, 3, 1 << 20, &b, &e) < 0)
            _exit(1);
        int64_t numbers[3];
        for (size_t i = 0; i < b.len; i++) {
            numbers[i] = b.items[i].number;
            promise('t', b.items[i].seq, b.items[i].key);
        }
        struct jobs_op op = { .kind = JOBS_SENT, .u.sent = { .numbers = numbers, .len = b.len } };
        if (jobs_do(j, &op, &e) < 0)
            _exit(1);
        outbox_batch_clear(&b);
    }
    return NULL;
}

static void child(struct table *t, int fd, int round)
{
    pthread_t thread;

    promises = fd;
    child_round = round;
    child_table = t;
    t->config.retention_ms = round % 2 ? 20 : 0; /* retention at work in every other round */
    table_open(t);
    for (long i = 0; i < THREADS; i++)
        (void)pthread_create(&thread, NULL, load, (void *)i);
    if (round % 3)
        (void)pthread_create(&thread, NULL, drain, NULL);
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
    assert_true(WIFSIGNALED(status)); /* it did not end by itself */
}

static void one_round(struct table *t, struct promised *p, int round)
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
    read_promises(fds[0], p, 1 + (size_t)rand() % 200); /* at work, however slow the machine */
    kill_after(pid, rand() % 5000);
    read_promises(fds[0], p, SIZE_MAX);
    (void)close(fds[0]);
}

/* Every report is told: its row is there until somebody has read it in order to send it. */
static void check_outbox(const struct table *t, const struct promised *p)
{
    CLEANUP(freep) char *told = calloc((size_t)ask(t, "SELECT max(seq) + 1 FROM job") + 1, 1);
    int64_t gone = 0;

    for (size_t i = 0; i < p->len; i++)
        if (p->list[i].what == 't')
            told[p->list[i].seq] = 1;
    CLEANUP(db_closep) struct db *d = NULL;
    char path[250];
    struct err e = { 0 };
    (void)snprintf(path, sizeof path, "%s/scrc.db", t->dir);
    assert_int_equal(db_open(path, DB_READER, &d, &e), 0);
    CLEANUP(db_donep)
    struct db_stmt *q = db_prepare_once(
        d, "SELECT seq FROM job WHERE state = 2 AND seq NOT IN (SELECT seq FROM outbox)", &e);
    for (; db_step(q, &e) > 0; gone++)
        assert_true(told[db_int(q, 0)]);
    assert_int_equal(ask(t, "SELECT count(*) FROM job WHERE state = 2") - gone,
                     ask(t, "SELECT count(*) FROM outbox"));
}

static void check_all(struct table *t, const struct promised *p)
{
    struct jobs_counts n;

    table_open(t);
    for (size_t i = 0; i < p->len; i++) {
        struct job_status s = status_of(t->j, p->list[i].id);
        assert_int_equal(s.seq, p->list[i].seq);
        if (p->list[i].what != 'a')
            assert_int_equal(s.state, JOB_DONE);
        else
            assert_int_not_equal(s.state, JOB_RUNNING); /* given back by the start */
    }
    jobs_counts(t->j, &n);
    assert_int_equal(n.queued + n.final, ask(t, "SELECT count(*) FROM job"));
    assert_int_equal(n.queued, ask(t, "SELECT count(*) FROM job WHERE state = 0"));
    t->j = jobs_close(t->j);
    assert_int_equal(ask(t, "SELECT count(*) FROM job WHERE state = 2 AND expired = 0"
                            " AND seq NOT IN (SELECT seq FROM report)"),
                     0);
    assert_int_equal(ask(t, "SELECT count(*) FROM job WHERE expired = 0"
                            " AND seq NOT IN (SELECT seq FROM body)"),
                     0);
    check_outbox(t, p);
    assert_sound(t);
}

static void no_promise_is_lost(void **state)
{
    struct table *t = *state;
    struct promised p = { 0 };

    t->j = jobs_close(t->j);
    t->config.publish_all = true;
    srand((unsigned)time(NULL));
    for (int round = 0; round < ROUNDS; round++) {
        one_round(t, &p, round);
        t->config.retention_ms = 0;
        check_all(t, &p);
    }
    print_message("    %zu promises in %d kills, all kept\n", p.len, ROUNDS);
    assert_true(p.len >= ROUNDS);
    free(p.list);
    table_open(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_promise_is_lost, table_setup, table_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
