/* tests/unit/test_look_ahead.c - rows that are claimed before a worker asks: they wait ahead of it,
 * or are judged while they are being committed. With a real job table, and a Docker of the test's
 * own. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "engine/queue/look_ahead.h"
#include "engine/queue/readiness.h"
#include "engine/queue/worker.h"
#include "schema/base/clock.h"
#include "schema/store/db.h"
#include "tests/support/assert_err.h"
#include "tests/support/fake_docker.h"
#include "tests/support/place.h"

static void hold_every_run(struct fake_run *r)
{
    r->way = r->order->collect == AGENT_COLLECT_NONE ? FAKE_HOLDS : FAKE_ANSWERS;
}

static int64_t ask(const char *sql)
{
    CLEANUP(db_closep) struct db *d = NULL;
    char path[200];
    int64_t number;

    (void)snprintf(path, sizeof path, "%s/scrc.db", place.dir);
    ASSERT_OK(db_open(path, DB_READER, &d, e));
    ASSERT_OK(db_number(d, sql, &number, e));
    return number;
}

/* ---- rows that wait ---- */

static int64_t count_ahead(void)
{
    return ask("SELECT count(*) FROM job WHERE state = 0 AND claim IS NOT NULL");
}

/* The one worker is held; as many rows are claimed ahead as there are workers. */
static void start_with_two_behind(struct submitted three[3])
{
    fake.on_run = hold_every_run;
    place_publish("c");
    place_start();
    three[0] = place_put("c", "first", 0);
    FAKE_AWAIT(fake.held > 0);
    three[1] = place_put("c", "second", 0);
    three[2] = place_put("c", "third", 0);
    FAKE_UNTIL(count_ahead() == 1);
    for (int i = 1; i < 3; i++)
        assert_int_equal(place_state(&three[i]), JOB_QUEUED);
}

static void one_that_waits_ahead_is_cancelled(void **state)
{
    struct submitted three[3];
    (void)state;
    start_with_two_behind(three);
    struct jobs_op op = { .kind = JOBS_CANCEL, .u.cancel.id = three[1].id };
    ASSERT_OK(jobs_do(place.jobs, &op, e));
    assert_true(op.u.cancel.claim != 0);
    place_expect(&three[1], "-", 0, "cancelled");
    assert_true(look_ahead_cancel(place.look_ahead, op.u.cancel.claim));
    assert_false(look_ahead_cancel(place.look_ahead, op.u.cancel.claim));
    assert_false(look_ahead_cancel(place.look_ahead, op.u.cancel.claim + 1));
    fake.on_run = NULL;
    fake_release();
    place_expect(&three[0], "OK", 1, "");
    place_expect(&three[2], "OK", 1, "");
}

static void a_stop_ends_the_claims_ahead(void **state)
{
    struct submitted three[3];
    (void)state;
    start_with_two_behind(three);
    readiness_stop(place.readiness);
    look_ahead_stop(place.look_ahead);
    assert_int_equal(count_ahead(), 0);
    fake_release();
    place.worker = worker_stop(place.worker, clock_mono_ns() + FAKE_WAIT_NS);
    place_expect(&three[0], "OK", 1, "");
    for (int i = 1; i < 3; i++)
        assert_int_equal(place_state(&three[i]), JOB_QUEUED);
    assert_int_equal(count_ahead(), 0);
}

/* What waits ahead when judging pauses is let go, for others may judge it, and is claimed again
 * afterwards. */
static void a_pause_lets_go_of_what_waits_ahead(void **state)
{
    struct submitted three[3];
    (void)state;
    start_with_two_behind(three);
    assert_true(readiness_pause(place.readiness, "the test says so"));
    fake.on_run = NULL;
    fake_release();
    place_expect(&three[0], "OK", 1, "");
    FAKE_UNTIL(place.running == 0);
    FAKE_UNTIL(count_ahead() == 0);
    for (int i = 1; i < 3; i++)
        assert_int_equal(place_state(&three[i]), JOB_QUEUED);
    assert_true(readiness_resume(place.readiness));
    place_expect(&three[1], "OK", 1, "");
    place_expect(&three[2], "OK", 1, "");
}

/* ---- rows that are judged before their commit ---- */

static struct {
    void (*give)(struct jobs_op *op, const char *json, size_t len); /* the engine's own */
    int64_t held; /* runs that are held before this one */
    int64_t rows; /* that a reader saw while it ran */
    int64_t claim;
    bool runs; /* a worker waits, which runs it at once */
    bool fail; /* the commit is to fail */
} commit;

/* ---- a disk that is full for the table's log, and for nothing else of this process ---- */

#define FDS      512
#define LOGS_MAX 16

static struct {
    int fd, own; /* own: a duplicate of what fd was */
} logs[LOGS_MAX];
static size_t logs_len;

static bool is_log(int fd)
{
    char name[40], path[300];

    (void)snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(name, path, sizeof path - 1);
    path[len > 0 ? len : 0] = '\0';
    return strstr(path, "/scrc.db-wal") != NULL;
}

static void fill_disk(void)
{
    CLEANUP(closep) int full = open("/dev/full", O_RDWR | O_CLOEXEC);

    assert_true(full >= 0);
    for (int fd = 3; fd < FDS; fd++) {
        if (!is_log(fd))
            continue;
        assert_true(logs_len < LOGS_MAX);
        logs[logs_len].fd = fd;
        logs[logs_len].own = fcntl(fd, F_DUPFD_CLOEXEC, FDS);
        assert_true(logs[logs_len++].own >= 0);
        assert_int_equal(dup3(full, fd, O_CLOEXEC), fd);
    }
    assert_true(logs_len > 0);
}

static void empty_disk(void)
{
    while (logs_len > 0) {
        logs_len--;
        assert_int_equal(dup3(logs[logs_len].own, logs[logs_len].fd, O_CLOEXEC), logs[logs_len].fd);
        (void)close(logs[logs_len].own);
    }
}

/* Between the claim and the commit. The writer waits here until a worker runs the program. */
static void give_and_await_run(struct jobs_op *op, const char *json, size_t len)
{
    commit.claim = op->u.claim.claim;
    commit.held = fake_count(&fake.held);
    commit.give(op, json, len);
    if (commit.runs)
        FAKE_AWAIT(fake.held > commit.held);
    commit.rows = ask("SELECT count(*) FROM job");
    if (commit.fail)
        fill_disk();
}

static struct jobs_op *claim_and_watch(void *ctx, int64_t rows)
{
    struct jobs_op *ops = look_ahead_claim(ctx, rows);

    for (struct jobs_op *op = ops; op; op = op->next) {
        commit.give = op->u.claim.before_commit;
        op->u.claim.before_commit = give_and_await_run;
    }
    return ops;
}

static void start_watched(void)
{
    commit.runs = true;
    commit.rows = -1;
    commit.fail = false;
    jobs_claim_with(place.jobs, claim_and_watch, place.look_ahead);
    fake.on_run = hold_every_run;
    place_publish("c");
    place_start();
}

static void it_runs_while_it_is_committed(void **state)
{
    (void)state;
    start_watched();
    struct submitted t = place_put("c", "hello", 0);
    assert_int_equal(commit.rows, 0);
    FAKE_UNTIL(place_state(&t) == JOB_RUNNING); /* one that was claimed ahead is begun behind */
    fake_release();
    place_expect(&t, "OK", 1, "");
}

/* Judging pauses for each claim that has failed. */
static void resume_and_expect_ok(const struct submitted *t)
{
    FAKE_UNTIL(((void)readiness_resume(place.readiness), place_state(t) == JOB_DONE));
    place_expect(t, "OK", 1, "");
}

static void what_is_not_committed_has_no_report(void **state)
{
    struct submitted t;
    struct err e;
    (void)state;
    start_watched();
    for (int i = 0; i < 3; i++) { /* more often than there are claims */
        commit.runs = commit.fail = true;
        fake_hold_again();
        assert_int_equal(place_send("c", "hello", 0, &t, &e), -1);
        assert_int_equal(e.kind, ERR_DISK);
        empty_disk();
        fake_release();
        FAKE_UNTIL(place.running == 0 && readiness_paused(place.readiness));
        assert_int_equal(ask("SELECT count(*) FROM job"), i);
        assert_int_equal(ask("SELECT count(*) FROM report"), i);

        commit.runs = commit.fail = false;
        t = place_put("c", "hello", 0);
        resume_and_expect_ok(&t);
    }
}

static void what_is_not_committed_is_not_begun(void **state)
{
    struct submitted first, second;
    struct err e;
    (void)state;
    start_watched();
    first = place_put("c", "first", 0);
    FAKE_UNTIL(place_state(&first) == JOB_RUNNING);
    commit.runs = false; /* the worker has the first one */
    commit.fail = true;
    assert_int_equal(place_send("c", "second", 0, &second, &e), -1);
    empty_disk();
    struct jobs_op later = { .kind = JOBS_BEGIN }; /* of no row: behind all that has failed */
    assert_int_equal(jobs_do(place.jobs, &later, &e), -1);
    assert_false(look_ahead_cancel(place.look_ahead, commit.claim)); /* it does not wait there */
    fake_release();
    place_expect(&first, "OK", 1, "");
    FAKE_UNTIL(place.running == 0 && readiness_paused(place.readiness));

    commit.fail = false;
    int64_t runs = fake_count(&fake.runs);
    second = place_put("c", "second", 0);
    resume_and_expect_ok(&second);
    assert_int_equal(fake_count(&fake.runs), runs + 2); /* it is built and run, once */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_PLACE(one_that_waits_ahead_is_cancelled),   ON_PLACE(a_stop_ends_the_claims_ahead),
        ON_PLACE(a_pause_lets_go_of_what_waits_ahead), ON_PLACE(it_runs_while_it_is_committed),
        ON_PLACE(what_is_not_committed_has_no_report), ON_PLACE(what_is_not_committed_is_not_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
