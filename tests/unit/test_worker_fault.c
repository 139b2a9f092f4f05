/* The action for a fault, for each stage and kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/queue/worker_fault.h"
#include "schema/base/base.h"

/* Every kind of error, by cause. */
enum cause { CANCELLED, HOST, IMAGE, OTHER, CAUSE_COUNT };

static const struct {
    enum err_kind kind;
    enum cause cause;
} kinds[] = {
    { ERR_CANCELLED, CANCELLED }, { ERR_DISK, HOST },      { ERR_HOST, HOST },
    { ERR_NOMEM, HOST },          { ERR_IMAGE, IMAGE },    { ERR_NONE, OTHER },
    { ERR_BUG, OTHER },           { ERR_SYNTAX, OTHER },   { ERR_INPUT, OTHER },
    { ERR_NOT_FOUND, OTHER },     { ERR_CONFLICT, OTHER }, { ERR_FINAL, OTHER },
    { ERR_QUEUE_FULL, OTHER },    { ERR_SETTING, OTHER },  { ERR_PLATFORM, OTHER },
    { ERR_UNAVAILABLE, OTHER },   { ERR_DOCKER, OTHER },   { ERR_CELL, OTHER },
    { ERR_TIMEOUT, OTHER },       { ERR_AGAIN, OTHER },
};

#define REQUEUE     WORKER_REQUEUE
#define COUNT       WORKER_COUNT
#define PAUSE       WORKER_PAUSE
#define HOST_FAULT  WORKER_HOST_FAULT
#define UNAVAILABLE WORKER_UNAVAILABLE
#define END         WORKER_END

/* clang-format off */
static const struct {
    enum worker_action answers[CAUSE_COUNT], away[CAUSE_COUNT]; /* by the result of a ping */
} expected[WORKER_STAGE_COUNT] = {
    /*                      cancelled   host        image        any other */
    [WORKER_READS] =    { { HOST_FAULT, HOST_FAULT, END,         END },
                          { HOST_FAULT, HOST_FAULT, END,         END } },
    [WORKER_PREPARES] = { { HOST_FAULT, HOST_FAULT, COUNT,       COUNT },
                          { HOST_FAULT, HOST_FAULT, COUNT,       COUNT } },
    [WORKER_ACQUIRES] = { { PAUSE,      PAUSE,      UNAVAILABLE, UNAVAILABLE },
                          { PAUSE,      PAUSE,      UNAVAILABLE, PAUSE } },
    [WORKER_LIMITS] =   { { HOST_FAULT, HOST_FAULT, UNAVAILABLE, COUNT },
                          { HOST_FAULT, HOST_FAULT, UNAVAILABLE, HOST_FAULT } },
    [WORKER_JUDGES] =   { { HOST_FAULT, HOST_FAULT, UNAVAILABLE, COUNT },
                          { HOST_FAULT, HOST_FAULT, UNAVAILABLE, HOST_FAULT } },
};
/* clang-format on */

static void check(int stage, size_t k, bool answers, bool aborted)
{
    const struct worker_fault fault = { .stage = (enum worker_stage)stage,
                                        .kind = kinds[k].kind,
                                        .docker_answers = answers,
                                        .aborted = aborted };
    enum cause cause = kinds[k].cause;
    enum worker_action wanted =
        answers ? expected[stage].answers[cause] : expected[stage].away[cause];

    if (aborted && cause == CANCELLED)
        wanted = REQUEUE;
    /* The table does not answer, which says nothing about the row. */
    if (stage == WORKER_READS &&
        (fault.kind == ERR_UNAVAILABLE || fault.kind == ERR_TIMEOUT || fault.kind == ERR_AGAIN))
        wanted = PAUSE;
    if (worker_fault(&fault) != wanted)
        fail_msg("%s, %s, Docker %s%s: %d", worker_fault_stage(fault.stage),
                 err_kind_name(fault.kind), answers ? "answers" : "is away",
                 aborted ? ", aborted" : "", (int)worker_fault(&fault));
}

/* Every stage and kind, whether Docker answers or not, stopped or not. */
static void by_stage_and_kind(void **state)
{
    (void)state;
    assert_int_equal(ARRAY_LEN(kinds), ERR_KIND_COUNT);
    for (int stage = 0; stage < WORKER_STAGE_COUNT; stage++)
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
            for (int bits = 0; bits < 4; bits++)
                check(stage, k, bits & 1, bits & 2);
}

/* A ping is needed where its answer decides, and nowhere else. */
static void pings_where_it_matters(void **state)
{
    (void)state;
    for (int s = 0; s < WORKER_STAGE_COUNT; s++) {
        for (int k = ERR_NONE + 1; k < ERR_KIND_COUNT; k++) {
            struct worker_fault fault = { .stage = (enum worker_stage)s,
                                          .kind = (enum err_kind)k,
                                          .docker_answers = true };
            enum worker_action there = worker_fault(&fault);
            fault.docker_answers = false;
            bool asks = worker_fault_needs_ping(fault.stage, fault.kind);
            assert_true(asks == (worker_fault(&fault) != there));
        }
        assert_true(worker_fault_stage((enum worker_stage)s)[0] != '\0');
    }
}

/* A fault that the submission cannot cause never counts. */
static void acquiring_counts_nothing(void **state)
{
    (void)state;
    for (int k = ERR_NONE + 1; k < ERR_KIND_COUNT; k++)
        for (int bits = 0; bits < 4; bits++) {
            const struct worker_fault fault = { .stage = WORKER_ACQUIRES,
                                                .kind = (enum err_kind)k,
                                                .docker_answers = bits & 1,
                                                .aborted = bits & 2 };
            enum worker_action a = worker_fault(&fault);
            assert_true(a == WORKER_REQUEUE || a == WORKER_PAUSE || a == WORKER_UNAVAILABLE);
        }
}

static void host_faults_end(void **state)
{
    struct worker_host_faults h;
    (void)state;

    worker_fault_open(&h);
    for (int i = 1; i < WORKER_HOST_FAULTS_MAX; i++)
        assert_int_equal(worker_fault_host(&h, WORKER_JUDGES, 1, i), WORKER_HOST_FAULT);
    assert_int_equal(worker_fault_host(&h, WORKER_JUDGES, 1, WORKER_HOST_FAULTS_MAX), WORKER_END);
    assert_int_equal(worker_fault_host(&h, WORKER_JUDGES, 2, 1), WORKER_HOST_FAULT);
    /* Others are judged between two faults of this one, so it is the cause. */
    worker_fault_judged(&h);
    assert_int_equal(worker_fault_host(&h, WORKER_JUDGES, 2, 2), WORKER_COUNT);
    assert_int_equal(worker_fault_host(&h, WORKER_JUDGES, 2, 3), WORKER_HOST_FAULT);
    worker_fault_judged(&h);
    assert_int_equal(worker_fault_host(&h, WORKER_JUDGES, 3, 1), WORKER_HOST_FAULT);
    /* Another server has counted the others. */
    assert_int_equal(worker_fault_host(&h, WORKER_JUDGES, 4, WORKER_HOST_FAULTS_MAX), WORKER_END);
    worker_fault_close(&h);
}

/* If it is the cause, another attempt may help, but not when the row cannot be read. */
static void own_action_by_stage(void **state)
{
    static const enum worker_action own[WORKER_STAGE_COUNT] = { [WORKER_READS] = END,
                                                                [WORKER_PREPARES] = COUNT,
                                                                [WORKER_ACQUIRES] = PAUSE,
                                                                [WORKER_LIMITS] = COUNT,
                                                                [WORKER_JUDGES] = COUNT };
    (void)state;

    for (int i = 0; i < WORKER_STAGE_COUNT; i++) {
        enum worker_stage stage = (enum worker_stage)i;
        struct worker_host_faults h;
        worker_fault_open(&h);
        assert_int_equal(worker_fault_host(&h, stage, 1, 1), WORKER_HOST_FAULT);
        worker_fault_judged(&h);
        assert_int_equal(worker_fault_host(&h, stage, 1, 2), own[stage]);
        worker_fault_close(&h);
    }
}

static void the_oldest_is_replaced(void **state)
{
    struct worker_host_faults h;
    (void)state;

    worker_fault_open(&h);
    for (int64_t seq = 1; seq <= WORKER_HOST_ROWS + 1; seq++)
        assert_int_equal(worker_fault_host(&h, WORKER_JUDGES, seq, 1), WORKER_HOST_FAULT);
    worker_fault_judged(&h);
    assert_int_equal(worker_fault_host(&h, WORKER_JUDGES, 2, 2), WORKER_COUNT);
    assert_int_equal(worker_fault_host(&h, WORKER_JUDGES, 1, 2), WORKER_HOST_FAULT);
    worker_fault_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_stage_and_kind),        cmocka_unit_test(pings_where_it_matters),
        cmocka_unit_test(acquiring_counts_nothing), cmocka_unit_test(host_faults_end),
        cmocka_unit_test(own_action_by_stage),      cmocka_unit_test(the_oldest_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
