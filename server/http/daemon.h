/* server/http/daemon.h - the HTTP edge: one libmicrohttpd daemon, its limits, its end.
 *
 * Room     server/http: the daemon, and a request from its bytes to its reply. May know schema/base
 *          and json and server/executor.h; is given routes and a context, no jobs and no engine.
 * Owns     the daemon and its connections, from daemon_start() to daemon_stop().
 * Threads  daemon_start() and daemon_stop() by one thread; the handlers run on the daemon's.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include "schema/base/base.h"
#include "server/http/http_config.h"

struct err;
struct daemon;

/* Serves on the bound socket, which it takes in any case. Copies *c, borrows what it points at.
 * ERR_BUG: the route table is not complete (route_check()). */
NODISCARD int daemon_start(const struct http_config *c, int listen_fd, struct daemon **ret_http,
                           struct err *e);

/* Refuses further requests with 503; those that wait go on waiting. After this no step has what its
 * route needs to be drained for (route.h). */
void daemon_drain(struct daemon *h);

/* Drains, has those resumed that wait, stops. Takes NULL, returns NULL. */
struct daemon *daemon_stop(struct daemon *h);
