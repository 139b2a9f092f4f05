/* server/api/health.h - requests about the server itself: languages, health, its API's description.
 *
 * Room     server/api.
 * Threads  steps of a request, see request.h.
 */
#pragma once

#include <jansson.h>

#include "engine/engine.h"
#include "server/http/request.h"

enum next health_languages(struct request *r);
enum next health_healthz(struct request *r);
enum next health_readyz(struct request *r);
enum next health_openapi(struct request *r);
enum next system_get(struct request *r);

/* What GET /readyz returns. The caller owns both lists. */
struct health_readiness {
    bool ready;
    struct engine_health health;
    json_t *reasons, *degraded;
};
void health_read_readiness(struct request *r, struct health_readiness *ret_readiness);

/* Name and version, static. */
const char *system_compiler(void);
