/* server/http/route.h - a route: which requests it is for, what it needs, who answers them; and the
 * route of a path.
 *
 * What a route needs stands in its row, and the daemon checks it before the handler is called: so
 * no handler can forget it.
 *
 * Room     server/http. Has never heard of any handler.
 * Threads  any; static tables.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/base.h"
#include "server/http/principal.h"

struct err;
struct request;

/* What comes behind a step of a request; request.h says what each means. */
enum next { NEXT_REPLY, NEXT_OFFLOAD, NEXT_PAUSE, NEXT_SENT, NEXT_STREAM, NEXT_CLOSE };

#define ROUTE_ID_MAX     255 /* bytes of what stands for {...} */
#define ROUTE_PARAMS_MAX 10

/* What a route needs of the engine, which is there until the daemon drains; the dispatcher holds it
 * for each step of the request (r->uses) and lets it go. What an engine is it never asks. */
enum route_engine {
    ROUTE_WITHOUT,  /* nothing: r->uses is false */
    ROUTE_WITH,     /* r->uses where it is there */
    ROUTE_ONLY_WITH /* as that; without it, or without writing to the job table, 503 */
};

/* A body as large as http_config.max_body_bytes allows. */
#define ROUTE_BODY_MAX INT64_MAX

struct route {
    const char *method; /* a GET row answers HEAD too */
    const char *path;   /* as in openapi.yaml: "/results/{id}"; {...} is one segment */
    enum next (*handle)(struct request *r);
    enum right right; /* a principal without it gets 403; must be set */
    enum route_engine engine;
    int64_t body_bytes; /* of JSON, at most, and never more than max_body_bytes; 0: takes no body,
                           a small one is read and dropped */
    bool always;        /* answered even when there are too many connections */
    bool aside;         /* may take long: not on the thread that serves connections */
    const char *params[ROUTE_PARAMS_MAX + 1]; /* legal query parameters; NULL-terminated */
};

/* In the order in which they are tried. */
struct route_table {
    const struct route *rows;
    size_t len;
};

/* Refuses (ERR_BUG) a table with a row that lacks its handler or its right. */
NODISCARD int route_check(const struct route_table *table, struct err *e);

enum route_found { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD, ROUTE_BAD_PATH };

/* The route for a method and a path, which is raw, as on the wire, without the query. On
 * ROUTE_FOUND *ret_route is set and id (of ROUTE_ID_MAX + 1 bytes) holds what stands for {...},
 * decoded, if there is such. On ROUTE_NO_METHOD allow holds the methods that would be right. */
enum route_found route_find(const struct route_table *table, const char *method, const char *path,
                            const struct route **ret_route, char *id, char allow[40]);
