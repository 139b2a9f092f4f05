/* server/http/route.h - a route: which requests it is for, what it needs, who answers them; and the
 * route of a path.
 *
 * Room     server/http. Has never heard of any handler.
 * Threads  any; static tables.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

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

struct route {
    const char *method; /* a GET row answers HEAD too */
    const char *path;   /* as in openapi.yaml: "/results/{id}"; {...} is one segment */
    enum next (*handle)(struct request *r);
    enum route_engine engine;
    bool takes_json;
    bool always; /* answered even when there are too many connections */
    bool aside;  /* may take long: not on the thread that serves connections */
    const char *params[ROUTE_PARAMS_MAX + 1]; /* legal query parameters; NULL-terminated */
};

/* In the order in which they are tried. */
struct route_table {
    const struct route *rows;
    size_t len;
};

enum route_found { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD, ROUTE_BAD_PATH };

/* The route for a method and a path, which is raw, as on the wire, without the query. On
 * ROUTE_FOUND *ret_route is set and id (of ROUTE_ID_MAX + 1 bytes) holds what stands for {...},
 * decoded, if there is such. On ROUTE_NO_METHOD allow holds the methods that would be right. */
enum route_found route_find(const struct route_table *table, const char *method, const char *path,
                            const struct route **ret_route, char *id, char allow[40]);
