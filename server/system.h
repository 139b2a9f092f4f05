/* server/system.h - what the server says of itself: languages, health, its description.
 *
 * Room     server.
 * Threads  steps of a request, see request.h.
 */
#pragma once

#include "server/request.h"

enum next system_languages(struct request *r);
enum next system_healthz(struct request *r);
enum next system_readyz(struct request *r);
enum next system_openapi(struct request *r);
