/* server/http/http_config.h - what a daemon is given: routes, the handlers' context, limits.
 *
 * Room     server/http.
 * Owns     nothing; all is borrowed from daemon_start() to daemon_stop().
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "server/http/route.h"

struct request;

struct http_config {
    struct route_table routes;
    const void *context;    /* r->context of each request */
    principal_fn *identify; /* r->principal of each request */
    size_t request_size;    /* bytes of the handlers' own request type, whose first member is a
                               struct request; its other members are zero when a request begins */
    /* The request waits or is answered: free what it does not need any more. Called more than once,
     * on any thread. */
    void (*release)(struct request *r);
    /* The request has ended; its socket is still open. Called once. */
    void (*end)(struct request *r);
    /* Called by daemon_drain(): no new work may begin. */
    void (*drain)(const void *context);
    /* Called by daemon_stop(): resume all requests and streams that wait. */
    void (*stop)(const void *context);

    const char *allowed_hosts; /* NULL: none */
    int64_t max_body_bytes, max_header_bytes, max_connections, max_connections_per_address;
    int64_t request_timeout_ms;
};
