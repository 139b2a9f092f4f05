/* tests/unit/test_jobs_labels.c - labels in the job table: what is stored, what a filter finds,
 * what a page of many costs, when they go. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "schema/model/labels.h"
#include "schema/model/report.h"
#include "schema/store/jobs_read.h"
#include "tests/support/assert_err.h"
#include "tests/support/job_list.h"
#include "tests/support/job_table.h"
#include "tests/support/row.h"
#include "tests/support/topic_rows.h"

static int send_labelled(struct job_table *t, const char *id, const char *labels,
                         struct jobs_op *ret_op)
{
    char json[400];

    (void)snprintf(json, sizeof json,
                   "{\"id\":\"%s\",\"language\":\"c\",\"source\":\"x\",\"labels\":%s}", id, labels);
    return row_send_json(t->j, json, ret_op);
}

static void put(struct job_table *t, const char *id, const char *labels)
{
    struct jobs_op op;

    if (send_labelled(t, id, labels, &op) < 0)
        fail_msg("%s: %s", id, op.err.msg);
}

/* A filter for labels; two of them where b is not NULL. */
struct wanted {
    struct labels_wanted labels[2];
    struct jobs_filter f;
};

static struct jobs_filter *want(struct wanted *w, const char *a, const char *b)
{
    const char *const texts[] = { a, b };

    w->f = job_list_any;
    w->f.labels = w->labels;
    for (; w->f.labels_len < 2 && texts[w->f.labels_len]; w->f.labels_len++)
        ASSERT_OK(labels_wanted_read(texts[w->f.labels_len], &w->labels[w->f.labels_len], e));
    return &w->f;
}

static void want_no_more(struct wanted *w)
{
    for (size_t i = 0; i < w->f.labels_len; i++)
        labels_wanted_clear(&w->labels[i]);
}

static void assert_found(struct job_table *t, const char *a, const char *b, const char *ids)
{
    struct wanted w;

    print_message("    %s %s\n", a, b ? b : "");
    job_list_assert(t, want(&w, a, b), ids);
    want_no_more(&w);
}

static void rows_are_found_by_all_labels(void **state)
{
    struct job_table *t = *state;

    put(t, "r1", "{\"course\":\"db\",\"run\":\"1\"}");
    put(t, "r2", "{\"course\":\"db\",\"run\":\"2\"}");
    put(t, "r3", "{\"course\":\"os\",\"run\":\"1\",\"note\":\"\\\"'; DROP\\\\\"}");
    (void)row_accept(t->j, "plain", "c");
    assert_found(t, "course:db", NULL, "r2 r1 ");
    assert_found(t, "run:1", NULL, "r3 r1 ");
    assert_found(t, "course:db", "run:1", "r1 ");
    assert_found(t, "run:1", "course:os", "r3 ");
    assert_found(t, "course:db", "course:os", "");
    assert_found(t, "course:", NULL, "");
    assert_found(t, "note:\"'; DROP\\", NULL, "r3 ");
    job_list_assert(t, &job_list_any, "plain r3 r2 r1 ");
}

static void a_filter_holds_beside_others(void **state)
{
    struct job_table *t = *state;
    struct wanted w;
    struct jobs_op op;

    put(t, "r1", "{\"a\":\"b\"}");
    put(t, "r2", "{\"a\":\"b\"}");
    put(t, "s1", "{\"a\":\"c\"}");
    assert_int_equal(row_claim_c(t->j), row_status(t->j, "r1").seq);
    row_finish_ok(t->j, row_status(t->j, "r1").seq, "r1", VERDICT_WA, 7);
    struct jobs_filter *f = want(&w, "a:b", NULL);
    for (size_t s = 0; jobs_sorts[s]; s++) {
        f->sort = jobs_sorts[s];
        f->state = JOB_QUEUED;
        job_list_assert(t, f, "r2 ");
        f->state = -1;
        f->status_name = "WA";
        job_list_assert(t, f, "r1 ");
        f->status_name = NULL;
        f->id_prefix = "s";
        job_list_assert(t, f, "");
        f->id_prefix = NULL;
    }
    want_no_more(&w);
    assert_int_equal(row_cancel(t->j, "r2", &op, NULL), 0);
}

static void items_and_reports_say_them(void **state)
{
    struct job_table *t = *state;
    CLEANUP(freep) char *report = NULL;
    struct jobs_op op;
    size_t len;

    put(t, "r1", "{\"b\":\"2\",\"a\":\"\\u00e9\"}");
    (void)row_accept(t->j, "plain", "c");
    json_auto_t *page = job_list(t, &job_list_any);
    json_t *rows = json_object_get(page, "results");
    json_t *labels = json_object_get(json_array_get(rows, 1), "labels");
    assert_int_equal(json_object_size(labels), 2);
    assert_string_equal(json_string_value(json_object_get(labels, "a")), "\xC3\xA9");
    labels = json_object_get(json_array_get(rows, 0), "labels");
    assert_true(json_is_object(labels) && json_object_size(labels) == 0);

    /* Cancelled, also when its submission cannot be read. */
    assert_int_equal(row_cancel(t->j, "r1", &op, NULL), 0);
    ASSERT_OK(jobs_report(t->j, "r1", NULL, &report, &len, e));
    assert_non_null(strstr(report, "\"labels\":{\"a\":\"\xC3\xA9\",\"b\":\"2\"}"));
    free(TAKE(report));
    put(t, "r2", "{\"a\":\"1\"}");
    job_table_write(t, "DELETE FROM body");
    assert_int_equal(row_cancel(t->j, "r2", &op, NULL), 0);
    ASSERT_OK(jobs_report(t->j, "r2", NULL, &report, &len, e));
    assert_non_null(strstr(report, "\"labels\":{\"a\":\"1\"}"));
}

/* As with each other field: another value is another submission. */
static void other_labels_are_another_submission(void **state)
{
    struct job_table *t = *state;
    struct jobs_op op;

    put(t, "r1", "{\"a\":\"1\",\"b\":\"2\"}");
    assert_int_equal(send_labelled(t, "r1", "{\"b\":\"2\",\"a\":\"1\"}", &op), 0);
    assert_true(op.u.accept.existing);
    assert_int_equal(send_labelled(t, "r1", "{\"a\":\"1\"}", &op), -1);
    assert_int_equal(op.err.kind, ERR_CONFLICT);
    assert_int_equal(send_labelled(t, "r1", "null", &op), -1);
    assert_int_equal(op.err.kind, ERR_CONFLICT);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM job_label"), 2);
}

static void only_labels_make_entries(void **state)
{
    struct job_table *t = *state;
    const struct outbox_origin o = { .topic = "scripts", .partition = 0, .offset = 4 };
    struct jobs_op op, back = { .kind = JOBS_RETURN };

    (void)row_accept(t->j, "plain", "c");
    put(t, "none", "{}");
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM job_label"), 0);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM job WHERE labels IS NOT NULL"), 0);
    assert_int_equal(topic_take_json(t->j,
                                     "{\"id\":\"k\",\"language\":\"c\",\"source\":\"x\","
                                     "\"labels\":{\"a\":\"1\",\"b\":\"\"}}",
                                     o, NULL, &op),
                     0);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM job_label"), 2);
    put(t, "stays", "{\"a\":\"1\"}");

    back.u.return_rows.topic = "scripts";
    ASSERT_OK(jobs_do(t->j, &back, e));
    assert_int_equal(back.u.return_rows.rows, 1);
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM job_label"), 1);
    assert_found(t, "a:1", NULL, "stays ");
}

/* The row stays in the list, and is found as before. */
static void retention_keeps_them(void **state)
{
    struct job_table *t = *state;
    int64_t seq;

    put(t, "r1", "{\"a\":\"1\"}");
    seq = row_status(t->j, "r1").seq;
    assert_int_equal(row_claim_c(t->j), seq);
    row_finish_ok(t->j, seq, "r1", VERDICT_OK, 1);
    row_expire(t, "r1");
    assert_int_equal(job_table_ask(t, "SELECT count(*) FROM body"), 0);
    assert_found(t, "a:1", NULL, "r1 ");
}

/* ---- many ---- */

#define MANY     30000
#define PAGE_MAX 100000 /* instructions of SQLite's virtual machine */

/* Every row has all:1, every third one third:1, some old ones old:1, and few of them few:1. */
static void fill_many(struct job_table *t)
{
    static const char *const numbers[] = {
        "WITH RECURSIVE n(i, h) AS (SELECT 1, x'' UNION ALL SELECT i + 1, x'' FROM n LIMIT 30000)",
        "WITH n(i, h) AS (SELECT generate_series(1, 30000), ''::bytea)",
    };
    static const char *const rows =
        " INSERT INTO job(id, hash, language, submitted_ms, tests_total, state, finished_ms,"
        " verdict, labels)"
        " SELECT 'm' || i, h, 'c', 1000 * (i / 2), 1, 2, 1000 * i, 'OK', '{\"all\":\"1\"'"
        " || CASE WHEN i BETWEEN 100 AND 150 THEN ',\"few\":\"1\"' ELSE '' END"
        " || CASE WHEN i <= 3000 THEN ',\"old\":\"1\"' ELSE '' END"
        " || CASE WHEN i % 3 = 0 THEN ',\"third\":\"1\"' ELSE '' END || '}' FROM n";
    static const char *const entries =
        "INSERT INTO job_label(label, submitted, job_seq) SELECT label, submitted_ms, seq FROM job"
        " JOIN (SELECT 'all:1' AS label, '%\"all\":\"1\"%' AS piece UNION ALL"
        " SELECT 'old:1', '%\"old\":\"1\"%' UNION ALL SELECT 'few:1', '%\"few\":\"1\"%' UNION ALL "
        "SELECT 'third:1', '%\"third\":\"1\"%') AS l"
        " ON labels LIKE piece";
    char sql[1000];

    (void)snprintf(sql, sizeof sql, "%s%s", numbers[!job_table_in_file(t)], rows);
    job_table_write(t, sql);
    job_table_write(t, entries);
    job_table_reopen(t);
}

/* Reads all pages; each is bounded in what it costs. */
static int64_t count_pages(struct job_table *t, struct jobs_filter f, int64_t most)
{
    char cursor[100] = "";
    int64_t rows = 0;

    f.limit = 500;
    for (int pages = 0; pages < 200; pages++) {
        int64_t before = jobs_read_cost(t->j);
        f.cursor = cursor[0] ? cursor : NULL;
        json_auto_t *page = job_list(t, &f);
        const char *next = json_string_value(json_object_get(page, "next_cursor"));
        assert_in_range(jobs_read_cost(t->j) - before, 0, most);
        size_t len = json_array_size(json_object_get(page, "results"));
        rows += (int64_t)len;
        if (!next)
            return rows;
        if (most <= 2 * PAGE_MAX) /* found by the label, not among others */
            assert_int_equal(len, 500);
        (void)snprintf(cursor, sizeof cursor, "%s", next);
    }
    fail_msg("too many pages");
    return 0;
}

static void a_page_of_many_costs_what_one_of_few_does(void **state)
{
    static const struct {
        const char *a, *b;
        int64_t rows, most;
    } rows[] = {
        { "all:1", NULL, MANY, PAGE_MAX },
        { "third:1", NULL, MANY / 3, PAGE_MAX },
        { "old:1", NULL, 3000, PAGE_MAX },
        { "few:1", NULL, 51, PAGE_MAX },
        { "all:1", "few:1", 51, 3 * PAGE_MAX / 2 },
        { "all:1", "third:1", MANY / 3, 2 * PAGE_MAX },
        { "none:1", NULL, 0, PAGE_MAX },
    };
    struct job_table *t = *state;

    fill_many(t);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct wanted w;
        struct jobs_filter *f = want(&w, rows[i].a, rows[i].b);
        print_message("    %s %s\n", rows[i].a, rows[i].b ? rows[i].b : "");
        assert_int_equal(count_pages(t, *f, rows[i].most), rows[i].rows);
        f->sort = "submitted_at";
        assert_int_equal(count_pages(t, *f, rows[i].most), rows[i].rows);
        f->sort = "-finished_at"; /* by another index: bounded, but not as short */
        assert_int_equal(count_pages(t, *f, 10 * PAGE_MAX), rows[i].rows);
        want_no_more(&w);
    }
}

/* Between two instants, and with the last row of a page among those of one instant. */
static void times_bound_the_rows_of_a_label(void **state)
{
    struct job_table *t = *state;
    struct wanted w;

    fill_many(t);
    struct jobs_filter *f = want(&w, "all:1", NULL);
    f->since_ms = 5000 * 1000;
    f->until_ms = 10000 * 1000;
    assert_int_equal(count_pages(t, *f, 3 * PAGE_MAX / 2), 10000);
    f->since_ms = f->until_ms - 1500;
    job_list_assert(t, f, "m19999 m19998 ");
    want_no_more(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_TABLE(rows_are_found_by_all_labels),
        ON_TABLE(a_filter_holds_beside_others),
        ON_TABLE(items_and_reports_say_them),
        ON_TABLE(other_labels_are_another_submission),
        ON_TABLE(only_labels_make_entries),
        ON_TABLE(retention_keeps_them),
        ON_TABLE(a_page_of_many_costs_what_one_of_few_does),
        ON_TABLE(times_bound_the_rows_of_a_label),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
