/* server/http/http.h - the HTTP edge: one libmicrohttpd daemon, its limits, its end.
 *
 * Room     server/http: the daemon, and a request from its bytes to its reply. May know schema/base
 *          and json and server/aside.h; is given routes and a context, no jobs and no engine.
 * Owns     the daemon and its connections, from http_start() to http_stop().
 * Threads  http_start() and http_stop() by one thread; the handlers run on the daemon's.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include "schema/base/base.h"
#include "server/http/http_config.h"

struct err;
struct http;

/* Serves on the bound socket, which it takes in any case. Copies *c, borrows what it points at. */
NODISCARD int http_start(const struct http_config *c, int listen_fd, struct http **ret_http,
                         struct err *e);

/* Refuses further requests with 503; those that wait go on waiting. After this no step has what its
 * route needs to be drained for (route.h). */
void http_drain(struct http *h);

/* Drains, has those resumed that wait, stops. Takes NULL, returns NULL. */
struct http *http_stop(struct http *h);
