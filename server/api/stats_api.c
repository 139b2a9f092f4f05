/* GET /stats: the series, and the present state. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "bridge/bridge.h"
#include "engine/engine.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/json/writer.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_read.h"
#include "schema/store/outbox.h"
#include "server/api/context.h"
#include "server/api/health.h"
#include "server/api/stats_api.h"
#include "server/config.h"
#include "server/live/hub.h"
#include "server/live/stats.h"

#define WINDOW_DEFAULT_S 900

/* A whole number of seconds; `normal` without the parameter; -1: it is wrong. */
static int64_t read_seconds(const struct request *r, const char *name, int64_t normal)
{
    const char *text = request_param(r, name);
    int64_t n = 0;

    if (!text)
        return normal;
    for (; isdigit((unsigned char)*text) && n <= STATS_WINDOW_MAX_S; text++)
        n = n * 10 + (*text - '0');
    return *text || n < 1 || n > STATS_WINDOW_MAX_S ? -1 : n;
}

static json_t *describe_oldest(struct request *r, const struct jobs_counts *c)
{
    struct engine *engine = context_engine(r);
    struct jobs_oldest o;
    char at[CLOCK_RFC3339_SIZE], reason[200] = "";
    struct err e;

    if (c->oldest_queued == 0 || jobs_oldest(context_of(r)->jobs, c->oldest_queued, &o, &e) < 0)
        return json_null();
    if (engine)
        engine_reason(engine, o.language, reason, sizeof reason);
    int64_t wait = clock_shared_ms() - o.submitted_ms;
    clock_rfc3339(o.submitted_ms, at);
    return json_pack("{s:s, s:s, s:s, s:I, s:s}", "id", o.id, "language", o.language,
                     "submitted_at", at, "wait_ms", (json_int_t)(wait > 0 ? wait : 0), "reason",
                     reason);
}

static json_t *describe_pool(const struct engine_health *h)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "idle", (json_int_t)h->cells_idle, "taken",
                     (json_int_t)h->cells_taken, "removing", (json_int_t)h->cells_removing, "made",
                     (json_int_t)h->cells_made, "died", (json_int_t)h->cells_died);
}

/* JSON null: there is no cache. */
static json_t *describe_build_cache(const struct engine_health *h)
{
    if (h->builds_max_bytes == 0)
        return json_null();
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "entries", (json_int_t)h->builds_kept,
                     "bytes", (json_int_t)h->builds_bytes, "max_bytes",
                     (json_int_t)h->builds_max_bytes, "hits", (json_int_t)h->builds_found, "misses",
                     (json_int_t)h->builds_made, "evicted", (json_int_t)h->builds_evicted);
}

/* JSON null: Kafka is off. */
static json_t *describe_kafka(const struct server *s)
{
    struct bridge_health h;
    int64_t rows, oldest_ms, lag = 0;

    if (!s->bridge)
        return json_null();
    bridge_health(s->bridge, &h);
    outbox_counts(s->jobs, &rows, &oldest_ms);
    const char *why = "";
    for (int i = BRIDGE_PARTS - 1; i >= 0; i--)
        why = h.why[i][0] ? h.why[i] : why; /* the first part with a problem */
    json_t *counters = json_object();
    for (int c = 0; c < BRIDGE_COUNTER_COUNT; c++)
        (void)json_object_set_new(counters, bridge_counter_name((enum bridge_counter)c),
                                  json_integer(h.counters[c]));
    for (size_t i = 0; i < h.lags_len; i++)
        lag += h.lags[i].lag > 0 ? h.lags[i].lag : 0;
    return json_pack("{s:b, s:s, s:b, s:i, s:I, s:I, s:o}", "connected", h.connected, "why", why,
                     "paused", h.paused, "partitions", (int)h.lags_len, "lag", (json_int_t)lag,
                     "outbox", (json_int_t)rows, "messages", counters);
}

static json_t *describe_present(struct request *r)
{
    const struct server *s = context_of(r);
    struct jobs_counts c;
    struct health_readiness ready;
    char now[CLOCK_RFC3339_SIZE];

    jobs_counts(s->jobs, &c);
    clock_rfc3339(clock_shared_ms(), now);
    health_read_readiness(r, &ready);
    json_t *docker = json_pack("{s:b, s:s}", "answers", ready.health.docker, "why",
                               ready.health.ready ? "" : ready.health.why);
    json_t *table = json_pack("{s:b, s:s, s:I}", "writable", c.writable, "why", c.unwritable_why,
                              "late_reports", (json_int_t)c.late_reports);
    json_t *oldest = describe_oldest(r, &c);
    return json_pack("{s:s, s:b, s:o, s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:I, s:o}",
                     "at", now, "ready", ready.ready, "reasons", ready.reasons, "degraded",
                     ready.degraded, "queued", (json_int_t)c.queued, "running",
                     (json_int_t)c.running, "final", (json_int_t)c.final, "parallel",
                     (json_int_t)s->config->runner_max_parallel, "oldest_queued", oldest, "pool",
                     describe_pool(&ready.health), "build_cache",
                     describe_build_cache(&ready.health), "docker", docker, "table", table,
                     "subscribers", (json_int_t)hub_count(s->hub), "kafka", describe_kafka(s));
}

/* False: the name is unknown, and the reply is filled in. */
static bool read_language(struct request *r, struct stats_filter *f)
{
    const struct stats *s = context_of(r)->stats;
    const char *name = request_param(r, "language");
    size_t number = stats_language_index(s, name);

    if (!name)
        return true;
    f->language = (int)number;
    if (strcmp(stats_language_name(s, number), name) == 0)
        return true;
    (void)request_refuse_param(r, "language", "must be a language of GET /languages, or other");
    return false;
}

static bool read_verdict(struct request *r, struct stats_filter *f)
{
    const char *name = request_param(r, "verdict");
    enum verdict v;

    if (!name)
        return true;
    if (verdict_from_name(name, &v)) {
        f->verdict = (int)v;
        return true;
    }
    (void)request_refuse_param(r, "verdict", "must be OK, WA, TL, ML, BF, RE, OL or -");
    return false;
}

enum next stats_api_get(struct request *r)
{
    int64_t window = read_seconds(r, "window", WINDOW_DEFAULT_S);
    int64_t step = read_seconds(r, "step", window > 0 ? stats_finest(window) : 1);
    struct stats_query q = {
        .now_ms = clock_shared_ms(), .window_s = window, .step_s = step, .filter = STATS_ALL
    };
    struct writer out = { .failed = false };
    struct err e;

    if (window < 0)
        return request_refuse_param(r, "window", "must be 1 to %d seconds", STATS_WINDOW_MAX_S);
    if (step < 0 || !stats_keeps(window, step))
        return request_refuse_param(r, "step",
                                    "must be 1 for up to 900 seconds, 10 for up to 10800, or 60");
    if (!read_language(r, &q.filter) || !read_verdict(r, &q.filter))
        return NEXT_REPLY;
    writer_begin(&out, '{');
    if (stats_write(context_of(r)->stats, &q, &out, &e) < 0) {
        writer_clear(&out);
        return request_fail(r, &e);
    }
    json_auto_t *now = describe_present(r);
    CLEANUP(freep) char *text = now ? json_dumps(now, JSON_COMPACT) : NULL;
    writer_key(&out, "present");
    if (text)
        writer_raw(&out, text, strlen(text));
    else
        out.failed = true;
    writer_end(&out, '}');
    return request_reply_writer(r, 200, &out);
}
