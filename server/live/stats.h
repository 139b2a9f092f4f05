/* server/live/stats.h - counts and latencies of each second, ten seconds and minute: the series of
 * GET /stats, and the totals of GET /metrics.
 *
 * Three rings of fixed size; each event goes into all three. A step holds counts and latencies (in
 * buckets of 19 %) by language and verdict, and the last sample of queue and cells.
 *
 * Room     server/live.
 * Owns     its rings, and the thread that samples, from stats_start() to stats_stop().
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

/* Borrows the languages until stats_free(). */
NODISCARD int stats_open(const struct language_table *l, struct stats **ret_stats, struct err *e);
/* Stops the thread. Takes NULL, returns NULL. */
struct stats *stats_free(struct stats *s);

/* A jobs_listener_fn; ctx is the struct stats. */
void stats_changed(void *ctx, const struct jobs_change *changes, size_t len);

/* Adds what the job table has of the day before stats_open(): no samples, and of the latencies only
 * total and queue. Call once: a second call would count twice. */
void stats_load_history(struct stats *s, struct jobs *j);

/* Starts the thread: it loads the history, then samples once a second. engine NULL: nothing is
 * judged. Both are borrowed until stats_stop(). */
NODISCARD int stats_start(struct stats *s, struct jobs *j, struct engine *engine, struct err *e);
void stats_stop(struct stats *s);

/* now_ms: wall clock, as in all of this header. */
void stats_add_sample(struct stats *s, int64_t now_ms, const struct stats_sample *sample);

/* ---- series ---- */

/* Whether a ring has steps of step_s seconds and is as long as the window. */
bool stats_keeps(int64_t window_s, int64_t step_s);
/* The smallest step_s for which that is so; 60 when there is none. */
int64_t stats_finest(int64_t window_s);

struct stats_query {
    int64_t now_ms;
    int64_t window_s, step_s; /* stats_keeps() is true for them */
    struct stats_filter filter;
};

/* Writes members of a JSON object that the caller began: step_ms, series, t, submitted, ...,
 * latency_ms. */
NODISCARD int stats_write(struct stats *s, const struct stats_query *q, struct writer *out,
                          struct err *e);

/* ---- totals since the start ---- */

/* The name of language i; "other" for the index after the table's last; NULL after that. Static or
 * the table's. */
const char *stats_language_name(const struct stats *s, size_t i);
/* The index of a language; that of "other" for a name that is not in the table, or NULL. */
size_t stats_language_index(const struct stats *s, const char *name);
int64_t stats_accepted(struct stats *s, size_t language);
int64_t stats_finished(struct stats *s, size_t language, enum verdict v);
