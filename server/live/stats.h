/* server/live/stats.h - what happened in each second, ten seconds and minute: the series of GET
 * /stats, and the totals of GET /metrics.
 *
 * Three rings of fixed size, all filled at once; each step holds counts and latencies (in buckets
 * of 19 %) by language and verdict, and the last sample of queue and cells.
 *
 * Room     server/live.
 * Owns     its rings, and the thread that samples, from stats_watch() to stats_rest().
 * Threads  any.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "schema/model/verdict.h"
#include "server/live/stats_types.h"

struct writer;
struct engine;
struct err;
struct jobs;
struct jobs_change;
struct language_table;
struct stats;

#define STATS_WINDOW_MAX_S 86400

/* Borrows the languages. */
NODISCARD int stats_open(const struct language_table *l, struct stats **ret_stats, struct err *e);
struct stats *stats_free(struct stats *s);

/* A jobs_listener_fn; ctx is the struct stats. */
void stats_changed(void *ctx, const struct jobs_change *changes, size_t len);

/* Fills in what the job table knows of the day before stats_open(): all but the samples, and of the
 * latencies those of total and queue. Once. */
void stats_recall(struct stats *s, struct jobs *j);

/* Recalls, then samples once a second. engine NULL: nothing is judged. Both are borrowed until
 * stats_rest(). */
NODISCARD int stats_watch(struct stats *s, struct jobs *j, struct engine *engine, struct err *e);
void stats_rest(struct stats *s);

/* now_ms: wall clock, as everywhere here. */
void stats_put(struct stats *s, int64_t now_ms, const struct stats_sample *sample);

/* ---- series ---- */

/* Whether steps of this many seconds are kept for the whole window. */
bool stats_keeps(int64_t window_s, int64_t step_s);
/* The finest that is. */
int64_t stats_finest(int64_t window_s);

struct stats_query {
    int64_t now_ms;
    int64_t window_s, step_s; /* kept, as stats_keeps() says */
    struct stats_filter filter;
};

/* The members of one JSON object: step_ms, t, submitted, ..., latency_ms. */
NODISCARD int stats_write(struct stats *s, const struct stats_query *q, struct writer *out,
                          struct err *e);

/* ---- totals since the start ---- */

/* The i-th language's name; "other" behind the last of the table; NULL behind that. */
const char *stats_language(const struct stats *s, size_t i);
/* Its number; that of "other" for a name that is not in the table. */
size_t stats_language_number(const struct stats *s, const char *name);
int64_t stats_accepted(struct stats *s, size_t language);
int64_t stats_finished(struct stats *s, size_t language, enum verdict v);
