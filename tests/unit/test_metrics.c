/* tests/unit/test_metrics.c - counters and histograms: Prometheus accepts every name, and every
 * observation counts. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "schema/base/base.h"
#include "schema/base/metrics.h"

static void check_names(const struct metrics_row *rows, size_t len, const char *suffix)
{
    for (size_t i = 0; i < len; i++) {
        const char *name = rows[i].name;
        bool first = i == 0 || strcmp(name, rows[i - 1].name) != 0;
        size_t n = strlen(name), end = strlen(suffix);
        assert_true(n > end && strcmp(name + n - end, suffix) == 0);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), n);
        assert_int_equal(first, rows[i].help[0] != '\0');
        for (size_t k = 0; k + 1 < i && !first; k++) /* rows of one name are adjacent */
            assert_true(strcmp(rows[k].name, name) != 0 || strcmp(rows[k + 1].name, name) == 0);
    }
}

static void names_are_sound(void **state)
{
    (void)state;
    check_names(metrics_counters, METRICS_COUNTER_COUNT, "_total");
    check_names(metrics_timers, METRICS_TIMER_COUNT, "_seconds");
    for (size_t i = 1; i < METRICS_BUCKETS; i++)
        assert_true(metrics_bounds[i] > metrics_bounds[i - 1]);
}

static void an_observation_falls_into_its_bucket(void **state)
{
    static const struct {
        int64_t ns;
        double bound; /* of the bucket; 0: beyond the last */
    } rows[] = { { 0, 0.0001 },         { 100000, 0.0001 },       { 100001, 0.0005 },
                 { NS_PER_S, 1 },       { NS_PER_S + 1000, 2.5 }, { 7200 * NS_PER_S, 7200 },
                 { 7201 * NS_PER_S, 0 } };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct metrics_histogram h = { .sum_ns = 0 };
        size_t bucket = 0;
        metrics_take(&h, rows[i].ns);
        while (bucket <= METRICS_BUCKETS && h.buckets[bucket] == 0)
            bucket++;
        assert_true(bucket <= METRICS_BUCKETS && h.buckets[bucket] == 1 && h.sum_ns == rows[i].ns);
        if (rows[i].bound > 0)
            assert_true(bucket < METRICS_BUCKETS && metrics_bounds[bucket] == rows[i].bound);
        else
            assert_int_equal(bucket, METRICS_BUCKETS);
    }
}

static void *count_many(void *ctx)
{
    (void)ctx;
    for (int i = 0; i < 10000; i++) {
        metrics_count(METRICS_RETRIES);
        metrics_time(METRICS_CHECK, NS_PER_MS);
    }
    return NULL;
}

static void nothing_is_lost_between_threads(void **state)
{
    int64_t before = metrics_counted(METRICS_RETRIES), sum = 0;
    pthread_t threads[4];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_many, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        (void)pthread_join(threads[i], NULL);
    assert_int_equal(metrics_counted(METRICS_RETRIES), before + 40000);
    for (size_t i = 0; i <= METRICS_BUCKETS; i++)
        sum += metrics_timed(METRICS_CHECK)->buckets[i];
    assert_int_equal(sum, 40000);
    assert_int_equal(metrics_timed(METRICS_CHECK)->sum_ns, 40000 * NS_PER_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_sound),
        cmocka_unit_test(an_observation_falls_into_its_bucket),
        cmocka_unit_test(nothing_is_lost_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
