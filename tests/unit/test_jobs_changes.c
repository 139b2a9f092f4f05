/* tests/unit/test_jobs_changes.c - changes of rows: notified to listeners, and read after a
 * revision. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/model/report.h"
#include "schema/store/jobs_change.h"
#include "schema/store/jobs_read.h"
#include "tests/support/assert_err.h"
#include "tests/support/job_table.h"
#include "tests/support/row.h"

struct collected {
    char ids[400]; /* "b c a " */
    int64_t last, most;
};

static bool collect_item(void *ctx, const struct jobs_item *item)
{
    struct collected *t = ctx;
    json_auto_t *json = json_loadb(item->json, item->len, 0, NULL);
    size_t at = strlen(t->ids);

    assert_non_null(json);
    assert_true(item->revision > t->last); /* in order */
    t->last = item->revision;
    (void)snprintf(t->ids + at, sizeof t->ids - at, "%s=%s@%lld ",
                   json_string_value(json_object_get(json, "id")),
                   json_string_value(json_object_get(json, "state")),
                   json_integer_value(json_object_get(json, "position")));
    return t->most == 0 || --t->most > 0;
}

static void assert_since(struct job_table *t, int64_t after, int64_t limit, const char *ids)
{
    const struct jobs_items_query q = { .after = after, .limit = limit, .set = STATUS_SET_FULL };
    struct collected collected = { .last = after };
    struct err e = { 0 };

    if (jobs_items_since(t->j, &q, collect_item, &collected, &e) < 0)
        fail_msg("%s", e.msg);
    assert_string_equal(collected.ids, ids);
}

static int64_t last_change(struct job_table *t)
{
    struct jobs_counts c;

    jobs_counts(t->j, &c);
    return c.revision;
}

static void each_row_is_returned_once_in_its_present_state(void **state)
{
    struct job_table *t = *state;
    struct jobs_op op;
    struct err e = { 0 };

    assert_int_equal(last_change(t), 0);
    assert_since(t, 0, 10, "");
    (void)row_accept(t->j, "a", "c");
    (void)row_accept(t->j, "b", "c");
    int64_t before = last_change(t);
    (void)row_accept(t->j, "d", "c");
    assert_since(t, 0, 10, "a=queued@1 b=queued@2 d=queued@3 ");
    assert_since(t, before, 10, "d=queued@3 ");

    int64_t seq = row_claim_c(t->j);
    assert_since(t, 0, 10, "b=queued@1 d=queued@2 a=running@0 ");
    row_finish_ok(t->j, seq, "a", VERDICT_OK, 5);
    assert_since(t, before, 10, "d=queued@2 a=done@0 ");
    assert_int_equal(row_cancel(t->j, "b", &op, &e), 0);
    assert_since(t, 0, 10, "d=queued@1 a=done@0 b=cancelled@0 ");
    assert_since(t, 0, 2, "d=queued@1 a=done@0 "); /* the rest begins behind the last one */
    assert_since(t, row_status(t->j, "a").revision, 2, "b=cancelled@0 ");
    assert_since(t, last_change(t), 10, "");
    assert_int_equal(row_status(t->j, "b").revision, last_change(t));

    const struct jobs_items_query ten = { .limit = 10, .set = STATUS_SET_FULL };
    struct collected two = { .most = 2 };
    assert_int_equal(jobs_items_since(t->j, &ten, collect_item, &two, &e), 0);
    assert_string_equal(two.ids, "d=queued@1 a=done@0 ");
}

static void a_refused_operation_changes_nothing(void **state)
{
    struct job_table *t = *state;
    struct jobs_op op;
    struct err e = { 0 };

    (void)row_accept(t->j, "a", "c");
    int64_t before = last_change(t);
    assert_int_equal(row_send(t->j, "a", "c", "other", &op), -1);
    assert_int_equal(row_send(t->j, "a", "c", "print(1)", &op), 0); /* the same again */
    assert_int_equal(row_cancel(t->j, "nobody", &op, &e), -1);
    assert_int_equal(last_change(t), before);
    assert_since(t, before, 10, "");
}

/* A client that reconnects after a death of the server gets the requeued rows too. */
static void revisions_continue_after_a_restart(void **state)
{
    struct job_table *t = *state;

    (void)row_accept(t->j, "a", "c");
    (void)row_accept(t->j, "b", "c");
    (void)row_accept(t->j, "d", "c");
    (void)row_claim_c(t->j);
    (void)row_claim_c(t->j);
    int64_t before = last_change(t);
    job_table_reopen(t);
    assert_true(last_change(t) > before);
    assert_since(t, before, 10, "a=queued@1 b=queued@2 ");
    before = last_change(t);
    (void)row_accept(t->j, "f", "c");
    assert_since(t, before, 10, "f=queued@4 ");
    job_table_reopen(t);
    assert_since(t, before, 10, "f=queued@4 ");
}

static void one_row_is_returned(void **state)
{
    struct job_table *t = *state;
    struct collected collected = { .last = 0 };
    struct err e = { 0 };

    int64_t seq = row_accept(t->j, "a", "c");
    assert_int_equal(jobs_item_of(t->j, seq, STATUS_SET_FULL, collect_item, &collected, &e), 0);
    assert_string_equal(collected.ids, "a=queued@1 ");
    assert_int_equal(jobs_item_of(t->j, seq + 1, STATUS_SET_FULL, collect_item, &collected, &e),
                     -1);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
}

/* ---- listeners ---- */

struct heard {
    struct jobs_change last;
    char language[64];
    int64_t changes, highest;
};

static void record_changes(void *ctx, const struct jobs_change *changes, size_t len)
{
    struct heard *h = ctx;

    for (size_t i = 0; i < len; i++) {
        assert_true(changes[i].revision > h->highest);
        h->highest = changes[i].revision;
        h->last = changes[i];
        (void)snprintf(h->language, sizeof h->language, "%s",
                       changes[i].language ? changes[i].language : "");
        h->changes++;
    }
}

static void listeners_are_notified_of_each_step_of_a_row(void **state)
{
    struct job_table *t = *state;
    struct heard h = { .changes = 0 };
    struct err e = { 0 };
    struct jobs_op op;

    jobs_listen(t->j, record_changes, &h);
    (void)row_accept(t->j, "a", "c");
    assert_string_equal(h.language, "c");
    int64_t seq = row_claim_c(t->j);
    CLEANUP(report_freep) struct report *r = row_report("a", VERDICT_WA, 5);
    r->queue_ms = 11;
    r->build_ms = 22;
    r->run_ms = 33;
    if (row_finish(t->j, seq, r, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(h.changes, 3);
    assert_int_equal(h.last.state, JOB_DONE);
    assert_int_equal(h.last.verdict, VERDICT_WA);
    assert_string_equal(h.language, "c");
    assert_true(h.last.judged && h.last.queue_ms == 11 && h.last.build_ms == 22);
    assert_true(h.last.run_ms == 33 && h.last.total_ms >= 0 && h.last.total_ms < 60000);
    assert_int_equal(h.highest, last_change(t));

    (void)row_accept(t->j, "b", "java");
    assert_int_equal(row_cancel(t->j, "b", &op, &e), 0);
    assert_int_equal(h.last.state, JOB_CANCELLED);
    assert_string_equal(h.language, "java");
    assert_false(h.last.judged);
}

struct past {
    size_t rows, final;
    struct jobs_change last_final;
    char language[40];
};

static bool record_history_row(void *ctx, int64_t submitted_ms, int64_t finished_ms,
                               const struct jobs_change *c)
{
    struct past *p = ctx;

    assert_true(submitted_ms > 0);
    p->rows++;
    if (finished_ms == 0)
        return true;
    assert_true(finished_ms >= submitted_ms);
    p->final++;
    p->last_final = *c;
    (void)snprintf(p->language, sizeof p->language, "%s", c->language);
    return true;
}

static void history_has_recent_rows(void **state)
{
    struct job_table *t = *state;
    struct past p = { .rows = 0 }, later = { .rows = 0 };
    int64_t before = clock_wall_ms();
    struct err e = { 0 };

    (void)row_accept(t->j, "a", "c");
    (void)row_accept(t->j, "b", "java");
    int64_t seq = row_claim_c(t->j);
    CLEANUP(report_freep) struct report *r = row_report("a", VERDICT_TL, 5);
    if (row_finish(t->j, seq, r, &e) < 0 ||
        jobs_history(t->j, before, record_history_row, &p, &e) < 0 ||
        jobs_history(t->j, clock_wall_ms() + 1000, record_history_row, &later, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(p.rows, 2);
    assert_int_equal(p.final, 1);
    assert_string_equal(p.language, "c");
    assert_int_equal(p.last_final.verdict, VERDICT_TL);
    assert_true(p.last_final.judged && p.last_final.total_ms >= 0 && p.last_final.queue_ms >= 0);
    assert_true(p.last_final.build_ms == -1 && p.last_final.run_ms == -1);
    assert_int_equal(later.rows, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_TABLE(each_row_is_returned_once_in_its_present_state),
        ON_TABLE(a_refused_operation_changes_nothing),
        ON_TABLE(revisions_continue_after_a_restart),
        ON_TABLE(one_row_is_returned),
        ON_TABLE(listeners_are_notified_of_each_step_of_a_row),
        ON_TABLE(history_has_recent_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
