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

#define TYPE "text/plain; version=0.0.4; charset=utf-8"

struct page {
    struct buf out;
    bool failed;
};

PRINTF(2, 3) static void add(struct page *p, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    p->failed = buf_vprintf(&p->out, fmt, ap) < 0 || p->failed;
    va_end(ap);
}

static void head(struct page *p, const char *name, const char *type, const char *help)
{
    add(p, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void gauge(struct page *p, const char *name, double value, const char *help)
{
    head(p, name, "gauge", help);
    add(p, "%s %.17g\n", name, value);
}

static void counter(struct page *p, const char *name, double value, const char *help)
{
    head(p, name, "counter", help);
    add(p, "%s %.17g\n", name, value);
}

/* labels: "" or name="value",... */
static void histogram(struct page *p, const char *name, const char *labels,
                      struct metrics_histogram *h)
{
    const char *comma = labels[0] ? "," : "";
    int64_t sum = 0;

    for (size_t i = 0; i <= METRICS_BUCKETS; i++) {
        char bound[32] = "+Inf";
        sum += atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
        if (i < METRICS_BUCKETS)
            (void)snprintf(bound, sizeof bound, "%g", metrics_bounds[i]);
        add(p, "%s_bucket{%s%sle=\"%s\"} %lld\n", name, labels, comma, bound, (long long)sum);
    }
    double seconds =
        (double)atomic_load_explicit(&h->sum_ns, memory_order_relaxed) / (double)NS_PER_S;
    add(p, labels[0] ? "%s_sum{%s} %.9g\n" : "%s_sum%s %.9g\n", name, labels, seconds);
    add(p, labels[0] ? "%s_count{%s} %lld\n" : "%s_count%s %lld\n", name, labels, (long long)sum);
}

/* ---- what the rooms counted ---- */

static void add_counted(struct page *p)
{
    for (size_t i = 0; i < METRICS_COUNTER_COUNT; i++) {
        const struct metrics_row *row = &metrics_counters[i];
        long long n = (long long)metrics_counted((enum metrics_counter)i);
        if (i == 0 || strcmp(row->name, row[-1].name) != 0)
            head(p, row->name, "counter", row->help);
        add(p, row->labels[0] ? "%s{%s} %lld\n" : "%s%s %lld\n", row->name, row->labels, n);
    }
    for (size_t i = 0; i < METRICS_TIMER_COUNT; i++) {
        const struct metrics_row *row = &metrics_timers[i];
        if (i == 0 || strcmp(row->name, row[-1].name) != 0)
            head(p, row->name, "histogram", row->help);
        histogram(p, row->name, row->labels, metrics_timed((enum metrics_timer)i));
    }
}

/* ---- submissions and the table ---- */

static void add_submissions(struct page *p, struct stats *s)
{
    const char *language;

    head(p, "scrc_submissions_accepted_total", "counter", "Submissions that came into the table.");
    for (size_t l = 0; (language = stats_language_name(s, l)); l++)
        add(p, "scrc_submissions_accepted_total{language=\"%s\"} %lld\n", language,
            (long long)stats_accepted(s, l));
    head(p, "scrc_submissions_finished_total", "counter", "Submissions that became final.");
    for (size_t l = 0; (language = stats_language_name(s, l)); l++) {
        for (int v = 0; v < VERDICT_COUNT; v++)
            add(p, "scrc_submissions_finished_total{language=\"%s\",verdict=\"%s\"} %lld\n",
                language, verdict_name((enum verdict)v),
                (long long)stats_finished(s, l, (enum verdict)v));
    }
}

static double age_s(int64_t since_ms)
{
    int64_t age = since_ms > 0 ? clock_wall_ms() - since_ms : 0;
    return age > 0 ? (double)age / 1000 : 0;
}

static void add_table(struct page *p, struct jobs *j)
{
    struct jobs_counts c;
    int64_t rows, oldest_ms;

    jobs_counts(j, &c);
    outbox_counts(j, &rows, &oldest_ms);
    gauge(p, "scrc_queue_length", (double)c.queued, "Submissions that wait.");
    gauge(p, "scrc_queue_oldest_age_seconds", age_s(c.oldest_queued_ms),
          "How long the oldest of them has waited.");
    gauge(p, "scrc_running", (double)c.running, "Submissions being judged.");
    gauge(p, "scrc_final", (double)c.final, "Final submissions in the table.");
    gauge(p, "scrc_table_writable", c.writable, "1 when the last write succeeded.");
    counter(p, "scrc_late_reports_total", (double)c.late_reports,
            "Second or late reports, which were refused.");
    counter(p, "scrc_table_commits_total", (double)c.commits, "Transactions of the job table.");
    counter(p, "scrc_table_operations_total", (double)c.operations,
            "Operations in these transactions; the quotient is the size of a group.");
    gauge(p, "scrc_outbox_rows", (double)rows, "Messages not yet acknowledged by Kafka.");
    gauge(p, "scrc_outbox_oldest_age_seconds", age_s(oldest_ms),
          "How long the oldest of them has waited.");
}

/* ---- engine ---- */

static void add_engine(struct page *p, struct request *r)
{
    struct engine_health h = { .ready = false };
    struct engine *engine = context_engine(r);

    if (engine)
        engine_health(engine, &h);
    gauge(p, "scrc_docker_up", h.docker, "1 when Docker answered last.");
    gauge(p, "scrc_ready", h.ready, "1 when submissions can be judged.");
    gauge(p, "scrc_parallel_limit", (double)context_of(r)->config->runner_max_parallel,
          "RUNNER_MAX_PARALLEL.");
    head(p, "scrc_cells", "gauge", "Containers of this server, by what they do.");
    add(p, "scrc_cells{state=\"idle\"} %lld\n", (long long)h.cells_idle);
    add(p, "scrc_cells{state=\"taken\"} %lld\n", (long long)h.cells_taken);
    add(p, "scrc_cells{state=\"removing\"} %lld\n", (long long)h.cells_removing);
    counter(p, "scrc_cells_made_total", (double)h.cells_made, "Containers made ahead of need.");
    counter(p, "scrc_cells_died_total", (double)h.cells_died,
            "Containers that died before they were needed.");
    gauge(p, "scrc_build_cache_bytes", (double)h.builds_bytes,
          "What the builds that are kept take on the disk.");
    gauge(p, "scrc_build_cache_limit_bytes", (double)h.builds_max_bytes,
          "BUILD_CACHE_BYTES; 0: there is no cache.");
    head(p, "scrc_build_cache_requests_total", "counter",
         "Builds that were asked for, by what the cache had.");
    add(p, "scrc_build_cache_requests_total{result=\"hit\"} %lld\n", (long long)h.builds_found);
    add(p, "scrc_build_cache_requests_total{result=\"miss\"} %lld\n", (long long)h.builds_made);
    counter(p, "scrc_build_cache_evictions_total", (double)h.builds_evicted,
            "Builds that went to make room.");
}

static void add_languages(struct page *p, struct request *r)
{
    struct engine *engine = context_engine(r);
    json_auto_t *all = engine ? engine_languages(engine) : NULL;
    json_t *list = json_object_get(all, "languages");

    head(p, "scrc_language_ready", "gauge", "1 when the language's self-test has passed.");
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *one = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(one, "name"));
        const char *state = json_string_value(json_object_get(one, "state"));
        if (name && state)
            add(p, "scrc_language_ready{language=\"%s\"} %d\n", name, strcmp(state, "ok") == 0);
    }
}

static void add_disk(struct page *p, const char *dir)
{
    struct statvfs fs = { .f_bavail = 0 };

    if (statvfs(dir, &fs) == 0)
        gauge(p, "scrc_data_free_bytes", (double)fs.f_bavail * (double)fs.f_frsize,
              "Free under DATA_DIR.");
}

/* ---- Kafka ---- */

/* The outbox is the table's, and told with it. */
static void add_kafka(struct page *p, struct bridge *b)
{
    struct bridge_health h;

    if (!b)
        return;
    bridge_health(b, &h);
    gauge(p, "scrc_kafka_up", h.connected, "1 when a broker answers.");
    gauge(p, "scrc_kafka_paused", h.paused, "1 when nothing is read for now.");
    head(p, "scrc_kafka_trouble", "gauge",
         "1 when something is wrong with this part; /readyz says what.");
    for (int i = 0; i < BRIDGE_PARTS; i++)
        add(p, "scrc_kafka_trouble{part=\"%s\"} %d\n", bridge_part_name((enum bridge_part)i),
            h.why[i][0] != '\0');
    gauge(p, "scrc_unreported", (double)h.unreported,
          "Submissions of Kafka in the table whose reports are not acknowledged yet.");
    head(p, "scrc_kafka_lag_messages", "gauge",
         "Messages of this server's partitions whose offsets are not committed yet, as Kafka's "
         "group tool counts them.");
    for (size_t i = 0; i < h.lags_len; i++) {
        if (h.lags[i].lag >= 0)
            add(p, "scrc_kafka_lag_messages{partition=\"%d\"} %lld\n", (int)h.lags[i].partition,
                (long long)h.lags[i].lag);
    }
    head(p, "scrc_kafka_messages_total", "counter",
         "Messages read and sent, by what became of them.");
    for (int c = 0; c < BRIDGE_COUNTER_COUNT; c++)
        add(p, "scrc_kafka_messages_total{event=\"%s\"} %lld\n",
            bridge_counter_name((enum bridge_counter)c), (long long)h.counters[c]);
}

/* ---- HTTP and the process ---- */

/* route NULL: of requests without one. */
static void name_route(const struct route *route, char out[120])
{
    (void)snprintf(out, 120, "method=\"%s\",route=\"%s\"", route ? route->method : "",
                   route ? route->path : "none");
}

static void add_http(struct page *p, const struct request *r)
{
    struct traffic *traffic = request_traffic(r);
    const struct route_table *routes = request_routes(r);
    char name[120], status[8];

    head(p, "scrc_http_requests_total", "counter", "Requests that were answered.");
    for (size_t i = 0; i <= routes->len; i++) {
        name_route(i < routes->len ? &routes->rows[i] : NULL, name);
        for (size_t k = 0; k < TRAFFIC_STATUSES; k++) {
            int64_t n = traffic_counted(traffic, i, k);
            (void)snprintf(status, sizeof status, "%u", traffic_status(k));
            if (n > 0)
                add(p, "scrc_http_requests_total{%s,code=\"%s\"} %lld\n", name,
                    traffic_status(k) ? status : "other", (long long)n);
        }
    }
    head(p, "scrc_http_request_duration_seconds", "histogram",
         "From headers to the last byte handed over; without event streams and waits.");
    for (size_t i = 0; i <= routes->len; i++) {
        name_route(i < routes->len ? &routes->rows[i] : NULL, name);
        histogram(p, "scrc_http_request_duration_seconds", name, traffic_timed(traffic, i));
    }
    gauge(p, "scrc_http_connections", (double)request_connections(r), "Open connections.");
    gauge(p, "scrc_event_subscribers", (double)hub_count(context_of(r)->hub),
          "Open event streams.");
}

static void add_process(struct page *p)
{
    struct process_stats u;

    process_stats_read(&u);
    gauge(p, "process_resident_memory_bytes", (double)u.rss_bytes, "Resident memory.");
    gauge(p, "process_virtual_memory_bytes", (double)u.virtual_bytes, "Virtual memory.");
    counter(p, "process_cpu_seconds_total", (double)u.cpu_ns / (double)NS_PER_S,
            "User and system time.");
    gauge(p, "process_open_fds", (double)u.open_fds, "Open descriptors.");
    gauge(p, "process_max_fds", (double)u.max_fds, "Descriptors that may be open.");
    gauge(p, "process_start_time_seconds", u.start_s, "When it began, since 1970.");
    head(p, "scrc_build_info", "gauge", "1, with what it was built from.");
    add(p, "scrc_build_info{version=\"%s\",commit=\"%s\",compiler=\"%s\"} 1\n", SCRC_VERSION,
        system_commit() ? system_commit() : "", system_compiler());
}

enum next metrics_api_get(struct request *r)
{
    const struct server *s = context_of(r);
    struct page p = { .failed = false };

    add_process(&p);
    add_submissions(&p, s->stats);
    add_table(&p, s->jobs);
    add_disk(&p, s->config->data_dir);
    add_engine(&p, r);
    add_languages(&p, r);
    add_counted(&p);
    add_kafka(&p, s->bridge);
    add_http(&p, r);
    if (p.failed) {
        buf_clear(&p.out);
        return request_reply_json(r, 200, NULL);
    }
    size_t len = p.out.len;
    return request_reply(r, 200, TYPE, buf_take(&p.out), len);
}
