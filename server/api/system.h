/* server/api/system.h - what the server says of itself: languages, health, its description.
 *
 * Room     server/api.
 * Threads  steps of a request, see request.h.
 */
#pragma once

#include <jansson.h>

#include "engine/engine.h"
#include "server/http/request.h"

enum next system_languages(struct request *r);
enum next system_healthz(struct request *r);
enum next system_readyz(struct request *r);
enum next system_openapi(struct request *r);
enum next system_get(struct request *r);

/* What GET /readyz says. The caller owns both lists. */
struct system_readiness {
    bool ready;
    struct engine_health health;
    json_t *reasons, *degraded;
};
void system_look(struct request *r, struct system_readiness *ret_readiness);

/* Of the source it was built from; NULL: not known. Static. */
const char *system_commit(void);
const char *system_compiler(void);
