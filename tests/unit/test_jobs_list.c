/* tests/unit/test_jobs_list.c - GET /results: filters, orders, pages. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schema/model/report.h"
#include "schema/store/jobs_read.h"
#include "tests/support/assert_err.h"
#include "tests/support/job_list.h"
#include "tests/support/job_table.h"
#include "tests/support/row.h"

static void run(struct job_table *t, const char *id, const char *language, enum verdict v,
                int64_t duration)
{
    const char *const languages[] = { language, NULL };
    struct jobs_op op;

    int64_t seq = row_accept(t->j, id, language);
    assert_int_equal(row_claim(t->j, languages, &op), seq);
    row_finish_ok(t->j, seq, id, v, duration);
}

static void an_item_has_the_known_values(void **state)
{
    struct job_table *t = *state;

    run(t, "done", "c", VERDICT_RE, 40);
    (void)row_accept(t->j, "wait", "java");
    json_auto_t *page = job_list(t, &job_list_any);
    json_t *results = json_object_get(page, "results");
    json_t *wait = json_array_get(results, 0), *done = json_array_get(results, 1);

    static const char *const known[] = { "id",           "state",        "status",
                                         "verdict",      "language",     "submitted_at",
                                         "finished_at",  "duration_ms",  "error",
                                         "cpu_time_ms",  "memory_bytes", "tests_total",
                                         "tests_passed", "attempts",     "labels" };
    assert_int_equal(json_object_size(wait), ARRAY_LEN(known));
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        assert_non_null(json_object_get(wait, known[i]));
    assert_string_equal(json_string_value(json_object_get(wait, "state")), "queued");
    assert_true(json_is_null(json_object_get(wait, "status")));
    assert_true(json_is_null(json_object_get(wait, "finished_at")));
    assert_int_equal(json_integer_value(json_object_get(wait, "tests_total")), 2);
    assert_true(json_is_null(json_object_get(wait, "tests_passed")));

    assert_string_equal(json_string_value(json_object_get(done, "status")), "RE");
    assert_string_equal(json_string_value(json_object_get(done, "verdict")), "RE");
    assert_int_equal(json_integer_value(json_object_get(done, "duration_ms")), 40);
    assert_int_equal(json_integer_value(json_object_get(done, "cpu_time_ms")), 20);
    assert_int_equal(json_integer_value(json_object_get(done, "memory_bytes")), 1040);
    assert_int_equal(json_integer_value(json_object_get(done, "tests_passed")), 1);
    assert_string_equal(json_string_value(json_object_get(done, "error")), "");
    assert_int_equal(strlen(json_string_value(json_object_get(done, "finished_at"))), 24);
}

static void status_words_follow_the_status_set(void **state)
{
    static const struct {
        const char *name;
        enum status_set set;
        int status;
        const char *want;
    } cases[] = {
        { "RE", STATUS_SET_FULL, -1, "bare re " },
        { "WA", STATUS_SET_FULL, -1, "wa " },
        { "WA", STATUS_SET_SCRC, -1, "wa re " },
        { "RE", STATUS_SET_SCRC, -1, "" },
        { "OK", STATUS_SET_SCRC, -1, "bare ok " }, /* without tests, as the Go worker has it */
        { "OK", STATUS_SET_FULL, -1, "ok " },
        { NULL, STATUS_SET_SCRC, VERDICT_RE, "bare re " },
        { "-", STATUS_SET_FULL, -1, "gone " },
        { "nonsense", STATUS_SET_FULL, -1, "" },
        { "' OR 1=1--", STATUS_SET_FULL, -1, "" },
    };
    struct job_table *t = *state;
    struct jobs_op op;
    struct err e = { 0 };

    run(t, "ok", "c", VERDICT_OK, 1);
    run(t, "re", "c", VERDICT_RE, 1);
    run(t, "wa", "c", VERDICT_WA, 1);
    assert_int_equal(
        row_send_json(t->j, "{\"id\":\"bare\",\"language\":\"c\",\"source\":\"x\"}", &op), 0);
    assert_int_equal(row_claim_c(t->j), op.u.accept.seq);
    row_finish_ok(t->j, op.u.accept.seq, "bare", VERDICT_RE, 1);
    (void)row_accept(t->j, "gone", "c");
    assert_int_equal(row_cancel(t->j, "gone", &op, &e), 0);
    (void)row_accept(t->j, "wait", "c");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct jobs_filter f = job_list_any;
        f.status_name = cases[i].name;
        f.status = cases[i].status;
        f.set = cases[i].set;
        print_message("    status %s\n", cases[i].name ? cases[i].name : "by verdict");
        job_list_assert(t, &f, cases[i].want);
    }
}

static void filters_hold_together(void **state)
{
    struct job_table *t = *state;
    struct jobs_filter f = job_list_any;

    run(t, "a", "c", VERDICT_OK, 1);
    run(t, "b", "java", VERDICT_OK, 2);
    (void)usleep(3000);
    (void)row_accept(t->j, "d", "c");
    (void)row_accept(t->j, "e", "java");
    int64_t when = row_status(t->j, "d").submitted_ms;

    f.state = JOB_QUEUED;
    job_list_assert(t, &f, "e d ");
    f.language = "c";
    job_list_assert(t, &f, "d ");
    f.language = "' OR 1=1--";
    job_list_assert(t, &f, "");
    f = job_list_any;
    f.since_ms = when;
    job_list_assert(t, &f, "e d ");
    f.since_ms = 0;
    f.until_ms = when;
    job_list_assert(t, &f, "b a ");
    f.since_ms = 1;
    f.language = "java";
    job_list_assert(t, &f, "b ");
}

static void a_prefix_is_bytes(void **state)
{
    static const char *const ids[] = {
        "a", "ab", "a%", "a%b", "a_", "b", "'x", "'y'", "%", "_z", "\xc3\xa9t\xc3\xa9", "\xc3\xaa"
    };
    static const struct {
        const char *prefix, *want;
    } cases[] = {
        { "a", "a_ a%b a% ab a " },
        { "a%", "a%b a% " },
        { "a_", "a_ " },
        { "_", "_z " },
        { "%", "% " },
        { "'", "'y' 'x " },
        { "' OR 1=1--", "" },
        { "\xc3", "\xc3\xaa \xc3\xa9t\xc3\xa9 " },
        { "\xc3\xa9", "\xc3\xa9t\xc3\xa9 " },
        { "\xff", "" },
        { "a\xff", "" },
        { "zz", "" },
        { "A", "" },
        { "", "\xc3\xaa \xc3\xa9t\xc3\xa9 _z % 'y' 'x b a_ a%b a% ab a " },
    };
    struct job_table *t = *state;

    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        (void)row_accept(t->j, ids[i], "c");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct jobs_filter f = job_list_any;
        f.id_prefix = cases[i].prefix;
        print_message("    prefix %zu\n", i);
        job_list_assert(t, &f, cases[i].want);
    }
}

static void every_sort_lists_every_row(void **state)
{
    static const struct {
        const char *sort, *want;
    } cases[] = {
        { "-submitted_at", "w2 w1 r3 r2 r1 " }, { "submitted_at", "r1 r2 r3 w1 w2 " },
        { "-finished_at", "r1 r2 r3 w2 w1 " },  { "finished_at", "r3 r2 r1 w1 w2 " },
        { "-duration_ms", "r2 r3 r1 w2 w1 " },  { "duration_ms", "r1 r3 r2 w1 w2 " },
        { "-memory_bytes", "r2 r3 r1 w2 w1 " }, { "memory_bytes", "r1 r3 r2 w1 w2 " },
    };
    struct job_table *t = *state;
    int64_t seqs[3];
    char id[4] = "r1";

    for (int i = 0; i < 3; i++, id[1]++)
        seqs[i] = row_accept(t->j, id, "c");
    for (int i = 0; i < 3; i++)
        assert_int_equal(row_claim_c(t->j), seqs[i]);
    static const int64_t duration[] = { 10, 30, 20 };
    for (int i = 2; i >= 0; i--) {
        id[1] = (char)('1' + i);
        row_finish_ok(t->j, seqs[i], id, VERDICT_OK, duration[i]);
        (void)usleep(2000);
    }
    (void)row_accept(t->j, "w1", "c");
    (void)row_accept(t->j, "w2", "c");

    size_t n = 0;
    while (jobs_sorts[n])
        n++;
    assert_int_equal(n, ARRAY_LEN(cases));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct jobs_filter f = job_list_any;
        f.sort = cases[i].sort;
        print_message("    sort %s\n", f.sort);
        job_list_assert(t, &f, cases[i].want);
    }
}

/* Every page size, every sort: no row twice and none left out, while new rows are accepted. */
static void pages_are_complete_and_stable(void **state)
{
    enum { ROWS = 23 };
    struct job_table *t = *state;
    char id[16];

    for (int i = 0; i < ROWS; i++) {
        (void)snprintf(id, sizeof id, "r%02d", i);
        if (i % 4 == 3)
            (void)row_accept(t->j, id, "java");
        else
            run(t, id, "c", VERDICT_OK, i % 3); /* ties: the row number decides */
    }
    for (size_t s = 0; jobs_sorts[s]; s++) {
        bool newest_first = jobs_sorts[s][0] == '-';
        for (int limit = 1; limit <= ROWS; limit += s == 0 ? 1 : 5) {
            int seen[ROWS] = { 0 }, pages = 0;
            char cursor[100] = "";
            for (;;) {
                struct jobs_filter f = job_list_any;
                f.sort = jobs_sorts[s];
                f.limit = limit;
                f.cursor = cursor[0] ? cursor : NULL;
                f.id_prefix = limit % 2 ? "r" : NULL;
                json_auto_t *page = job_list(t, &f);
                json_t *item;
                size_t i;
                json_array_foreach(json_object_get(page, "results"), i, item)
                {
                    const char *got = json_string_value(json_object_get(item, "id"));
                    if (got[0] == 'r')
                        seen[atoi(got + 1)]++;
                }
                assert_true(json_array_size(json_object_get(page, "results")) <= (size_t)limit);
                if (newest_first && pages == 1 && limit == 6) {
                    (void)snprintf(id, sizeof id, "new%zu", s);
                    (void)row_accept(t->j, id, "go");
                }
                const char *next = json_string_value(json_object_get(page, "next_cursor"));
                if (!next)
                    break;
                (void)snprintf(cursor, sizeof cursor, "%s", next);
                assert_true(++pages < 100);
            }
            for (int i = 0; i < ROWS; i++)
                assert_int_equal(seen[i], 1);
        }
    }
}

static void strange_cursors_and_sorts_are_refused(void **state)
{
    static const char *const cursors[] = { "x",        "",          "0",
                                           "0.1.2",    "0.1.2.3.4", "0.1.2.",
                                           "0.1.2.3 ", " 0.1.2.3",  "00.1.2.3",
                                           "0.2.2.3",  "99.1.2.3",  "0.1.99999999999999999999.3",
                                           "-1.1.2.3", "1.1.2.3" /* of another sort */ };
    struct job_table *t = *state;
    json_t *page = NULL;
    struct err e = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(cursors); i++) {
        struct jobs_filter f = job_list_any;
        f.cursor = cursors[i];
        e = (struct err){ 0 };
        print_message("    cursor '%s'\n", cursors[i]);
        assert_int_equal(jobs_list(t->j, &f, &page, &e), -1);
        assert_int_equal(e.kind, ERR_INPUT);
    }
    struct jobs_filter f = job_list_any;
    f.sort = "id; DROP TABLE job";
    assert_int_equal(jobs_list(t->j, &f, &page, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    char long_prefix[400];
    memset(long_prefix, 'a', sizeof long_prefix - 1);
    long_prefix[sizeof long_prefix - 1] = '\0';
    f = job_list_any;
    f.id_prefix = long_prefix;
    assert_int_equal(jobs_list(t->j, &f, &page, &e), -1);
    assert_int_equal(e.kind, ERR_INPUT);
    assert_null(page);
}

static void an_error_is_cut_between_characters(void **state)
{
    struct job_table *t = *state;
    struct err e = { 0 };
    char long_error[400];
    CLEANUP(report_freep) struct report *r = row_report("a", VERDICT_NONE, 1);

    for (size_t i = 0; i + 2 < sizeof long_error; i += 2)
        memcpy(long_error + i, "\xc3\xa9", 3);
    memmove(long_error + 1, long_error, sizeof long_error - 2);
    long_error[0] = 'x';
    long_error[sizeof long_error - 1] = '\0';
    r->error = strdup(long_error);
    int64_t seq = row_accept(t->j, "a", "c");
    assert_int_equal(row_claim_c(t->j), seq);
    assert_int_equal(row_finish(t->j, seq, r, &e), 0);
    json_auto_t *page = job_list(t, &job_list_any);
    json_t *item = json_array_get(json_object_get(page, "results"), 0);
    assert_int_equal(json_string_length(json_object_get(item, "error")), 199);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_TABLE(an_item_has_the_known_values),
        ON_TABLE(status_words_follow_the_status_set),
        ON_TABLE(filters_hold_together),
        ON_TABLE(a_prefix_is_bytes),
        ON_TABLE(every_sort_lists_every_row),
        ON_TABLE(pages_are_complete_and_stable),
        ON_TABLE(strange_cursors_and_sorts_are_refused),
        ON_TABLE(an_error_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
