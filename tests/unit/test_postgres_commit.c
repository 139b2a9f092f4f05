/* tests/unit/test_postgres_commit.c - a job table in a database whose COMMIT gets no answer:
 * nothing is stored twice, nothing is lost, and no row stays with a claim that nobody knows of. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/text.h"
#include "tests/support/assert_err.h"
#include "tests/support/cut_proxy.h"
#include "tests/support/job_table.h"
#include "tests/support/postgres.h"
#include "tests/support/row.h"
#include "tests/support/scratch.h"

#define PATIENCE_NS (60 * NS_PER_S)

struct place {
    struct job_table table; /* its url: not through the proxy, once it is open */
    struct servant proxy;
};

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    const char *url = postgres_url();

    assert_int_equal(text_init(), 0);
    (void)snprintf(p->table.dir, sizeof p->table.dir, "/tmp/test_commit.XXXXXX");
    assert_non_null(mkdtemp(p->table.dir));
    cut_proxy_open(&p->proxy, url);
    p->table.url = p->proxy.ready;
    p->table.config = (struct jobs_config){ .instance = "one", .max_queued = 1000 };
    job_table_open(&p->table);
    p->table.url = url;
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;

    p->table.j = jobs_close(p->table.j);
    servant_close(&p->proxy);
    scratch_remove(p->table.dir);
    postgres_drop(p->table.url);
    free(p);
    return 0;
}

static const char without_id[] = "{\"language\":\"c\",\"source\":\"1\"}";

/* The database has it or not: in both cases it is there once, and who sent it hears so. */
static void what_was_accepted_is_there_once(void **state)
{
    struct place *p = *state;
    struct jobs_op op;

    for (int i = 0; i < 10; i++) {
        servant_tell(&p->proxy, i % 2 == 0 ? "cut answer 1" : "cut commit 1");
        assert_int_equal(row_send_json(p->table.j, without_id, &op), 0);
        servant_tell(&p->proxy, "wait");
    }
    assert_int_equal(job_table_ask(&p->table, "SELECT count(*) FROM job"), 10);
    assert_int_equal(job_table_ask(&p->table, "SELECT count(*) FROM feed"), 10);
}

/* A claim fails after which the database is away. Returns whether it is stored: the commit that was
 * cut may have been another one. */
static bool claim_and_lose(struct place *p)
{
    static const char *const c_only[] = { "c", NULL };
    struct jobs_op op = { .kind = JOBS_CLAIM, .u.claim.languages = c_only };
    struct jobs_counts counts;

    servant_tell(&p->proxy, "cut answer 1 refuse");
    ASSERT_ERR(ERR_UNAVAILABLE, jobs_do(p->table.j, &op, e));
    jobs_counts(p->table.j, &counts);
    assert_false(counts.writable);
    return job_table_ask(&p->table, "SELECT count(*) FROM job WHERE claim IS NOT NULL") == 1;
}

static void wait_writable(struct jobs *j)
{
    int64_t until = clock_mono_ns() + PATIENCE_NS;
    struct jobs_counts counts;

    for (jobs_counts(j, &counts); !counts.writable; jobs_counts(j, &counts)) {
        assert_true(clock_mono_ns() < until);
        (void)usleep(5000);
    }
}

static void a_claim_that_nobody_knows_of_is_given_back(void **state)
{
    struct place *p = *state;
    int64_t until = clock_mono_ns() + PATIENCE_NS, seq = row_accept(p->table.j, "a", "c");
    bool stored = false;
    struct jobs_op op;

    for (int i = 0; i < 5 && !stored; i++) {
        stored = claim_and_lose(p);
        servant_tell(&p->proxy, "pass");
        wait_writable(p->table.j);
    }
    assert_true(stored);
    static const char *const c_only[] = { "c", NULL };
    while (row_claim(p->table.j, c_only, &op) == 0) {
        assert_true(clock_mono_ns() < until);
        (void)usleep(5000);
    }
    assert_int_equal(op.u.claim.seq, seq);
    assert_int_equal(op.u.claim.attempts, 1);
    row_finish_ok(p->table.j, seq, "a", VERDICT_OK, 1);
    assert_int_equal(row_status(p->table.j, "a").state, JOB_DONE);
}

/* A worker that finds nothing has the database's disk write nothing. */
static void a_claim_of_nothing_stores_nothing(void **state)
{
    static const char sum[] = "SELECT coalesce(sum(committed), 0)::bigint FROM writer";
    struct place *p = *state;

    (void)row_accept(p->table.j, "a", "java");
    int64_t before = job_table_ask(&p->table, sum);
    assert_true(before > 0);
    assert_int_equal(row_claim_c(p->table.j), 0);
    assert_int_equal(job_table_ask(&p->table, sum), before);
}

static struct jobs_op *be_silent(void *ctx, int64_t rows)
{
    int *times = ctx;

    (void)rows;
    if ((*times)++ == 0)
        (void)usleep(1500000); /* on the writer thread, in the transaction */
    return NULL;
}

/* Its locks are gone before others have waited for long; who stands still stores it later. */
static void a_group_that_was_silent_is_tried_again(void **state)
{
    struct place *p = *state;
    int times = 0;

    jobs_claim_with(p->table.j, be_silent, &times);
    (void)row_accept(p->table.j, "a", "c");
    assert_int_equal(times, 1);
    assert_int_equal(job_table_ask(&p->table, "SELECT count(*) FROM job"), 1);
    jobs_claim_with(p->table.j, NULL, NULL);
}

/* As after a failover to a replica that lags. */
static void what_a_failover_lost_is_not_counted(void **state)
{
    struct place *p = *state;
    int64_t until = clock_mono_ns() + PATIENCE_NS;
    struct jobs_counts counts;

    (void)row_accept(p->table.j, "a", "c");
    (void)row_accept(p->table.j, "b", "c");
    job_table_write(&p->table, "DELETE FROM job WHERE id = 'b'");
    jobs_counts(p->table.j, &counts);
    assert_int_equal(counts.queued, 2);
    servant_tell(&p->proxy, "cut");
    servant_tell(&p->proxy, "pass");
    do {
        assert_true(clock_mono_ns() < until);
        (void)usleep(5000);
        jobs_counts(p->table.j, &counts);
    } while (counts.queued != 1);
    wait_writable(p->table.j);
    (void)row_accept(p->table.j, "d", "c");
    jobs_counts(p->table.j, &counts);
    assert_int_equal(counts.queued, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_accepted_is_there_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_claim_that_nobody_knows_of_is_given_back, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_claim_of_nothing_stores_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_group_that_was_silent_is_tried_again, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_failover_lost_is_not_counted, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
