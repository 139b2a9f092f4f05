/* server/events.h - GET /events and GET /submissions/{id}/events: server-sent events.
 *
 * Room     server.
 * Threads  steps of a request, see request.h.
 */
#pragma once

#include <sys/types.h>

#include "server/request.h"

enum next events_everything(struct request *r);
enum next events_of_one(struct request *r);

/* A reader of the library's: the next bytes of the stream of *request. */
ssize_t events_read(void *request, uint64_t position, char *out, size_t size);
