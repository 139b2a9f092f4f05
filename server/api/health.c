#include "server/api/health.h"

#include <stdio.h>

#include "bridge/bridge.h"
#include "schema/store/jobs.h"
#include "server/api/context.h"

/* openapi.yaml, embedded by the build. */
extern const char http_openapi[];
extern const size_t http_openapi_size;

enum next health_languages(struct request *r)
{
    struct engine *engine = context_engine(r);
    json_t *list = engine ? engine_languages(engine) : json_pack("{s:[]}", "languages");

    return request_reply_json(r, 200, list);
}

enum next health_healthz(struct request *r)
{
    return request_reply_json(r, 200,
                              json_pack("{s:s, s:s}", "status", "ok", "version", SCRC_VERSION));
}

/* Problems that do not make the server unready. */
static json_t *list_degraded(const struct server *s)
{
    json_t *list = json_array();
    struct bridge_health health;

    if (!s->bridge)
        return list;
    bridge_health(s->bridge, &health);
    for (int i = 0; i < BRIDGE_PARTS; i++) {
        if (health.why[i][0])
            (void)json_array_append_new(list, json_sprintf("Kafka, %s: %s",
                                                           bridge_part_name((enum bridge_part)i),
                                                           health.why[i]));
    }
    return list;
}

void health_read_readiness(struct request *r, struct health_readiness *ret_readiness)
{
    struct engine_health health = { .why = "nothing is judged here" };
    struct jobs_counts counts;
    json_t *reasons = json_array();

    jobs_counts(context_of(r)->jobs, &counts);
    if (r->stopping)
        (void)snprintf(health.why, sizeof health.why, "the server is stopping");
    else if (context_engine(r))
        engine_health(context_engine(r), &health);
    if (!counts.writable)
        (void)json_array_append_new(reasons, json_sprintf("job table: %s", counts.unwritable_why));
    if (!health.ready)
        (void)json_array_append_new(reasons, json_string(health.why));
    *ret_readiness = (struct health_readiness){ .ready = counts.writable && health.ready,
                                                .health = health,
                                                .reasons = reasons,
                                                .degraded = list_degraded(context_of(r)) };
}

enum next health_readyz(struct request *r)
{
    struct health_readiness readiness;

    health_read_readiness(r, &readiness);
    return request_reply_json(r, readiness.ready ? 200 : 503,
                              json_pack("{s:b, s:o, s:o}", "ready", readiness.ready, "reasons",
                                        readiness.reasons, "degraded", readiness.degraded));
}

enum next health_openapi(struct request *r)
{
    return request_reply_kept(r, 200, "application/yaml", http_openapi, http_openapi_size);
}
