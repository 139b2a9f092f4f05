/* GET /system: what this server is, has and needs. */
#include <microhttpd.h>
#include <string.h>

#include "bridge/kafka/kafka_conf.h"
#include "engine/docker/docker_http.h"
#include "engine/engine.h"
#include "schema/base/clock.h"
#include "schema/base/text.h"
#include "schema/store/db.h"
#include "schema/store/jobs.h"
#include "server/api/context.h"
#include "server/api/diagnostics.h"
#include "server/api/health.h"
#include "server/api/process_stats.h"
#include "server/config.h"

const char *system_commit(void)
{
#ifdef SCRC_COMMIT
    return SCRC_COMMIT;
#else
    return NULL;
#endif
}

const char *system_compiler(void)
{
#ifdef __clang__
    return "clang " __clang_version__;
#else
    return "gcc " __VERSION__;
#endif
}

/* What is handed through to librdkafka; names are the operator's, values may be secrets, and only
 * those that are known to be none are shown. */
static void add_properties(json_t *list)
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

static json_t *settings_of(const struct config *c)
{
    struct config_shown k;
    json_t *list = json_array();

    for (size_t i = 0; list && config_show(c, i, &k); i++)
        (void)json_array_append_new(list,
                                    json_pack("{s:s, s:s?, s:s?, s:b, s:s}", "name", k.name,
                                              "value", k.has_value ? k.value : NULL, "default",
                                              k.normal, "is_set", k.is_set, "help", k.help));
    if (list && c->kafka_brokers)
        add_properties(list);
    return list;
}

/* Enough to tell two starts apart. Names of cells and labels have more of it, which is nobody's
 * business who may only ask over HTTP. */
#define INSTANCE_SHOWN 8

static json_t *build_of(const struct server *s)
{
    struct process_stats use;
    char started[CLOCK_RFC3339_SIZE];

    process_stats_read(&use);
    int64_t now = clock_wall_ms(), start = (int64_t)(use.start_s * 1000);
    clock_rfc3339(start > 0 && start < now ? start : now, started);
    json_t *libraries = json_pack("{s:s, s:s, s:s, s:s, s:s}", "libmicrohttpd", MHD_get_version(),
                                  "sqlite", db_library(), "jansson", jansson_version_str(),
                                  "libcurl", docker_http_library(), "libsodium", text_library());
    return json_pack("{s:s, s:s?, s:s, s:o, s:s, s:I, s:s, s:o}", "version", SCRC_VERSION, "commit",
                     system_commit(), "compiler", system_compiler(), "libraries", libraries,
                     "started_at", started, "uptime_ms",
                     (json_int_t)(start > 0 && start < now ? now - start : 0), "table",
                     jobs_table_id(s->jobs), "instance",
                     json_sprintf("%.*s", INSTANCE_SHOWN, s->instance ? s->instance : ""));
}

static json_t *process_of(void)
{
    struct process_stats u;

    process_stats_read(&u);
    return json_pack("{s:i, s:I, s:I, s:I, s:I, s:I}", "pid", (int)getpid(), "rss_bytes",
                     (json_int_t)u.rss_bytes, "cpu_ms", (json_int_t)(u.cpu_ns / NS_PER_MS),
                     "open_fds", (json_int_t)u.open_fds, "max_fds", (json_int_t)u.max_fds,
                     "threads", (json_int_t)u.threads);
}

/* On a thread of its own: Docker may take its time. */
static enum next look(struct request *r)
{
    const struct server *s = context_of(r);
    struct engine *engine = context_engine(r);
    char found_at[CLOCK_RFC3339_SIZE];
    int64_t found_ms = 0;

    json_t *findings = diagnostics_collect(s->findings, s, engine, &found_ms);
    json_auto_t *all = engine ? engine_languages(engine) : NULL;
    json_t *languages = json_incref(json_object_get(all, "languages"));
    clock_rfc3339(found_ms, found_at);
    return request_reply_json(
        r, 200,
        json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "findings", findings, "findings_at", found_at,
                  "languages", languages ? languages : json_array(), "settings",
                  settings_of(s->config), "server", build_of(s), "process", process_of()));
}

enum next system_get(struct request *r)
{
    r->executor = context_of(r)->slow;
    r->step = look;
    return NEXT_OFFLOAD;
}
