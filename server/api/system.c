/* GET /system: diagnostics, languages, settings, build and process of this server. */
#include <microhttpd.h>
#include <string.h>

#include "bridge/kafka/kafka_conf.h"
#include "engine/docker/docker_http.h"
#include "engine/engine.h"
#include "schema/base/clock.h"
#include "schema/base/text.h"
#include "schema/store/db.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_servers.h"
#include "server/api/context.h"
#include "server/api/diagnostics.h"
#include "server/api/health.h"
#include "server/api/process_stats.h"
#include "server/config.h"
#include "server/version.h"

const char *system_compiler(void)
{
#ifdef __clang__
    return "clang " __clang_version__;
#else
    return "gcc " __VERSION__;
#endif
}

/* Properties passed on to librdkafka. Values may be secrets, so only those are shown that are known
 * to be none. */
static void append_properties(json_t *list)
{
    for (char *const *v = environ; *v; v++) {
        char name[128];
        size_t len = strcspn(*v, "=");
        if (strncmp(*v, "KAFKA_PROP_", strlen("KAFKA_PROP_")) != 0 || len >= sizeof name)
            continue;
        (void)snprintf(name, sizeof name, "%.*s", (int)len, *v);
        (void)json_array_append_new(
            list, json_pack("{s:s, s:s, s:n, s:b, s:s}", "name", name, "value",
                            kafka_conf_shown(*v) ? *v + len + 1 : "***", "default", "is_set", 1,
                            "help", "a property of librdkafka"));
    }
}

static json_t *describe_settings(const struct config *c)
{
    struct config_shown shown;
    json_t *list = json_array();

    for (size_t i = 0; list && config_show(c, i, &shown); i++)
        (void)json_array_append_new(
            list, json_pack("{s:s, s:s?, s:s?, s:b, s:s}", "name", shown.name, "value",
                            shown.has_value ? shown.value : NULL, "default", shown.normal, "is_set",
                            shown.is_set, "help", shown.help));
    if (list && c->kafka_brokers)
        append_properties(list);
    return list;
}

/* Characters of the instance id that are shown, enough to distinguish two starts. Names and labels
 * of cells contain more of it, which HTTP clients must not learn. */
#define INSTANCE_SHOWN 8

static json_t *describe_build(const struct server *s)
{
    struct process_stats stats;
    char started[CLOCK_RFC3339_SIZE];

    process_stats_read(&stats);
    int64_t now = clock_wall_ms(), start = (int64_t)(stats.start_s * 1000);
    clock_rfc3339(start > 0 && start < now ? start : now, started);
    json_t *libraries =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "libmicrohttpd", MHD_get_version(), "sqlite",
                  db_library(), "libpq", db_client_library(), "jansson", jansson_version_str(),
                  "libcurl", docker_http_library(), "libsodium", text_library());
    return json_pack("{s:s, s:s?, s:s, s:o, s:s, s:I, s:s, s:o}", "version", SCRC_VERSION, "commit",
                     version_commit(), "compiler", system_compiler(), "libraries", libraries,
                     "started_at", started, "uptime_ms",
                     (json_int_t)(start > 0 && start < now ? now - start : 0), "table",
                     jobs_table_id(s->jobs), "instance",
                     json_sprintf("%.*s", INSTANCE_SHOWN, s->instance ? s->instance : ""));
}

/* Empty when the table cannot say; what is wrong with it is a finding. */
static json_t *describe_servers(struct jobs *j)
{
    CLEANUP(freep) struct jobs_server *servers = NULL;
    json_t *list = json_array();
    size_t len = 0;

    if (!list || jobs_servers(j, &servers, &len, NULL) < 0)
        return list;
    for (size_t i = 0; i < len; i++) {
        const struct jobs_server *s = &servers[i];
        (void)json_array_append_new(
            list,
            json_pack("{s:o, s:s, s:s, s:I, s:I, s:I, s:b, s:b}", "instance",
                      json_sprintf("%.*s", INSTANCE_SHOWN, s->instance), "host", s->host, "version",
                      s->version, "slots", (json_int_t)s->slots, "claims", (json_int_t)s->claims,
                      "seen_ms", (json_int_t)s->seen_ms, "over", s->over, "own", s->own));
    }
    return list;
}

static json_t *describe_process(void)
{
    struct process_stats stats;

    process_stats_read(&stats);
    return json_pack("{s:i, s:I, s:I, s:I, s:I, s:I}", "pid", (int)getpid(), "rss_bytes",
                     (json_int_t)stats.rss_bytes, "cpu_ms", (json_int_t)(stats.cpu_ns / NS_PER_MS),
                     "open_fds", (json_int_t)stats.open_fds, "max_fds", (json_int_t)stats.max_fds,
                     "threads", (json_int_t)stats.threads);
}

/* On slow_executor, because Docker may be slow. */
static enum next reply_system(struct request *r)
{
    const struct server *s = context_of(r);
    struct engine *engine = context_engine(r);
    char collected_at[CLOCK_RFC3339_SIZE];
    int64_t collected_ms = 0;

    json_t *diagnostics = diagnostics_collect(s->diagnostics, s, engine, &collected_ms);
    json_auto_t *all = engine ? engine_languages(engine) : NULL;
    json_t *languages = json_incref(json_object_get(all, "languages"));
    clock_rfc3339(collected_ms, collected_at);
    return request_reply_json(
        r, 200,
        json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "findings", diagnostics, "findings_at",
                  collected_at, "languages", languages ? languages : json_array(), "settings",
                  describe_settings(s->config), "servers", describe_servers(s->jobs), "server",
                  describe_build(s), "process", describe_process()));
}

enum next system_get(struct request *r)
{
    r->executor = context_of(r)->slow_executor;
    r->step = reply_system;
    return NEXT_OFFLOAD;
}
