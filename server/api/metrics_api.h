/* server/api/metrics_api.h - GET /metrics: Prometheus' text format 0.0.4, from memory.
 *
 * Every label has few values: languages of the table, verdicts, routes, statuses.
 *
 * Room     server/api.
 * Threads  steps of a request, see request.h.
 */
#pragma once

#include "server/http/request.h"

enum next metrics_api_get(struct request *r);
