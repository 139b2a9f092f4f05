/* server/api/metrics_api.h - GET /metrics in Prometheus' text format 0.0.4, without reading the job
 * table's file.
 *
 * Every label has few values (languages of the table, verdicts, routes, statuses), because
 * Prometheus keeps a series for each combination.
 *
 * Room     server/api.
 * Threads  steps of a request, see request.h.
 */
#pragma once

#include "server/http/request.h"

enum next metrics_api_get(struct request *r);
