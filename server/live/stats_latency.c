#include <string.h>

#include "schema/base/base.h"
#include "server/live/stats_internal.h"

/* ---- buckets ---- */

static const double quarter_powers[] = { 1, 1.189207115, 1.414213562, 1.681792831 }; /* 2^(n/4) */

/* 1 + log2(ms) in quarters, rounded down, without the math library. */
static size_t bucket_of(int64_t ms)
{
    size_t doublings = 0, part = 0;

    if (ms < 1)
        return 0;
    while (ms >> (doublings + 1) > 0)
        doublings++;
    double rest = (double)ms / (double)(1LL << doublings);
    while (part + 1 < ARRAY_LEN(quarter_powers) && rest >= quarter_powers[part + 1])
        part++;
    size_t bucket = 1 + 4 * doublings + part;
    return bucket < STATS_BUCKETS ? bucket : STATS_BUCKETS - 1;
}

/* 2^((bucket - 1) / 4) times 2^(1/8). */
double stats_latency_middle(size_t bucket)
{
    size_t n = bucket > 0 ? bucket - 1 : 0;

    if (bucket == 0)
        return 0;
    double ms = (double)(1LL << (n / 4)) * quarter_powers[n % 4] * 1.090507733;
    return (double)(int64_t)(ms * 10 + 0.5) / 10;
}

/* ---- keys ---- */

#define LANGUAGE_MAX ((1U << 18) - 1)
_Static_assert(VERDICT_COUNT <= 16 && STATS_LATENCIES <= 4 && STATS_BUCKETS <= 256,
               "a key has 18 bits of language, 4 of verdict, 2 of kind, 8 of bucket");

static uint32_t key_of(size_t language, enum verdict v, enum stats_latency kind, size_t bucket)
{
    uint32_t number = language < LANGUAGE_MAX ? (uint32_t)language : LANGUAGE_MAX;
    return number << 14 | (uint32_t)v << 10 | (uint32_t)kind << 8 | (uint32_t)bucket;
}

static bool key_passes(uint32_t key, const struct stats_filter *f)
{
    return (f->language < 0 || key >> 14 == (uint32_t)f->language) &&
           (f->verdict < 0 || (key >> 10 & 15) == (uint32_t)f->verdict);
}

/* ---- counts ---- */

/* Index of the first count whose key is not below this one. */
static uint32_t find_key(const struct stats_latencies *l, uint32_t key)
{
    uint32_t from = 0, to = l->len;

    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (l->counts[middle].key < key)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static bool grow_counts(struct stats_latencies *l)
{
    uint32_t capacity = l->capacity ? 2 * l->capacity : 8;
    struct stats_latency_count *counts = realloc(l->counts, capacity * sizeof *counts);

    if (!counts)
        return false;
    l->counts = counts;
    l->capacity = capacity;
    return true;
}

void stats_latency_add(struct stats_latencies *l, size_t language, enum verdict v,
                       enum stats_latency kind, int64_t ms)
{
    uint32_t key = key_of(language, v, kind, bucket_of(ms)), at = find_key(l, key);

    if (at == l->len || l->counts[at].key != key) {
        if (l->len == l->capacity && !grow_counts(l))
            return;
        memmove(l->counts + at + 1, l->counts + at, (l->len - at) * sizeof *l->counts);
        l->counts[at] = (struct stats_latency_count){ .key = key };
        l->len++;
    }
    l->counts[at].count++;
}

void stats_latency_sum(const struct stats_latencies *l, const struct stats_filter *f,
                       uint32_t sums[STATS_LATENCIES][STATS_BUCKETS])
{
    for (uint32_t i = 0; i < l->len; i++) {
        uint32_t key = l->counts[i].key;
        if (key_passes(key, f))
            sums[key >> 8 & 3][key & 255] += l->counts[i].count;
    }
}

void stats_latency_clear(struct stats_latencies *l)
{
    free(l->counts);
    *l = (struct stats_latencies){ .counts = NULL };
}
