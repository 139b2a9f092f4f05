/* Tests of one submission ahead of their turn, on a Docker of the test's own: who has a core, and
 * what becomes of a run that nobody will see. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/judge/judge.h"
#include "engine/language/language.h"
#include "engine/pool/lease.h"
#include "engine/pool/permits.h"
#include "schema/model/report.h"
#include "schema/model/submission.h"
#include "tests/support/assert_err.h"
#include "tests/support/fake_docker.h"
#include "tests/support/fake_pool.h"

static struct place {
    struct language_table *languages;
    struct pool *pool;
    struct permits *permits;
    struct lease lease;
    struct toolchain *python;
    int64_t numbers[8]; /* of the tests that were published */
    size_t numbers_len; /* all that came, also those there is no room for */
    atomic_bool third_began;
    char cells[3][80]; /* where the runs with the inputs 1, 2 and 3 were */
} place;

static void on_event(void *ctx, const struct engine_event *event)
{
    (void)ctx;
    if (event->kind == ENGINE_TESTED)
        place.numbers[place.numbers_len++ % ARRAY_LEN(place.numbers)] = event->number;
}

/* Input a: a long first run, so that one more cell is worth it. b, and w, which prints what is
 * wrong, answer when the run of another test has begun, so they show that it is ahead. */
static void on_run(struct fake_run *r)
{
    if (strcmp(r->source, "echoes") != 0)
        return;
    r->out = strcmp(r->input, "w") == 0 ? "wrong" : r->input;
    /* Long, so that the next one waits long enough for a cell, or short. */
    r->cpu_ns = strcmp(r->input, "s") == 0 ? NS_PER_MS / 2 : 10 * NS_PER_S;
    if (strcmp(r->input, "b") == 0 || strcmp(r->input, "w") == 0)
        r->way = FAKE_HOLDS;
    if (r->input[0] >= '1' && r->input[0] <= '3')
        (void)snprintf(place.cells[r->input[0] - '1'], sizeof place.cells[0], "%s", r->name);
    if (strcmp(r->input, "silent") == 0)
        r->way = FAKE_SILENT;
    if (strcmp(r->input, "dies") == 0 || strcmp(r->input, "c") == 0) {
        atomic_store(&place.third_began, true);
        fake_release();
    }
    if (strcmp(r->input, "dies") == 0)
        r->way = FAKE_HANGS_UP;
}

static int open_place(void **state)
{
    place = (struct place){ .pool = NULL };
    if (fake_open(state) < 0)
        return -1;
    fake.on_run = on_run;
    fake.config.on_event = on_event;
    fake.config.cell_uses = 100;
    fake.config.default_time_ms = fake.config.max_time_ms = 60000;
    place.pool = fake_pool(2);
    ASSERT_OK(permits_open(2, &place.permits, e));
    ASSERT_OK(language_table_open(NULL, NULL, 0, &place.languages, e));
    ASSERT_OK(lease_init(&place.lease, &fake.config, &fake.cell_host, e));
    place.lease.permits = place.permits;
    place.python = fake_plan(place.languages, "python", place.pool);
    return 0;
}

static int close_place(void **state)
{
    lease_clear(&place.lease);
    assert_true(permits_idle(place.permits)); /* whatever was taken is given back */
    place.permits = permits_free(place.permits);
    place.pool = pool_stop(place.pool);
    (void)toolchain_free(place.python);
    place.languages = language_table_free(place.languages);
    return fake_close(state);
}
#define ON_PLACE(test) cmocka_unit_test_setup_teardown(test, open_place, close_place)

static bool one_core(void) { return sysconf(_SC_NPROCESSORS_ONLN) < 2; }

static struct bytes bytes_of(const char *text)
{
    return (struct bytes){ .data = (char *)(uintptr_t)text, .len = strlen(text) };
}

#define TESTS_MAX 100

/* Tests with these inputs, which are the expected outputs too; the last input is that of all
 * further ones. */
static int judge_tests_of(const char *const inputs[3], size_t len, bool stop,
                          struct report **ret_report, struct err *e)
{
    struct test tests[TESTS_MAX];
    struct submission s = {
        .language = (char *)(uintptr_t) "python",
        .source = { .files = &(struct source_file){ .bytes = bytes_of("echoes") }, .len = 1 },
        .checker = { .kind = CHECKER_LINES, .case_sensitive = true },
        .stop_on_failure = stop,
        .tests = tests,
        .tests_len = len
    };

    for (size_t i = 0; i < len; i++)
        tests[i] = (struct test){ .number = (int64_t)i + 1,
                                  .input = bytes_of(inputs[i < 2 ? i : 2]),
                                  .expected = bytes_of(inputs[i < 2 ? i : 2]) };
    lease_begin(&place.lease, place.pool, 5);
    int rc = judge_submission(&place.lease, place.python, &s, ret_report, e);
    lease_end(&place.lease);
    return rc;
}

static int judge(const char *const inputs[3], bool stop, struct report **ret_report, struct err *e)
{
    return judge_tests_of(inputs, 3, stop, ret_report, e);
}

static void results_come_in_order(void **state)
{
    const char *const inputs[] = { "a", "b", "c" };
    CLEANUP(report_freep) struct report *r = NULL;
    (void)state;

    if (one_core())
        skip();
    ASSERT_OK(judge(inputs, true, &r, e));
    assert_int_equal(r->verdict, VERDICT_OK);
    assert_int_equal(place.numbers_len, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(place.numbers[i], i + 1);
        assert_string_equal(r->tests[i].out.data, inputs[i]);
    }
}

/* The run behind the failure has lost its cell, and nobody will know. */
static void a_fault_behind_a_failure_is_dropped(void **state)
{
    CLEANUP(report_freep) struct report *r = NULL;
    (void)state;

    if (one_core())
        skip();
    ASSERT_OK(judge((const char *[]){ "a", "w", "dies" }, true, &r, e));
    assert_true(atomic_load(&place.third_began));
    assert_int_equal(r->tests[1].verdict, VERDICT_WA);
    assert_int_equal(r->tests[2].verdict, VERDICT_NONE);
    assert_false(r->tests[2].ran);
    assert_int_equal(place.numbers_len, 2);
}

static void a_fault_at_its_turn_is_an_error(void **state)
{
    struct report *r = NULL;
    (void)state;

    if (one_core())
        skip();
    ASSERT_ERR(ERR_CELL, judge((const char *[]){ "a", "w", "dies" }, false, &r, e));
    assert_int_equal(place.numbers_len, 2);
    assert_int_equal(place.lease.stage, LEASE_USES);
}

static void *abort_both(void *arg)
{
    (void)arg;
    FAKE_AWAIT(fake.held == 2);
    assert_true(lease_abort(&place.lease, 5));
    return NULL;
}

static void a_stop_reaches_all(void **state)
{
    struct report *r = NULL;
    pthread_t thread;
    (void)state;

    if (one_core())
        skip();
    assert_int_equal(pthread_create(&thread, NULL, abort_both, NULL), 0);
    ASSERT_ERR(ERR_CANCELLED, judge((const char *[]){ "a", "silent", "silent" }, true, &r, e));
    (void)pthread_join(thread, NULL);
}

/* A run that is ahead is in another cell than the one before it, which still has its own. */
static void in_order_when_no_core_is_idle(void **state)
{
    CLEANUP(report_freep) struct report *r = NULL;
    (void)state;

    permits_take(place.permits); /* another worker's; the lease takes the other one of two */
    ASSERT_OK(judge((const char *[]){ "1", "2", "3" }, true, &r, e));
    assert_int_equal(r->verdict, VERDICT_OK);
    assert_int_equal(place.numbers_len, 3);
    assert_string_equal(place.cells[1], place.cells[0]);
    assert_string_equal(place.cells[2], place.cells[0]);
    permits_give(place.permits);
}

/* Runs of a millisecond: a container that the pool would not keep costs more than all of them. */
static void no_cell_is_made_beyond_the_cores(void **state)
{
    CLEANUP(report_freep) struct report *r = NULL;
    (void)state;

    if (one_core())
        skip();
    for (int i = 0; i < 3; i++) {
        ASSERT_OK(judge_tests_of((const char *[]){ "s", "s", "s" }, TESTS_MAX, true, &r, e));
        assert_int_equal(r->verdict, VERDICT_OK);
        assert_int_equal(fake_count(&fake.created), 2);
        r = report_free(r);
    }
}

/* ---- cores ---- */

static void *enter(void *arg)
{
    permits_take(place.permits);
    atomic_store((atomic_bool *)arg, true);
    return NULL;
}

/* Three of two: the last one waits, and meanwhile nothing more goes ahead. */
static void a_worker_comes_before_further_runs(void **state)
{
    atomic_bool entered = false;
    pthread_t thread;
    (void)state;

    if (one_core())
        skip();
    permits_take(place.permits);
    assert_true(permits_try(place.permits));
    assert_false(permits_idle(place.permits));
    assert_false(permits_try(place.permits));
    assert_int_equal(pthread_create(&thread, NULL, enter, &entered), 0);
    permits_give(place.permits);
    (void)pthread_join(thread, NULL);
    assert_true(atomic_load(&entered));
    assert_false(permits_try(place.permits));
    permits_give(place.permits);
    permits_give(place.permits);
}

static void closing_ends_the_wait(void **state)
{
    struct permits *own = place.permits, *c = NULL;
    atomic_bool entered = false;
    pthread_t thread;
    (void)state;

    ASSERT_OK(permits_open(1, &c, e));
    place.permits = c;
    permits_take(c);
    assert_int_equal(pthread_create(&thread, NULL, enter, &entered), 0);
    permits_close(c);
    (void)pthread_join(thread, NULL);
    assert_true(atomic_load(&entered));
    assert_false(permits_try(c));
    place.permits = own;
    assert_null(permits_free(c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_PLACE(results_come_in_order),
        ON_PLACE(a_fault_behind_a_failure_is_dropped),
        ON_PLACE(a_fault_at_its_turn_is_an_error),
        ON_PLACE(a_stop_reaches_all),
        ON_PLACE(in_order_when_no_core_is_idle),
        ON_PLACE(a_worker_comes_before_further_runs),
        ON_PLACE(no_cell_is_made_beyond_the_cores),
        ON_PLACE(closing_ends_the_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
