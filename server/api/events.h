/* server/api/events.h - GET /events and GET /submissions/{id}/events: server-sent events.
 *
 * Room     server/api.
 * Threads  steps of a request, see request.h.
 */
#pragma once

#include "server/http/request.h"

enum next events_everything(struct request *r);
enum next events_of_one(struct request *r);
