/* server/routes.h - every route, once. openapi.yaml says the same; a test compares.
 *
 * Threads  any; static tables.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "server/request.h"

/* What a route needs of the engine, which is there until the server drains; the dispatcher holds it
 * for each step of the request and lets it go. */
enum route_engine {
    ROUTE_WITHOUT,  /* nothing: r->engine is NULL */
    ROUTE_WITH,     /* r->engine where it is there */
    ROUTE_ONLY_WITH /* as that; without it, or without writing to the job table, 503 */
};

struct route {
    const char *method; /* a GET row answers HEAD too */
    const char *path;   /* as in openapi.yaml: "/results/{id}"; {...} is one segment */
    enum next (*handle)(struct request *r);
    enum route_engine engine;
    bool takes_json;
    bool always; /* answered even when there are too many connections */
    bool aside;  /* may take long: not on the thread that serves connections */
    const char *params[REQUEST_PARAMS_MAX + 1]; /* legal query parameters; NULL-terminated */
};

extern const struct route routes_table[];
extern const size_t routes_len;

enum routes_found { ROUTES_FOUND, ROUTES_NO_PATH, ROUTES_NO_METHOD, ROUTES_BAD_PATH };

/* path is raw, as on the wire, without the query. On ROUTES_FOUND *ret_route is set and id (of
 * SUBMISSION_ID_MAX + 1 bytes) holds what stands for {...}, decoded, if there is such. On
 * ROUTES_NO_METHOD allow holds the methods that would be right. */
enum routes_found routes_find(const char *method, const char *path, const struct route **ret_route,
                              char *id, char allow[40]);
