/* tests/unit/test_jobs_order.c - in which order rows are claimed: by priority, and among owners in
 * turn. */
#include <stdio.h>
#include <string.h>

#include "schema/store/jobs_order.h"
#include "schema/store/jobs_read.h"
#include "tests/support/assert_err.h"
#include "tests/support/job_table.h"
#include "tests/support/row.h"

static const char *const all[] = { "c", "go", NULL };
static const char *const go_only[] = { "go", NULL };

/* owner NULL: none. */
static void send(struct jobs *j, const char *id, const char *language, const char *owner,
                 int priority)
{
    char json[300], named[100] = "";
    struct jobs_op op;

    if (owner)
        (void)snprintf(named, sizeof named, "\"owner\":\"%s\",", owner);
    (void)snprintf(json, sizeof json,
                   "{\"id\":\"%s\",\"language\":\"%s\",%s\"priority\":%d,\"source\":\"x\"}", id,
                   language, named, priority);
    assert_int_equal(row_send_json(j, json, &op), 0);
    if (!jobs_is_shared(j))
        assert_int_equal(op.u.accept.position, row_status(j, id).position);
}

/* owner's rows <owner>1 to <owner>len. */
static void flood(struct jobs *j, const char *owner, const char *language, int len)
{
    char id[40];

    for (int i = 1; i <= len; i++) {
        (void)snprintf(id, sizeof id, "%s%d", owner, i);
        send(j, id, language, owner, 0);
    }
}

/* Claims rows in these languages, at most len, and checks their ids and that each was the first.
 * Ids are separated by blanks. */
static void assert_claims_in(struct jobs *j, const char *const *languages, const char *ids)
{
    char claimed[1000] = "";
    size_t len = 0;

    for (size_t left = strlen(ids); len < left;) {
        struct jobs_op op;
        if (row_claim(j, languages, &op) == 0)
            break;
        len += (size_t)snprintf(claimed + len, sizeof claimed - len, "%s%s", len > 0 ? " " : "",
                                op.u.claim.id);
    }
    assert_string_equal(claimed, ids);
}

static void assert_claims(struct jobs *j, const char *ids) { assert_claims_in(j, all, ids); }

static void ranks_are_in_the_order_of_priorities(void **state)
{
    (void)state;
    assert_int_equal(jobs_order_lowest(SUBMISSION_PRIORITY_MAX), 0);
    for (int p = -SUBMISSION_PRIORITY_MAX; p < SUBMISSION_PRIORITY_MAX; p++) {
        int64_t gap = jobs_order_lowest(p) - jobs_order_lowest(p + 1);
        assert_int_equal(gap, INT64_C(1) << JOBS_ORDER_SHIFT); /* room for 2^48 rows */
    }
    assert_true(jobs_order_lowest(-SUBMISSION_PRIORITY_MAX) > 0);
}

static void a_start_is_behind_the_last_one_and_not_before_now(void **state)
{
    (void)state;
    assert_int_equal(jobs_order_start(5000, -1), 5000);
    assert_int_equal(jobs_order_start(5000, 1000), 5000);
    assert_int_equal(jobs_order_start(5000, 4900), 4900 + JOBS_ORDER_STEP);
}

static void the_highest_priority_goes_first(void **state)
{
    struct job_table *t = *state;

    send(t->j, "low", "c", NULL, -10);
    send(t->j, "plain1", "c", NULL, 0);
    send(t->j, "high1", "go", NULL, 10);
    send(t->j, "plain2", "go", NULL, 0);
    send(t->j, "raised", "c", NULL, 1);
    send(t->j, "high2", "c", NULL, 10);
    assert_int_equal(row_status(t->j, "high1").position, 1);
    assert_int_equal(row_status(t->j, "high2").position, 2);
    assert_int_equal(row_status(t->j, "raised").position, 3);
    assert_int_equal(row_status(t->j, "plain2").position, 5);
    assert_int_equal(row_status(t->j, "low").position, 6);
    assert_claims(t->j, "high1 high2 raised plain1 plain2 low");
}

static void a_flood_holds_up_nobody_else(void **state)
{
    struct job_table *t = *state;

    flood(t->j, "a", "c", 8);
    send(t->j, "b1", "c", "b", 0);
    send(t->j, "b2", "c", "b", 0);
    send(t->j, "d1", "c", "d", 0);
    assert_claims(t->j, "a1 b1 d1 a2 b2 a3 a4");
    send(t->j, "b3", "c", "b", 0); /* its share of the past is gone */
    assert_claims(t->j, "a5 b3 a6 a7 a8");
}

static void rows_without_an_owner_are_of_one(void **state)
{
    struct job_table *t = *state;

    send(t->j, "n1", "c", NULL, 0);
    send(t->j, "n2", "c", NULL, 0);
    send(t->j, "n3", "c", NULL, 0);
    send(t->j, "a1", "c", "a", 0);
    send(t->j, "a2", "c", "a", 0);
    send(t->j, "n4", "c", NULL, 0);
    assert_claims(t->j, "n1 a1 n2 a2 n3 n4");
}

/* Of one owner, whoever it is, the order is that of arrival. */
static void one_owner_is_served_in_turn(void **state)
{
    struct job_table *t = *state;

    flood(t->j, "a", "c", 3);
    send(t->j, "a4", "go", "a", 0);
    send(t->j, "a5", "c", "a", 0);
    assert_claims(t->j, "a1 a2 a3 a4 a5");
    send(t->j, "a6", "c", "a", 0);
    assert_claims(t->j, "a6");
}

static void another_language_is_no_way_around(void **state)
{
    struct job_table *t = *state;

    flood(t->j, "a", "c", 4);
    assert_claims(t->j, "a1");
    send(t->j, "b1", "go", "b", 0); /* nothing in go is waiting: now is the first of the others */
    send(t->j, "b2", "go", "b", 0);
    assert_claims(t->j, "a2 b1 a3 b2 a4");
}

static void nothing_was_claimed_yet(void **state)
{
    struct job_table *t = *state;

    flood(t->j, "a", "c", 4);
    send(t->j, "b1", "go", "b", 0);
    assert_int_equal(row_status(t->j, "b1").position, 2);
    assert_claims(t->j, "a1 b1 a2 a3 a4");
}

/* The first of all may be of a higher priority; now is of the same. */
static void now_is_that_of_a_priority(void **state)
{
    struct job_table *t = *state;

    flood(t->j, "a", "c", 3);
    send(t->j, "high", "c", "d", 1);
    send(t->j, "b1", "go", "b", 0);
    assert_claims(t->j, "high a1 b1 a2 a3");
}

/* A language that nobody judges holds up no other, and is shared alike when somebody does. */
static void what_cannot_be_claimed_keeps_its_order(void **state)
{
    struct job_table *t = *state;

    flood(t->j, "a", "c", 3);
    for (int i = 0; i < 5; i++) {
        char id[20];
        (void)snprintf(id, sizeof id, "go%d", i);
        send(t->j, id, "go", "d", 0);
        assert_claims_in(t->j, go_only, id);
    }
    send(t->j, "b1", "c", "b", 0);
    assert_claims(t->j, "a1 b1 a2 a3");
}

static void a_row_that_comes_back_has_its_place(void **state)
{
    struct job_table *t = *state;
    struct jobs_op op;
    struct err e = { 0 };

    flood(t->j, "a", "c", 3);
    int64_t seq = row_claim(t->j, all, &op);
    assert_string_equal(op.u.claim.id, "a1");
    send(t->j, "b1", "c", "b", 0);
    assert_int_equal(row_requeue(t->j, seq, JOBS_GIVEN_BACK, &e), 0);
    assert_int_equal(row_status(t->j, "a1").position, 1);
    assert_claims(t->j, "a1 a2 b1 a3");
}

static void the_order_outlives_the_server(void **state)
{
    struct job_table *t = *state;

    flood(t->j, "a", "c", 3);
    send(t->j, "b1", "c", "b", 0);
    send(t->j, "high", "c", "a", 3);
    job_table_reopen(t);
    assert_int_equal(row_status(t->j, "high").position, 1);
    assert_int_equal(row_status(t->j, "a3").position, 5);
    send(t->j, "b2", "c", "b", 0);
    send(t->j, "n1", "c", NULL, 0); /* the owners of before are known */
    assert_claims(t->j, "high a1 b1 n1 a2 b2 a3");
}

/* Also of those without an owner, whose last start is in memory. */
static void what_waited_before_a_start_counts(void **state)
{
    struct job_table *t = *state;

    flood(t->j, "a", "c", 2);
    send(t->j, "n1", "c", NULL, 0);
    send(t->j, "n2", "c", NULL, 0);
    send(t->j, "n3", "c", NULL, 0);
    job_table_reopen(t);
    send(t->j, "n4", "c", NULL, 0);
    send(t->j, "a3", "c", "a", 0);
    assert_claims(t->j, "a1 n1 a2 n2 n3 a3 n4");
}

static void a_place_is_told_among_many(void **state)
{
    struct job_table *t = *state;
    char id[20];

    for (int i = 0; i < 300; i++) {
        (void)snprintf(id, sizeof id, "%c%d", 'a' + i % 3, i);
        send(t->j, id, i % 2 == 0 ? "c" : "go", id[0] == 'c' ? NULL : (char[]){ id[0], '\0' },
             i % 5 - 2);
    }
    for (int64_t i = 1; i <= 300; i++) {
        struct jobs_op op;
        struct jobs_counts n;
        jobs_counts(t->j, &n);
        assert_int_equal(n.queued, 301 - i);
        assert_true(row_claim(t->j, all, &op) > 0);
        if (i == 100) { /* all that wait, in the order in which they go */
            int64_t places = 0;
            for (int k = 0; k < 300; k++) {
                (void)snprintf(id, sizeof id, "%c%d", 'a' + k % 3, k);
                places += row_status(t->j, id).position;
            }
            assert_int_equal(places, 200 * 201 / 2);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_are_in_the_order_of_priorities),
        cmocka_unit_test(a_start_is_behind_the_last_one_and_not_before_now),
        ON_TABLE(the_highest_priority_goes_first),
        ON_TABLE(a_flood_holds_up_nobody_else),
        ON_TABLE(rows_without_an_owner_are_of_one),
        ON_TABLE(one_owner_is_served_in_turn),
        ON_TABLE(another_language_is_no_way_around),
        ON_TABLE(nothing_was_claimed_yet),
        ON_TABLE(now_is_that_of_a_priority),
        ON_TABLE(what_cannot_be_claimed_keeps_its_order),
        ON_TABLE(a_row_that_comes_back_has_its_place),
        ON_TABLE(the_order_outlives_the_server),
        ON_TABLE(what_waited_before_a_start_counts),
        ON_TABLE(a_place_is_told_among_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
