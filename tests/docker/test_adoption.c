/* The engine with a second table: what a server that is gone has left is judged by another one. */
#include <jansson.h>
#include <stdio.h>

#include "engine/engine.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/store/jobs_read.h"
#include "schema/store/outbox.h"
#include "server/config.h"
#include "server/slot_adoption.h"
#include "tests/support/assert_err.h"
#include "tests/support/engine_fixture.h"
#include "tests/support/order.h"
#include "tests/support/report_json.h"

static struct {
    char dir[100];
    struct jobs_config table;
    struct slot_adoption *adoption;
    _Atomic int opened, closed;
    struct jobs *_Atomic jobs; /* the adopted one */
} slots;

static int setup(void **state)
{
    (void)state;
    if (engine_open(NULL) < 0)
        return -1;
    engine_await("python");
    (void)snprintf(slots.dir, sizeof slots.dir, "%.60s/slots", engine_fixture.dir);
    slots.table = engine_fixture.table;
    slots.table.dir = slots.dir;
    slots.table.publish_all = true;
    slots.table.lock_wait_ms = 20000; /* our own wait; the hook runs before the table is closed */
    slots.opened = slots.closed = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    slots.adoption = slot_adoption_close(slots.adoption);
    return engine_close();
}

/* Opens slot-0 in place of the own table. */
static struct jobs *enter(void)
{
    struct jobs_config c = slots.table;
    struct jobs *own = engine_fixture.jobs, *slot = NULL;
    char dir[120];
    struct err e = { 0 };

    (void)snprintf(dir, sizeof dir, "%s/slot-0", slots.dir);
    c.dir = dir;
    engine_check(jobs_open(&c, &slot, &e), &e, "open the slot");
    engine_fixture.jobs = slot;
    return own;
}

static void leave(struct jobs *own)
{
    (void)jobs_close(engine_fixture.jobs);
    engine_fixture.jobs = own;
}

static const struct order hello = { .language = "python",
                                    .source = "print(input())",
                                    .tests = { { "1", "1" } } };
static const struct order slow = { .language = "python",
                                   .source = "import time\ntime.sleep(1.5)\nprint(1)",
                                   .wall_ms = 20000,
                                   .tests = { { "", "1" } } };

static struct submitted leave_behind(const struct order *o)
{
    struct jobs *own = enter();
    struct submitted t = order_put(o);

    leave(own);
    return t;
}

static void on_opened(void *ctx, struct jobs *j)
{
    (void)ctx;
    slots.jobs = j;
    slots.opened++;
}

static void on_closing(void *ctx, struct jobs *j)
{
    (void)ctx;
    assert_ptr_equal(j, slots.jobs);
    slots.closed++;
}

static void start(bool kafka)
{
    struct slot_adoption_config c = { .table = &slots.table,
                                      .engine = engine_fixture.engine,
                                      .languages = engine_fixture.languages,
                                      .interval_ms = 100,
                                      .kafka = kafka,
                                      .opened = on_opened,
                                      .closing = on_closing };
    struct err e = { 0 };

    engine_check(slot_adoption_start(&c, &slots.adoption, &e), &e, "adoption");
}

static void await(const _Atomic int *what, int count)
{
    for (int i = 0; *what != count; i++) {
        if (i == ENGINE_WAIT_S * 100)
            fail_msg("%d, not %d", *what, count);
        engine_sleep_ms(10);
    }
}

static struct jobs_counts counts(void)
{
    struct jobs_counts n;

    jobs_counts(slots.jobs, &n);
    return n;
}

static void await_running(int64_t running)
{
    for (int i = 0; counts().running != running; i++) {
        if (i == ENGINE_WAIT_S * 100)
            fail_msg("it does not run");
        engine_sleep_ms(10);
    }
}

static void expect_verdict(const struct submitted *t)
{
    json_auto_t *report = order_report(t);

    report_expect(report, "OK", t->id);
    assert_int_equal(report_int(report, "attempts"), 1);
}

/* ---- */

static void test_it_is_judged_and_released(void **state)
{
    (void)state;
    struct submitted left[] = { leave_behind(&hello), leave_behind(&slow), leave_behind(&hello) };
    struct jobs_counts n;

    start(false);
    struct submitted mine = order_put(&hello); /* the own table is judged meanwhile */
    expect_verdict(&mine);
    await(&slots.closed, 1);
    assert_int_equal(slots.opened, 1);
    struct jobs *own = enter(); /* the slot is free again, and all reports are in it */
    for (size_t i = 0; i < ARRAY_LEN(left); i++)
        expect_verdict(&left[i]);
    leave(own);
    jobs_counts(engine_fixture.jobs, &n);
    assert_int_equal(n.final, 1);

    /* Once more, when nothing else wakes the workers. */
    for (size_t i = 0; i < ARRAY_LEN(config_languages); i++)
        engine_await(config_languages[i]);
    (void)leave_behind(&hello);
    await(&slots.closed, 2);
}

/* Both tables have a row 1; a cancel means that of the own table. */
static void test_numbers_of_two_tables_are_apart(void **state)
{
    (void)state;
    struct submitted mine = order_put(&hello), left = leave_behind(&slow);

    assert_int_equal(mine.seq, left.seq);
    expect_verdict(&mine);
    start(false);
    await(&slots.opened, 1);
    await_running(1);
    engine_cancel(engine_fixture.engine, mine.seq);
    await(&slots.closed, 1);
    struct jobs *own = enter();
    expect_verdict(&left);
    leave(own);
}

static void test_it_is_kept_until_all_is_published(void **state)
{
    (void)state;
    int64_t rows = 0, oldest = 0, number = 1;
    struct jobs_op op = { .kind = JOBS_SENT, .u.sent = { .numbers = &number, .len = 1 } };
    struct err e = { 0 };

    (void)leave_behind(&hello);
    start(true);
    await(&slots.opened, 1);
    for (int i = 0; rows != 1 && i < ENGINE_WAIT_S * 100; i++) {
        outbox_counts(slots.jobs, &rows, &oldest);
        engine_sleep_ms(10);
    }
    assert_int_equal(rows, 1);
    engine_sleep_ms(500); /* several checks of the slot */
    assert_int_equal(slots.closed, 0);
    engine_check(jobs_do(slots.jobs, &op, &e), &e, "sent");
    await(&slots.closed, 1);
}

/* What is running at a stop is requeued in its own table, without counting an attempt. */
static void test_stopping_requeues(void **state)
{
    (void)state;
    struct submitted left = leave_behind(&slow);
    struct job_status status;
    struct err e = { 0 };

    start(false);
    await(&slots.opened, 1);
    await_running(1);
    slot_adoption_halt(slots.adoption);
    engine_fixture.engine = engine_stop(engine_fixture.engine, clock_mono_ns());
    assert_int_equal(slots.closed, 0);
    assert_int_equal(counts().running, 0);
    slots.adoption = slot_adoption_close(slots.adoption);
    assert_int_equal(slots.closed, 1);

    struct jobs *own = enter();
    engine_check(jobs_status(engine_fixture.jobs, left.id, &status, &e), &e, "status");
    assert_int_equal(status.state, JOB_QUEUED);
    leave(own);
}

#define ON_ENGINE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ENGINE(test_it_is_judged_and_released),
        ON_ENGINE(test_numbers_of_two_tables_are_apart),
        ON_ENGINE(test_it_is_kept_until_all_is_published),
        ON_ENGINE(test_stopping_requeues),
    };
    log_init(LOG_WARNING, false);
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
