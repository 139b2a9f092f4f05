/* The rings of GET /stats at times of our own choice, and what is written of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <pthread.h>

#include "engine/language/language.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/json/writer.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_change.h"
#include "server/live/stats.h"

static struct language_table *languages;

static int setup(void **state)
{
    struct stats *s = NULL;
    struct err e = { 0 };

    if (language_table_open(NULL, NULL, 0, &languages, &e) < 0 || stats_open(languages, &s, &e) < 0)
        fail_msg("%s", e.msg);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    *state = stats_free(*state);
    languages = language_table_free(languages);
    return 0;
}

static json_t *filtered(struct stats *s, int64_t now_ms, int64_t window, int64_t step,
                        struct stats_filter f)
{
    const struct stats_query q = {
        .now_ms = now_ms, .window_s = window, .step_s = step, .filter = f
    };
    struct writer out = { .failed = false };
    struct err e = { 0 };
    char *text;
    size_t len;

    writer_begin(&out, '{');
    if (stats_write(s, &q, &out, &e) < 0)
        fail_msg("%s", e.msg);
    writer_end(&out, '}');
    assert_int_equal(writer_take(&out, &text, &len), 0);
    json_t *json = json_loadb(text, len, 0, NULL);
    if (!json)
        fail_msg("%s", text);
    free(text);
    return json;
}

static json_t *series(struct stats *s, int64_t now_ms, int64_t window, int64_t step)
{
    return filtered(s, now_ms, window, step, STATS_ALL);
}

static void finish(struct stats *s, const char *language, enum verdict v, int64_t ms)
{
    struct jobs_change c = { .seq = 1,
                             .id = "a",
                             .state = JOB_DONE,
                             .language = language,
                             .verdict = v,
                             .total_ms = ms,
                             .judged = true,
                             .queue_ms = ms / 2,
                             .build_ms = 0,
                             .run_ms = ms / 4 };
    stats_changed(s, &c, 1);
}

static void accept(struct stats *s, const char *language)
{
    struct jobs_change c = { .id = "a", .state = JOB_QUEUED, .language = language, .was = -1 };
    stats_changed(s, &c, 1);
}

static json_int_t sum(const json_t *column)
{
    json_int_t n = 0;
    for (size_t i = 0; i < json_array_size(column); i++)
        n += json_integer_value(json_array_get(column, i));
    return n;
}

static json_t *at(json_t *json, const char *one, const char *two, const char *three)
{
    json_t *x = json_object_get(json, one);
    x = two ? json_object_get(x, two) : x;
    return three ? json_object_get(x, three) : x;
}

/* The value of the last step in which something ended. */
static double last_real(const json_t *column)
{
    double value = -1;
    for (size_t i = 0; i < json_array_size(column); i++) {
        if (json_is_number(json_array_get(column, i)))
            value = json_number_value(json_array_get(column, i));
    }
    return value;
}

static void counts_are_in_every_ring(void **state)
{
    struct stats *s = *state;
    static const int64_t rings[][2] = { { 900, 1 }, { 60, 1 }, { 10800, 10 }, { 86400, 60 } };

    accept(s, "c");
    accept(s, "nowhere");
    finish(s, "c", VERDICT_OK, 100);
    finish(s, "c", VERDICT_WA, 100);
    finish(s, "nowhere", VERDICT_OK, 100);
    for (size_t i = 0; i < ARRAY_LEN(rings); i++) {
        json_auto_t *j = series(s, clock_wall_ms(), rings[i][0], rings[i][1]);
        assert_int_equal(json_array_size(at(j, "t", NULL, NULL)), rings[i][0] / rings[i][1]);
        assert_int_equal(json_integer_value(at(j, "step_ms", NULL, NULL)), rings[i][1] * 1000);
        assert_int_equal(sum(at(j, "submitted", NULL, NULL)), 2);
        assert_int_equal(sum(at(j, "finished", NULL, NULL)), 3);
        assert_int_equal(sum(at(j, "by_verdict", "OK", NULL)), 2);
        assert_int_equal(sum(at(j, "by_verdict", "TL", NULL)), 0);
        assert_int_equal(sum(at(j, "by_language", "c", NULL)), 2);
        assert_int_equal(sum(at(j, "by_language", "other", NULL)), 1);
        assert_int_equal(json_array_size(at(j, "by_language_verdict", NULL, NULL)), 3);
    }
    assert_int_equal(stats_accepted(s, languages->len), 1);
    assert_string_equal(stats_language_name(s, languages->len), "other");
    assert_null(stats_language_name(s, languages->len + 1));
}

static void steps_rise_and_end_now(void **state)
{
    struct stats *s = *state;
    int64_t now = clock_wall_ms() + 5000;
    json_auto_t *j = series(s, now, 900, 1);
    json_t *t = at(j, "t", NULL, NULL);

    assert_int_equal(json_integer_value(json_array_get(t, 899)), now / 1000);
    for (size_t i = 1; i < 900; i++)
        assert_int_equal(json_integer_value(json_array_get(t, i)),
                         json_integer_value(json_array_get(t, i - 1)) + 1);
}

static void what_is_old_goes(void **state)
{
    struct stats *s = *state;
    int64_t now = clock_wall_ms();

    finish(s, "c", VERDICT_OK, 100);
    json_auto_t *soon = series(s, now + 800 * 1000, 900, 1);
    assert_int_equal(sum(at(soon, "finished", NULL, NULL)), 1);
    json_auto_t *late = series(s, now + 1000 * 1000, 900, 1);
    assert_int_equal(sum(at(late, "finished", NULL, NULL)), 0);
    json_auto_t *coarse = series(s, now + 1000 * 1000, 10800, 10);
    assert_int_equal(sum(at(coarse, "finished", NULL, NULL)), 1);
    json_auto_t *back = series(s, now, 900, 1); /* a clock set back goes on in the newest step */
    assert_int_equal(sum(at(back, "finished", NULL, NULL)), 0);
    json_auto_t *week = series(s, now + 7 * 86400LL * 1000, 86400, 60);
    assert_int_equal(sum(at(week, "finished", NULL, NULL)), 0);
}

/* A bucket is 19 % wide and told by its middle. */
static void quantiles_are_near(void **state)
{
    struct stats *s = *state;
    for (int i = 1; i <= 1000; i++)
        finish(s, "c", VERDICT_OK, i);
    json_auto_t *j = series(s, clock_wall_ms(), 900, 1);
    static const struct {
        const char *name;
        double want;
    } wants[] = { { "p50", 500 }, { "p95", 950 }, { "p99", 990 } };
    /* The thousand may lie in two steps; a coarse one holds them all. */
    json_auto_t *day = series(s, clock_wall_ms(), 86400, 60);
    for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
        double got = last_real(at(day, "latency_ms", "total", wants[i].name));
        if (got < wants[i].want * 0.88 || got > wants[i].want * 1.12)
            fail_msg("%s is %.1f", wants[i].name, got);
    }
    assert_true(last_real(at(day, "latency_ms", "build", "p99")) == 0);
    double queue = last_real(at(j, "latency_ms", "queue", "p99"));
    assert_true(queue > 100 && queue < 560);
}

static void one_value_is_near(void **state)
{
    static const int64_t values[] = { 0, 1, 2, 7, 83, 100, 999, 12345, 600000, 4000000 };
    struct err e = { 0 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        struct stats *s = NULL;
        if (stats_open(languages, &s, &e) < 0)
            fail_msg("%s", e.msg);
        finish(s, "c", VERDICT_OK, values[i]);
        json_auto_t *j = series(s, clock_wall_ms(), 900, 1);
        double got = last_real(at(j, "latency_ms", "total", "p50"));
        if (got < (double)values[i] * 0.9 - 0.1 || got > (double)values[i] * 1.1 + 0.1)
            fail_msg("%lld is told as %.1f", (long long)values[i], got);
        s = stats_free(s);
    }
}

static double p50_of(struct stats *s, int language, int verdict)
{
    struct stats_filter f = { language, verdict };
    json_auto_t *j = filtered(s, clock_wall_ms(), 86400, 60, f);
    return last_real(at(j, "latency_ms", "total", "p50"));
}

static void latencies_by_language_and_verdict(void **state)
{
    struct stats *s = *state;
    int c = (int)stats_language_index(s, "c"), java = (int)stats_language_index(s, "java");
    int other = (int)stats_language_index(s, "nowhere");

    for (int i = 0; i < 3; i++) {
        finish(s, "java", VERDICT_OK, 1000);
        finish(s, "c", VERDICT_OK, 10);
        finish(s, "c", VERDICT_TL, 100);
    }
    finish(s, "nowhere", VERDICT_OK, 1);
    const struct {
        int language, verdict;
        double low, high; /* -1: nothing */
    } wants[] = {
        { -1, -1, 90, 110 },         { c, VERDICT_OK, 9, 11 },     { c, VERDICT_TL, 90, 110 },
        { java, -1, 900, 1100 },     { java, VERDICT_TL, -1, -1 }, { -1, VERDICT_TL, 90, 110 },
        { other, VERDICT_OK, 1, 2 }, { c, VERDICT_NONE, -1, -1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
        double got = p50_of(s, wants[i].language, wants[i].verdict);
        if (got < wants[i].low || got > wants[i].high)
            fail_msg("row %zu is %.1f", i, got);
    }
}

static void samples_are_the_last_of_their_step(void **state)
{
    struct stats *s = *state;
    int64_t now = clock_wall_ms() + 10000;

    stats_add_sample(s, now, &(struct stats_sample){ .queued = 7 });
    stats_add_sample(s, now, &(struct stats_sample){ .queued = 5, .cells_idle = 2 });
    json_auto_t *j = series(s, now + 1000, 900, 1);
    json_t *queued = at(j, "queued", NULL, NULL);
    assert_int_equal(json_integer_value(json_array_get(queued, 898)), 5);
    assert_true(json_is_null(json_array_get(queued, 899)));
    assert_true(json_is_null(json_array_get(queued, 0)));
    assert_int_equal(json_integer_value(json_array_get(at(j, "cells_idle", NULL, NULL), 898)), 2);
}

static void windows_and_steps(void **state)
{
    (void)state;
    assert_int_equal(stats_finest(1), 1);
    assert_int_equal(stats_finest(900), 1);
    assert_int_equal(stats_finest(901), 10);
    assert_int_equal(stats_finest(10801), 60);
    assert_true(stats_keeps(86400, 60));
    assert_false(stats_keeps(86401, 60));
    assert_false(stats_keeps(60, 2));
}

static void *put_many(void *ctx)
{
    for (int i = 0; i < 2000; i++)
        finish(ctx, "c", VERDICT_OK, i);
    return NULL;
}

static void read_while_written(void **state)
{
    struct stats *s = *state;
    pthread_t writer;

    assert_int_equal(pthread_create(&writer, NULL, put_many, s), 0);
    for (int i = 0; i < 20; i++)
        json_decref(series(s, clock_wall_ms(), 900, 1));
    (void)pthread_join(writer, NULL);
    assert_int_equal(stats_finished(s, 2, VERDICT_OK), 2000);
}

int main(void)
{
#define ON_STATS(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        ON_STATS(counts_are_in_every_ring),
        ON_STATS(steps_rise_and_end_now),
        ON_STATS(what_is_old_goes),
        ON_STATS(quantiles_are_near),
        ON_STATS(one_value_is_near),
        ON_STATS(samples_are_the_last_of_their_step),
        ON_STATS(windows_and_steps),
        ON_STATS(read_while_written),
        ON_STATS(latencies_by_language_and_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
