/* tests/unit/test_jobs_list_large.c - a page of a large table costs what one of a small table
 * costs. */
#include <jansson.h>
#include <stdio.h>

#include "schema/store/jobs_read.h"
#include "tests/support/assert_err.h"
#include "tests/support/job_list.h"
#include "tests/support/job_table.h"

#define MANY     60000
#define PAGE_MAX 500000 /* instructions of SQLite's virtual machine */

/* MANY rows, by number: in the middle third a few failed or were cancelled; one language is only
 * among the old ones; the newest are queued. No two neighbours have the same duration. */
static void fill_large(struct job_table *t)
{
    job_table_write(
        t, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 60000)"
           " INSERT INTO job(id, hash, language, submitted_ms, tests_total, state, finished_ms,"
           " verdict, tests_passed, duration_ms, memory_bytes)"
           " SELECT 'm' || i, x'', iif(i % 13 = 0 AND i < 40000, 'rust', 'c'), 1000 * i, i % 2,"
           " state, iif(state > 1, 1000 * i + i % 7, NULL), iif(state > 1, verdict, NULL),"
           " iif(state > 1, 1, NULL), iif(verdict = '-' OR state < 2, NULL, i % 1009),"
           " iif(verdict = '-' OR state < 2, NULL, i % 1013)"
           " FROM (SELECT i, CASE WHEN i > 57000 THEN 0 WHEN i IN (7, 30000) THEN 1"
           " WHEN i % 6 = 0 AND i BETWEEN 20000 AND 40000 THEN 3 ELSE 2 END AS state,"
           " CASE WHEN i BETWEEN 20000 AND 40000 THEN CASE i % 6 WHEN 0 THEN '-' WHEN 1 THEN"
           " 'RE' ELSE 'OK' END ELSE iif(i = 3, 'WA', 'OK') END AS verdict FROM n)");
    job_table_reopen(t); /* running rows are requeued */
}

/* One page; fails if it costs too much. */
static json_t *cheap_page(struct job_table *t, const struct jobs_filter *f)
{
    int64_t before = jobs_read_cost(t->j);
    json_t *page = job_list(t, f);
    int64_t cost = jobs_read_cost(t->j) - before;

    if (cost > PAGE_MAX)
        fail_msg("state %d status %s language %s since %d sort %s: %d instructions", f->state,
                 f->status_name ? f->status_name : "any", f->language ? f->language : "any",
                 f->since_ms != 0, f->sort, (int)cost);
    return page;
}

static const int states[] = { -1, JOB_QUEUED, JOB_DONE, JOB_CANCELLED };
static const char *const statuses[] = { NULL, "RE", "-" };
static const char *const in_language[] = { NULL, "rust" };

static void every_page_costs_the_same(void **state)
{
    struct job_table *t = *state;

    fill_large(t);
    for (size_t i = 0; i < ARRAY_LEN(states) * ARRAY_LEN(statuses) * 4; i++) {
        struct jobs_filter f = job_list_any;
        f.state = states[i / 4 / ARRAY_LEN(statuses)];
        f.status_name = statuses[i / 4 % ARRAY_LEN(statuses)];
        f.language = in_language[i / 2 % 2];
        f.since_ms = i % 2 ? 1000000 : 0;
        f.until_ms = i % 2 ? 50000000 : 0;
        for (size_t s = 0; jobs_sorts[s]; s++) {
            f.sort = jobs_sorts[s];
            json_decref(cheap_page(t, &f));
        }
    }
}

/* Reads all pages, of any length. */
static int64_t count_all(struct job_table *t, struct jobs_filter f)
{
    char cursor[100] = "";
    json_t *first = NULL;
    int64_t rows = 0;
    int pages = 0;

    f.limit = 500;
    for (;;) {
        f.cursor = cursor[0] ? cursor : NULL;
        json_auto_t *page = cheap_page(t, &f);
        const char *next = json_string_value(json_object_get(page, "next_cursor"));
        rows += (int64_t)json_array_size(json_object_get(page, "results"));
        if (!first)
            first = json_incref(page);
        if (!next)
            break;
        assert_true(++pages < 400);
        (void)snprintf(cursor, sizeof cursor, "%s", next);
    }
    job_list_assert_total(first, rows);
    json_decref(first);
    return rows;
}

/* What no index or count can tell cheaply is not counted. */
static void totals_are_known_where_they_are_cheap(void **state)
{
    static const struct {
        struct jobs_filter filter;
        bool known;
    } cases[] = {
        { { .state = -1, .status = -1 }, true },
        { { .state = JOB_QUEUED, .status = -1 }, true },
        { { .state = JOB_RUNNING, .status = -1 }, true },
        { { .state = -1, .status = -1, .status_name = "WA" }, true },
        { { .state = -1, .status = -1, .id_prefix = "m3" }, false },
        { { .state = -1, .status = -1, .status_name = "RE" }, false },
        { { .state = -1, .status = -1, .status_name = "OK" }, false },
        { { .state = JOB_DONE, .status = -1, .language = "c" }, false },
        { { .state = -1, .status = -1, .since_ms = 1000000 }, false },
    };
    struct job_table *t = *state;

    fill_large(t);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_auto_t *page = job_list(t, &cases[i].filter);
        if (json_is_integer(json_object_get(page, "total")) != cases[i].known)
            fail_msg("%zu", i);
    }
}

static void short_pages_leave_nothing_out(void **state)
{
    static const struct {
        struct jobs_filter filter;
        const char *where;
    } cases[] = {
        { { .state = JOB_CANCELLED, .status = -1 }, "state = 3" },
        { { .state = JOB_QUEUED, .status = -1 }, "state = 0" },
        { { .state = -1, .status = -1, .status_name = "RE" }, "verdict = 'RE'" },
        { { .state = -1, .status = -1, .language = "rust" }, "language = 'rust'" },
        { { .state = -1, .status = VERDICT_RE, .language = "rust", .id_prefix = "m2" },
          "verdict = 'RE' AND language = 'rust' AND id GLOB 'm2*'" },
        { { .state = JOB_DONE, .status = -1, .since_ms = 10000000, .until_ms = 30000000 },
          "state = 2 AND submitted_ms >= 10000000 AND submitted_ms < 30000000" },
    };
    struct job_table *t = *state;
    char sql[300];

    fill_large(t);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM job WHERE %s", cases[i].where);
        int64_t want = job_table_ask(t, sql);
        assert_true(want > 100);
        for (size_t s = 0; s < 8; s += 3) { /* one of each kind */
            struct jobs_filter f = cases[i].filter;
            f.sort = jobs_sorts[s];
            print_message("    %s, %s\n", cases[i].where, f.sort);
            assert_int_equal(count_all(t, f), want);
        }
    }
}

static void few_matches_fit_on_the_first_page(void **state)
{
    struct job_table *t = *state;
    struct jobs_filter wrong = job_list_any;

    fill_large(t);
    wrong.status_name = "WA";
    for (size_t s = 0; jobs_sorts[s]; s++) {
        wrong.sort = jobs_sorts[s];
        job_list_assert(t, &wrong, "m3 ");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_TABLE(every_page_costs_the_same),
        ON_TABLE(short_pages_leave_nothing_out),
        ON_TABLE(few_matches_fit_on_the_first_page),
        ON_TABLE(totals_are_known_where_they_are_cheap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
