/* server/api/api.h - starts and stops the HTTP API: a daemon with the routes of this server.
 *
 * Room     server/api: the route table and the handlers. May know all rooms.
 * Owns     the daemon, and what all handlers share beside the server's parts, from api_start() to
 *          api_stop().
 * Threads  start, drain and stop by one thread; the handlers run on the daemon's.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include "schema/base/base.h"

struct api;
struct err;
struct server;

/* Serves on the bound socket, which it takes in any case. Copies *s, borrows what it points at. */
NODISCARD int api_start(const struct server *s, int listen_fd, struct api **ret_api, struct err *e);

/* Refuses further requests with 503 and ends the event streams of everything; waiting requests go
 * on waiting. Afterwards no handler uses the engine or writes to the job table. */
void api_drain(struct api *a);

/* Drains, answers waiting requests, stops the daemon; stops the server's waiters and hub too. Takes
 * NULL, returns NULL. */
struct api *api_stop(struct api *a);
