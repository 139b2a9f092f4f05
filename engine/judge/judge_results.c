#include "engine/judge/judge_results.h"

#include <stdlib.h>

#include "schema/base/err.h"
#include "schema/model/report.h"

int judge_results_open(struct judge_results *r, size_t max, struct err *e)
{
    r->tests = calloc(max > 0 ? max : 1, sizeof *r->tests);
    return r->tests ? 0 : err_set(e, ERR_NOMEM, "the results of %zu tests", max);
}

void judge_results_add(struct judge_results *r, struct test_report *t)
{
    r->tests[r->tests_len++] = *t;
    *t = (struct test_report){ .number = t->number };
}

void judge_results_fail_build(struct judge_results *r, struct buf *log, int exit_code)
{
    buf_clear(&r->build_log);
    r->build_failed = true;
    r->exit_code = exit_code;
    r->build_log = *log;
    *log = (struct buf){ .data = NULL };
}

void judge_results_clear(struct judge_results *r)
{
    for (size_t i = 0; i < r->tests_len; i++)
        report_clear_test(&r->tests[i]);
    free(r->tests);
    buf_clear(&r->build_log);
    *r = (struct judge_results){ .tests = NULL };
}
