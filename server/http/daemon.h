/* server/http/daemon.h - starts, drains and stops the HTTP server: one libmicrohttpd daemon.
 *
 * Room     server/http: the daemon, and a request from its first byte to its reply.
 *          May know schema/base, schema/json and server/executor.h. It is given a route table and a
 *          context, and knows neither jobs nor the engine.
 * Owns     the daemon and its connections, from daemon_start() to daemon_stop().
 * Threads  one thread calls all three; handlers run on the daemon's threads.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include "schema/base/base.h"
#include "server/http/http_config.h"

struct err;
struct daemon;

/* Serves on a bound socket, which it owns from now on, also when it fails. Copies *c; borrows what
 * that points at until daemon_stop(). ERR_BUG: the route table is not complete (route_check()). */
NODISCARD int daemon_start(const struct http_config *c, int listen_fd, struct daemon **ret_daemon,
                           struct err *e);

/* Answers new requests with 503; requests that wait go on waiting. Returns when no step uses the
 * engine any more; later steps run without it (route.h, r->has_engine). */
void daemon_drain(struct daemon *d);

/* Drains, has all waiting requests resumed, and stops. Takes NULL, returns NULL. */
struct daemon *daemon_stop(struct daemon *d);
