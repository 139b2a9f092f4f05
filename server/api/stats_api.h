/* server/api/stats_api.h - GET /stats.
 *
 * Room     server/api.
 * Threads  steps of a request, see request.h.
 */
#pragma once

#include "server/http/request.h"

enum next stats_api_get(struct request *r);
