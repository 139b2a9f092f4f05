/* server/api/results_list.h - GET /results.
 *
 * Room     server/api.
 * Threads  steps of a request, see request.h.
 */
#pragma once

#include "server/http/request.h"

enum next results_list(struct request *r);
