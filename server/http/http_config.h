/* server/http/http_config.h - what a daemon is given: routes, a context for their handlers, limits.
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
    size_t request_size;    /* bytes of what the handlers keep of a request; a struct request is its
                               first member. The rest is zero when the request begins */
    /* The request waits or is answered: what it does not need any more can go. Often, on any
     * thread. */
    void (*rest)(struct request *r);
    /* The request is over, and its socket not yet closed. */
    void (*end)(struct request *r);
    /* daemon_drain(): no more than what is begun. */
    void (*drain)(const void *context);
    /* daemon_stop(): whatever a request or a stream waits for, it is to be resumed now. */
    void (*stop)(const void *context);

    const char *allowed_hosts; /* NULL: none */
    int64_t max_body_bytes, max_header_bytes, max_connections, max_connections_per_address;
    int64_t request_timeout_ms;
};
