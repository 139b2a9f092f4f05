#include "server/api/metrics_api.h"

#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "bridge/bridge.h"
#include "engine/engine.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/metrics.h"
#include "schema/store/jobs.h"
#include "schema/store/outbox.h"
#include "server/api/context.h"
#include "server/api/health.h"
#include "server/api/process_stats.h"
#include "server/config.h"
#include "server/http/traffic.h"
#include "server/live/hub.h"
#include "server/live/stats.h"
#include "server/version.h"

#define TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metrics_text {
    struct buf out;
    bool failed;
};

PRINTF(2, 3) static void append(struct metrics_text *text, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    text->failed = buf_vprintf(&text->out, fmt, ap) < 0 || text->failed;
    va_end(ap);
}

static void append_head(struct metrics_text *text, const char *name, const char *type,
                        const char *help)
{
    append(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void append_gauge(struct metrics_text *text, const char *name, double value,
                         const char *help)
{
    append_head(text, name, "gauge", help);
    append(text, "%s %.17g\n", name, value);
}

static void append_counter(struct metrics_text *text, const char *name, double value,
                           const char *help)
{
    append_head(text, name, "counter", help);
    append(text, "%s %.17g\n", name, value);
}

/* labels: "" or name="value",... */
static void append_histogram(struct metrics_text *text, const char *name, const char *labels,
                             struct metrics_histogram *h)
{
    const char *comma = labels[0] ? "," : "";
    int64_t sum = 0;

    for (size_t i = 0; i <= METRICS_BUCKETS; i++) {
        char bound[32] = "+Inf";
        sum += atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
        if (i < METRICS_BUCKETS)
            (void)snprintf(bound, sizeof bound, "%g", metrics_bounds[i]);
        append(text, "%s_bucket{%s%sle=\"%s\"} %lld\n", name, labels, comma, bound, (long long)sum);
    }
    double seconds =
        (double)atomic_load_explicit(&h->sum_ns, memory_order_relaxed) / (double)NS_PER_S;
    append(text, labels[0] ? "%s_sum{%s} %.9g\n" : "%s_sum%s %.9g\n", name, labels, seconds);
    append(text, labels[0] ? "%s_count{%s} %lld\n" : "%s_count%s %lld\n", name, labels,
           (long long)sum);
}

/* ---- counters and timers of schema/base/metrics.h ---- */

static void append_counted(struct metrics_text *text)
{
    for (size_t i = 0; i < METRICS_COUNTER_COUNT; i++) {
        const struct metrics_row *row = &metrics_counters[i];
        long long n = (long long)metrics_counted((enum metrics_counter)i);
        if (i == 0 || strcmp(row->name, row[-1].name) != 0)
            append_head(text, row->name, "counter", row->help);
        append(text, row->labels[0] ? "%s{%s} %lld\n" : "%s%s %lld\n", row->name, row->labels, n);
    }
    for (size_t i = 0; i < METRICS_TIMER_COUNT; i++) {
        const struct metrics_row *row = &metrics_timers[i];
        if (i == 0 || strcmp(row->name, row[-1].name) != 0)
            append_head(text, row->name, "histogram", row->help);
        append_histogram(text, row->name, row->labels, metrics_timed((enum metrics_timer)i));
    }
}

/* ---- submissions and the table ---- */

static void append_submissions(struct metrics_text *text, struct stats *s)
{
    const char *language;

    append_head(text, "scrc_submissions_accepted_total", "counter",
                "Submissions that came into the table.");
    for (size_t l = 0; (language = stats_language_name(s, l)); l++)
        append(text, "scrc_submissions_accepted_total{language=\"%s\"} %lld\n", language,
               (long long)stats_accepted(s, l));
    append_head(text, "scrc_submissions_finished_total", "counter",
                "Submissions that became final.");
    for (size_t l = 0; (language = stats_language_name(s, l)); l++) {
        for (int v = 0; v < VERDICT_COUNT; v++)
            append(text, "scrc_submissions_finished_total{language=\"%s\",verdict=\"%s\"} %lld\n",
                   language, verdict_name((enum verdict)v),
                   (long long)stats_finished(s, l, (enum verdict)v));
    }
}

static double seconds_since(int64_t since_ms)
{
    int64_t age = since_ms > 0 ? clock_shared_ms() - since_ms : 0;
    return age > 0 ? (double)age / 1000 : 0;
}

static void append_table(struct metrics_text *text, struct jobs *j, int64_t max_queued)
{
    struct jobs_counts c;
    int64_t rows, oldest_ms;

    jobs_counts(j, &c);
    outbox_counts(j, &rows, &oldest_ms);
    append_gauge(text, "scrc_queue_length", (double)c.queued, "Submissions that wait.");
    append_gauge(text, "scrc_queue_limit", (double)max_queued,
                 "MAX_QUEUED: with so many waiting, more are refused.");
    append_gauge(text, "scrc_queue_oldest_age_seconds", seconds_since(c.oldest_queued_ms),
                 "How long the oldest of them has waited.");
    append_gauge(text, "scrc_running", (double)c.running, "Submissions being judged.");
    append_gauge(text, "scrc_final", (double)c.final, "Final submissions in the table.");
    append_gauge(text, "scrc_servers", (double)c.servers,
                 "Servers that share the table and give signs of life; each shows what it sees.");
    append_gauge(text, "scrc_oldest_snapshot_age_seconds", (double)c.snapshot_ms / 1000,
                 "Of STORE's database: the oldest transaction that keeps deleted rows from going.");
    append_gauge(text, "scrc_table_writable", c.writable, "1 when the last write succeeded.");
    append_counter(text, "scrc_late_reports_total", (double)c.late_reports,
                   "Second or late reports, which were refused.");
    append_counter(text, "scrc_table_commits_total", (double)c.commits,
                   "Transactions of the job table.");
    append_counter(text, "scrc_table_operations_total", (double)c.operations,
                   "Operations in these transactions; the quotient is the size of a group.");
    append_gauge(text, "scrc_outbox_rows", (double)rows, "Messages not yet acknowledged by Kafka.");
    append_gauge(text, "scrc_outbox_oldest_age_seconds", seconds_since(oldest_ms),
                 "How long the oldest of them has waited.");
}

/* ---- engine ---- */

static void append_engine(struct metrics_text *text, struct request *r)
{
    struct engine_health h = { .ready = false };
    struct engine *engine = context_engine(r);

    if (engine)
        engine_health(engine, &h);
    append_gauge(text, "scrc_docker_up", h.docker, "1 when Docker answered last.");
    append_gauge(text, "scrc_ready", h.ready, "1 when submissions can be judged.");
    append_gauge(text, "scrc_parallel_limit", (double)context_of(r)->config->runner_max_parallel,
                 "RUNNER_MAX_PARALLEL.");
    append_head(text, "scrc_cells", "gauge", "Containers of this server, by what they do.");
    append(text, "scrc_cells{state=\"idle\"} %lld\n", (long long)h.cells_idle);
    append(text, "scrc_cells{state=\"taken\"} %lld\n", (long long)h.cells_taken);
    append(text, "scrc_cells{state=\"removing\"} %lld\n", (long long)h.cells_removing);
    append_counter(text, "scrc_cells_made_total", (double)h.cells_made,
                   "Containers made ahead of need.");
    append_counter(text, "scrc_cells_died_total", (double)h.cells_died,
                   "Containers that died before they were needed.");
    append_gauge(text, "scrc_build_cache_bytes", (double)h.builds_bytes,
                 "What the builds that are kept take on the disk.");
    append_gauge(text, "scrc_build_cache_limit_bytes", (double)h.builds_max_bytes,
                 "BUILD_CACHE_BYTES; 0: there is no cache.");
    append_head(text, "scrc_build_cache_requests_total", "counter",
                "Builds that were asked for, by what the cache had.");
    append(text, "scrc_build_cache_requests_total{result=\"hit\"} %lld\n",
           (long long)h.builds_found);
    append(text, "scrc_build_cache_requests_total{result=\"miss\"} %lld\n",
           (long long)h.builds_made);
    append_counter(text, "scrc_build_cache_evictions_total", (double)h.builds_evicted,
                   "Builds that went to make room.");
}

static void append_languages(struct metrics_text *text, struct request *r)
{
    struct engine *engine = context_engine(r);
    json_auto_t *all = engine ? engine_languages(engine) : NULL;
    json_t *list = json_object_get(all, "languages");

    append_head(text, "scrc_language_ready", "gauge",
                "1 when the language's self-test has passed.");
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *one = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(one, "name"));
        const char *state = json_string_value(json_object_get(one, "state"));
        if (name && state)
            append(text, "scrc_language_ready{language=\"%s\"} %d\n", name,
                   strcmp(state, "ok") == 0);
    }
}

static void append_disk(struct metrics_text *text, const char *dir)
{
    struct statvfs fs = { .f_bavail = 0 };

    if (statvfs(dir, &fs) == 0)
        append_gauge(text, "scrc_data_free_bytes", (double)fs.f_bavail * (double)fs.f_frsize,
                     "Free under DATA_DIR.");
}

/* ---- Kafka ---- */

/* Without the outbox, which append_table() has. */
static void append_kafka(struct metrics_text *text, struct bridge *b)
{
    struct bridge_health h;

    if (!b)
        return;
    bridge_health(b, &h);
    append_gauge(text, "scrc_kafka_up", h.connected, "1 when a broker answers.");
    append_gauge(text, "scrc_kafka_paused", h.paused, "1 when nothing is read for now.");
    append_gauge(text, "scrc_kafka_partitions", (double)h.lags_len,
                 "Partitions of the topic that this server reads.");
    append_head(text, "scrc_kafka_trouble", "gauge",
                "1 when something is wrong with this part; /readyz says what.");
    for (int i = 0; i < BRIDGE_PARTS; i++)
        append(text, "scrc_kafka_trouble{part=\"%s\"} %d\n", bridge_part_name((enum bridge_part)i),
               h.why[i][0] != '\0');
    append_gauge(text, "scrc_unreported", (double)h.unreported,
                 "Submissions of Kafka in the table whose reports are not acknowledged yet.");
    append_head(
        text, "scrc_kafka_lag_messages", "gauge",
        "Messages of this server's partitions whose offsets are not committed yet, as Kafka's "
        "group tool counts them.");
    for (size_t i = 0; i < h.lags_len; i++) {
        if (h.lags[i].lag >= 0)
            append(text, "scrc_kafka_lag_messages{partition=\"%d\"} %lld\n",
                   (int)h.lags[i].partition, (long long)h.lags[i].lag);
    }
    append_head(text, "scrc_kafka_messages_total", "counter",
                "Messages read and sent, by what became of them.");
    for (int c = 0; c < BRIDGE_COUNTER_COUNT; c++)
        append(text, "scrc_kafka_messages_total{event=\"%s\"} %lld\n",
               bridge_counter_name((enum bridge_counter)c), (long long)h.counters[c]);
}

/* ---- HTTP and the process ---- */

/* route NULL: requests without a route. */
static void write_route_labels(const struct route *route, char out[120])
{
    (void)snprintf(out, 120, "method=\"%s\",route=\"%s\"", route ? route->method : "",
                   route ? route->path : "none");
}

static void append_http(struct metrics_text *text, const struct request *r)
{
    struct traffic *traffic = request_traffic(r);
    const struct route_table *routes = request_routes(r);
    char name[120], status[8];

    append_head(text, "scrc_http_requests_total", "counter", "Requests that were answered.");
    for (size_t i = 0; i <= routes->len; i++) {
        write_route_labels(i < routes->len ? &routes->rows[i] : NULL, name);
        for (size_t k = 0; k < TRAFFIC_STATUSES; k++) {
            int64_t n = traffic_counted(traffic, i, k);
            (void)snprintf(status, sizeof status, "%u", traffic_status(k));
            if (n > 0)
                append(text, "scrc_http_requests_total{%s,code=\"%s\"} %lld\n", name,
                       traffic_status(k) ? status : "other", (long long)n);
        }
    }
    append_head(text, "scrc_http_request_duration_seconds", "histogram",
                "From headers to the last byte handed over; without event streams and waits.");
    for (size_t i = 0; i <= routes->len; i++) {
        write_route_labels(i < routes->len ? &routes->rows[i] : NULL, name);
        append_histogram(text, "scrc_http_request_duration_seconds", name,
                         traffic_timed(traffic, i));
    }
    append_gauge(text, "scrc_http_connections", (double)request_connections(r),
                 "Open connections.");
    append_gauge(text, "scrc_event_subscribers", (double)hub_count(context_of(r)->hub),
                 "Open event streams.");
}

static void append_process(struct metrics_text *text)
{
    struct process_stats stats;

    process_stats_read(&stats);
    append_gauge(text, "process_resident_memory_bytes", (double)stats.rss_bytes,
                 "Resident memory.");
    append_gauge(text, "process_virtual_memory_bytes", (double)stats.virtual_bytes,
                 "Virtual memory.");
    append_counter(text, "process_cpu_seconds_total", (double)stats.cpu_ns / (double)NS_PER_S,
                   "User and system time.");
    append_gauge(text, "process_open_fds", (double)stats.open_fds, "Open descriptors.");
    append_gauge(text, "process_max_fds", (double)stats.max_fds, "Descriptors that may be open.");
    append_gauge(text, "process_start_time_seconds", stats.start_s, "When it began, since 1970.");
    append_head(text, "scrc_build_info", "gauge", "1, with what it was built from.");
    append(text, "scrc_build_info{version=\"%s\",commit=\"%s\",compiler=\"%s\"} 1\n", SCRC_VERSION,
           version_commit() ? version_commit() : "", system_compiler());
}

enum next metrics_api_get(struct request *r)
{
    const struct server *s = context_of(r);
    struct metrics_text text = { .failed = false };

    append_process(&text);
    append_submissions(&text, s->stats);
    append_table(&text, s->jobs, s->config->max_queued);
    append_disk(&text, s->config->data_dir);
    append_engine(&text, r);
    append_languages(&text, r);
    append_counted(&text);
    append_kafka(&text, s->bridge);
    append_http(&text, r);
    if (text.failed) {
        buf_clear(&text.out);
        return request_reply_json(r, 200, NULL);
    }
    size_t len = text.out.len;
    return request_reply(r, 200, TYPE, buf_take(&text.out), len);
}
