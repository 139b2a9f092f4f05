#include "schema/base/metrics.h"

#include "schema/base/base.h"

#define METRICS_ROW(number, row_name, row_labels, row_help)                                        \
    [number] = { .name = row_name, .labels = row_labels, .help = row_help },
const struct metrics_row metrics_counters[METRICS_COUNTER_COUNT] = { METRICS_COUNTERS(
    METRICS_ROW) };
const struct metrics_row metrics_timers[METRICS_TIMER_COUNT] = { METRICS_TIMERS(METRICS_ROW) };
#undef METRICS_ROW

const double metrics_bounds[METRICS_BUCKETS] = { 0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                                 0.05,   0.1,    0.25,  0.5,    1,     2.5,  5,
                                                 10,     30,     60,    300,    1800,  7200 };

static struct {
    _Atomic int64_t counters[METRICS_COUNTER_COUNT];
    struct metrics_histogram timers[METRICS_TIMER_COUNT];
} process;

void metrics_take(struct metrics_histogram *h, int64_t ns)
{
    double seconds = (double)ns / (double)NS_PER_S;
    size_t i = 0;

    while (i < METRICS_BUCKETS && seconds > metrics_bounds[i])
        i++;
    atomic_fetch_add_explicit(&h->buckets[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->sum_ns, ns, memory_order_relaxed);
}

void metrics_add(enum metrics_counter c, int64_t n)
{
    atomic_fetch_add_explicit(&process.counters[c], n, memory_order_relaxed);
}

void metrics_count(enum metrics_counter c) { metrics_add(c, 1); }

int64_t metrics_counted(enum metrics_counter c)
{
    return atomic_load_explicit(&process.counters[c], memory_order_relaxed);
}

void metrics_time(enum metrics_timer t, int64_t ns) { metrics_take(&process.timers[t], ns); }

struct metrics_histogram *metrics_timed(enum metrics_timer t) { return &process.timers[t]; }
