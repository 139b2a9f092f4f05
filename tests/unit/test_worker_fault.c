/* What a fault means, stage by stage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/queue/worker_fault.h"
#include "schema/base/base.h"

/* Kinds for which nobody needs to ask Docker, then one of all the others. */
static const enum err_kind kinds[] = { ERR_CANCELLED, ERR_DISK,    ERR_HOST,
                                       ERR_NOMEM,     ERR_IMAGE,   ERR_CELL,
                                       ERR_BUG,       ERR_TIMEOUT, ERR_UNAVAILABLE };

#define REQUEUE     WORKER_REQUEUE
#define COUNT       WORKER_COUNT
#define PAUSE       WORKER_PAUSE
#define HOST        WORKER_HOST_FAULT
#define UNAVAILABLE WORKER_UNAVAILABLE
#define END         WORKER_END

static const struct row {
    enum worker_stage stage;
    bool answers, aborted;
    enum worker_action actions[ARRAY_LEN(kinds)];
} table[] = {
    /* Docker answers, and nobody has stopped it */
    { WORKER_READS, true, false, { HOST, HOST, HOST, HOST, END, END, END, END, END } },
    { WORKER_PREPARES, true, false, { HOST, HOST, HOST, HOST, COUNT, COUNT, COUNT, COUNT, COUNT } },
    { WORKER_ACQUIRES,
      true,
      false,
      { PAUSE, PAUSE, PAUSE, PAUSE, UNAVAILABLE, UNAVAILABLE, UNAVAILABLE, UNAVAILABLE,
        UNAVAILABLE } },
    { WORKER_LIMITS,
      true,
      false,
      { HOST, HOST, HOST, HOST, UNAVAILABLE, COUNT, COUNT, COUNT, COUNT } },
    { WORKER_JUDGES,
      true,
      false,
      { HOST, HOST, HOST, HOST, UNAVAILABLE, COUNT, COUNT, COUNT, COUNT } },
    /* Docker is away */
    { WORKER_ACQUIRES,
      false,
      false,
      { PAUSE, PAUSE, PAUSE, PAUSE, UNAVAILABLE, PAUSE, PAUSE, PAUSE, PAUSE } },
    { WORKER_LIMITS,
      false,
      false,
      { HOST, HOST, HOST, HOST, UNAVAILABLE, HOST, HOST, HOST, HOST } },
    { WORKER_JUDGES,
      false,
      false,
      { HOST, HOST, HOST, HOST, UNAVAILABLE, HOST, HOST, HOST, HOST } },
    /* it was stopped */
    { WORKER_ACQUIRES,
      true,
      true,
      { REQUEUE, PAUSE, PAUSE, PAUSE, UNAVAILABLE, UNAVAILABLE, UNAVAILABLE, UNAVAILABLE,
        UNAVAILABLE } },
    { WORKER_JUDGES,
      true,
      true,
      { REQUEUE, HOST, HOST, HOST, UNAVAILABLE, COUNT, COUNT, COUNT, COUNT } },
};

static void by_stage_and_kind(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
            const struct worker_fault f = { .stage = table[i].stage,
                                            .kind = kinds[k],
                                            .docker_answers = table[i].answers,
                                            .aborted = table[i].aborted };
            if (worker_fault(&f) != table[i].actions[k])
                fail_msg("row %zu, %s: %d", i, err_kind_name(kinds[k]), (int)worker_fault(&f));
        }
    }
}

/* A ping is asked for where its answer decides, and nowhere else. */
static void asks_where_it_matters(void **state)
{
    (void)state;
    for (int s = 0; s < WORKER_STAGE_COUNT; s++) {
        for (int k = ERR_NONE + 1; k < ERR_KIND_COUNT; k++) {
            struct worker_fault f = { .stage = (enum worker_stage)s,
                                      .kind = (enum err_kind)k,
                                      .docker_answers = true };
            enum worker_action there = worker_fault(&f);
            f.docker_answers = false;
            bool asks = worker_fault_asks(f.stage, f.kind);
            assert_true(asks == (worker_fault(&f) != there));
        }
        assert_true(worker_fault_stage((enum worker_stage)s)[0] != '\0');
    }
}

/* Nothing that happens before the submission has a part in it may ever be counted. */
static void acquiring_counts_nothing(void **state)
{
    (void)state;
    for (int k = ERR_NONE + 1; k < ERR_KIND_COUNT; k++)
        for (int bits = 0; bits < 4; bits++) {
            const struct worker_fault f = { .stage = WORKER_ACQUIRES,
                                            .kind = (enum err_kind)k,
                                            .docker_answers = bits & 1,
                                            .aborted = bits & 2 };
            enum worker_action a = worker_fault(&f);
            assert_true(a == WORKER_REQUEUE || a == WORKER_PAUSE || a == WORKER_UNAVAILABLE);
        }
}

static void host_faults_end(void **state)
{
    struct worker_host_faults h;
    const char own[] = "a table", other[] = "another";
    (void)state;

    worker_fault_open(&h);
    for (int i = 1; i < WORKER_HOST_FAULTS_MAX; i++) {
        assert_int_equal(worker_fault_host(&h, own, 1), WORKER_HOST_FAULT);
        assert_int_equal(worker_fault_host(&h, other, 1), WORKER_HOST_FAULT);
    }
    assert_int_equal(worker_fault_host(&h, own, 1), WORKER_END);
    assert_int_equal(worker_fault_host(&h, own, 2), WORKER_HOST_FAULT);
    /* Others are judged between two faults of this one: it is its own doing. */
    worker_fault_judged(&h);
    assert_int_equal(worker_fault_host(&h, own, 2), WORKER_COUNT);
    assert_int_equal(worker_fault_host(&h, own, 2), WORKER_HOST_FAULT);
    worker_fault_judged(&h);
    assert_int_equal(worker_fault_host(&h, own, 3), WORKER_HOST_FAULT);
    worker_fault_close(&h);
}

static void the_oldest_is_forgotten(void **state)
{
    struct worker_host_faults h;
    const char table_[] = "t";
    (void)state;

    worker_fault_open(&h);
    for (int64_t seq = 0; seq <= WORKER_HOST_ROWS; seq++)
        assert_int_equal(worker_fault_host(&h, table_, seq), WORKER_HOST_FAULT);
    worker_fault_judged(&h);
    assert_int_equal(worker_fault_host(&h, table_, 1), WORKER_COUNT);
    assert_int_equal(worker_fault_host(&h, table_, 0), WORKER_HOST_FAULT);
    worker_fault_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_stage_and_kind),        cmocka_unit_test(asks_where_it_matters),
        cmocka_unit_test(acquiring_counts_nothing), cmocka_unit_test(host_faults_end),
        cmocka_unit_test(the_oldest_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
