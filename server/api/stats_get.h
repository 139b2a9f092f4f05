/* server/api/stats_get.h - GET /stats.
 *
 * Room     server/api.
 * Threads  steps of a request, see request.h.
 */
#pragma once

#include "server/http/request.h"

enum next stats_get(struct request *r);
