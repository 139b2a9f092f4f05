#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/language/language.h"
#include "schema/base/err.h"
#include "schema/json/writer.h"
#include "server/live/stats.h"
#include "server/live/stats_internal.h"

/* A copy of the newest steps of a ring, oldest first. It is written as JSON without the lock,
 * because the job table's writer thread takes the lock in stats_changed(). */
struct stats_part {
    const struct stats *stats;
    int64_t step_s, first; /* number of the first step */
    size_t len;
    uint64_t series;
    char *steps; /* owned copies; their latencies are not valid */
    uint32_t (*sums)[STATS_LATENCIES][STATS_BUCKETS]; /* owned; latencies that pass the filter */
};

static const struct stats_step *part_step(const struct stats_part *p, size_t i)
{
    return (const struct stats_step *)(const void *)(p->steps + i * p->stats->step_size);
}

static void stats_part_free(struct stats_part *p)
{
    free(p->steps);
    free(p->sums);
}

static int stats_part_copy(struct stats *s, int64_t now_ms, const struct stats_filter *f,
                           struct stats_part *p)
{
    p->steps = calloc(p->len, s->step_size);
    p->sums = calloc(p->len, sizeof *p->sums);
    if (!p->steps || !p->sums)
        return -1;
    (void)pthread_mutex_lock(&s->lock);
    stats_advance_locked(s, now_ms);
    p->series = s->series;
    const struct stats_ring *r = &s->rings[0];
    while (r->step_s != p->step_s)
        r++;
    p->first = r->head - (int64_t)p->len + 1;
    for (size_t i = 0; i < p->len; i++) {
        const struct stats_step *step = stats_step_at(s, r, p->first + (int64_t)i);
        memcpy(p->steps + i * s->step_size, step, s->step_size);
        stats_latency_sum(&step->latencies, f, p->sums[i]);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return 0;
}

/* ---- columns ---- */

static uint32_t part_finished(const struct stats_part *p, size_t i, size_t slot)
{
    return part_step(p, i)->finished[slot];
}

/* For each step the sum over `count` slots: from, from + stride, ... */
static void write_sums(struct writer *out, const struct stats_part *p, size_t from, size_t stride,
                       size_t count)
{
    writer_begin(out, '[');
    for (size_t i = 0; i < p->len; i++) {
        int64_t sum = 0;
        for (size_t n = 0; n < count; n++)
            sum += part_finished(p, i, from + n * stride);
        writer_number(out, sum);
    }
    writer_end(out, ']');
}

static bool has_finished(const struct stats_part *p, size_t from, size_t stride, size_t count)
{
    for (size_t i = 0; i < p->len; i++) {
        for (size_t n = 0; n < count; n++) {
            if (part_finished(p, i, from + n * stride) > 0)
                return true;
        }
    }
    return false;
}

static void write_finished(struct writer *out, const struct stats_part *p)
{
    size_t languages = p->stats->languages_len;

    writer_key(out, "finished");
    write_sums(out, p, 0, 1, languages * VERDICT_COUNT);
    writer_key(out, "by_verdict");
    writer_begin(out, '{');
    for (size_t v = 0; v < VERDICT_COUNT; v++) {
        writer_key(out, verdict_name((enum verdict)v));
        write_sums(out, p, v, VERDICT_COUNT, languages);
    }
    writer_end(out, '}');
    writer_key(out, "by_language");
    writer_begin(out, '{');
    for (size_t l = 0; l < languages; l++) {
        if (l == languages - 1 && !has_finished(p, l * VERDICT_COUNT, 1, VERDICT_COUNT))
            continue;
        writer_key(out, stats_language_name(p->stats, l));
        write_sums(out, p, l * VERDICT_COUNT, 1, VERDICT_COUNT);
    }
    writer_end(out, '}');
}

static void write_pairs(struct writer *out, const struct stats_part *p)
{
    writer_key(out, "by_language_verdict");
    writer_begin(out, '[');
    for (size_t slot = 0; slot < p->stats->languages_len * VERDICT_COUNT; slot++) {
        if (!has_finished(p, slot, 1, 1))
            continue;
        writer_begin(out, '{');
        writer_key(out, "language");
        writer_word(out, stats_language_name(p->stats, slot / VERDICT_COUNT));
        writer_key(out, "verdict");
        writer_word(out, verdict_name((enum verdict)(slot % VERDICT_COUNT)));
        writer_key(out, "counts");
        write_sums(out, p, slot, 1, 1);
        writer_end(out, '}');
    }
    writer_end(out, ']');
}

static void write_samples(struct writer *out, const struct stats_part *p)
{
    static const struct {
        const char *name;
        size_t offset;
    } gauges[] = { { "queued", offsetof(struct stats_sample, queued) },
                   { "running", offsetof(struct stats_sample, running) },
                   { "cells_idle", offsetof(struct stats_sample, cells_idle) },
                   { "cells_taken", offsetof(struct stats_sample, cells_taken) } };

    for (size_t g = 0; g < ARRAY_LEN(gauges); g++) {
        writer_key(out, gauges[g].name);
        writer_begin(out, '[');
        for (size_t i = 0; i < p->len; i++) {
            const struct stats_sample *s = &part_step(p, i)->sample;
            int32_t value;
            memcpy(&value, (const char *)s + gauges[g].offset, sizeof value);
            if (s->seen)
                writer_number(out, value);
            else
                writer_null(out);
        }
        writer_end(out, ']');
    }
}

/* ---- quantiles ---- */

static void write_quantile(struct writer *out, const struct stats_part *p, size_t latency,
                           int percent)
{
    char text[32];

    writer_begin(out, '[');
    for (size_t i = 0; i < p->len; i++) {
        const uint32_t *n = p->sums[i][latency];
        int64_t all = 0, below = 0;
        size_t b = 0;
        for (size_t k = 0; k < STATS_BUCKETS; k++)
            all += n[k];
        if (all == 0) {
            writer_null(out);
            continue;
        }
        /* the smallest bucket that has this part of all at or below it */
        for (int64_t want = (all * percent + 99) / 100; b < STATS_BUCKETS; b++) {
            below += n[b];
            if (below >= want)
                break;
        }
        int len = snprintf(text, sizeof text, "%s%.1f", i > 0 ? "," : "", stats_latency_middle(b));
        writer_raw(out, text, (size_t)len);
    }
    writer_end(out, ']');
}

static void write_latency(struct writer *out, const struct stats_part *p)
{
    static const char *const names[STATS_LATENCIES] = { [STATS_TOTAL] = "total",
                                                        [STATS_QUEUE] = "queue",
                                                        [STATS_BUILD] = "build",
                                                        [STATS_RUN] = "run" };

    writer_key(out, "latency_ms");
    writer_begin(out, '{');
    for (size_t i = 0; i < STATS_LATENCIES; i++) {
        writer_key(out, names[i]);
        writer_begin(out, '{');
        writer_key(out, "p50");
        write_quantile(out, p, i, 50);
        writer_key(out, "p95");
        write_quantile(out, p, i, 95);
        writer_key(out, "p99");
        write_quantile(out, p, i, 99);
        writer_end(out, '}');
    }
    writer_end(out, '}');
}

int stats_write(struct stats *s, const struct stats_query *q, struct writer *out, struct err *e)
{
    struct stats_part p = { .stats = s,
                            .step_s = q->step_s,
                            .len = (size_t)((q->window_s + q->step_s - 1) / q->step_s) };
    char series[17];

    if (stats_part_copy(s, q->now_ms, &q->filter, &p) < 0) {
        stats_part_free(&p);
        return err_set(e, ERR_NOMEM, "time series");
    }
    writer_key(out, "step_ms");
    writer_number(out, p.step_s * 1000);
    (void)snprintf(series, sizeof series, "%016" PRIx64, p.series);
    writer_key(out, "series");
    writer_word(out, series);
    writer_key(out, "t");
    writer_begin(out, '[');
    for (size_t i = 0; i < p.len; i++)
        writer_number(out, (p.first + (int64_t)i) * p.step_s);
    writer_end(out, ']');
    writer_key(out, "submitted");
    writer_begin(out, '[');
    for (size_t i = 0; i < p.len; i++)
        writer_number(out, part_step(&p, i)->submitted);
    writer_end(out, ']');
    write_finished(out, &p);
    write_pairs(out, &p);
    write_samples(out, &p);
    write_latency(out, &p);
    stats_part_free(&p);
    return 0;
}
