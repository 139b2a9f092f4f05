/* server/http/route.h - a route: its requests, its needs, its handler; and how to find the route of
 * a path.
 *
 * The needs of a route are in its row. The daemon checks them before it calls the handler, so that
 * no handler can forget it.
 *
 * Room     server/http. Knows no handler.
 * Threads  any; tables are static.
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

/* What follows a step of a request; request.h says what each value means. */
enum next { NEXT_REPLY, NEXT_OFFLOAD, NEXT_PAUSE, NEXT_STREAM, NEXT_CLOSE };

#define ROUTE_ID_MAX     255 /* bytes of what matches {...}, decoded */
#define ROUTE_PARAMS_MAX 10

/* Whether the steps of a route use the engine, which exists until daemon_drain() returns.
 * request_step() holds it during each step. What an engine is, server/http does not know. */
enum route_engine {
    ROUTE_WITHOUT,  /* no: r->has_engine is false */
    ROUTE_WITH,     /* if it is there: r->has_engine says so */
    ROUTE_ONLY_WITH /* yes, or they write to the job table: 503 when the daemon drains */
};

/* For route.body_bytes: as large as http_config.max_body_bytes allows. */
#define ROUTE_BODY_MAX INT64_MAX

struct route {
    const char *method; /* a GET row answers HEAD too */
    const char *path;   /* as in openapi.yaml: "/results/{id}"; {...} is one segment */
    enum next (*handle)(struct request *r);
    enum right right; /* a principal without it gets 403; must be set */
    enum route_engine engine;
    int64_t body_bytes; /* the largest body, JSON; max_body_bytes limits it too. 0: the route takes
                           no body; a small one is read and dropped */
    bool form;          /* the body may be multipart/form-data, too: then r->is_form */
    bool always;        /* answered also when there are too many connections */
    bool offload;       /* the handler may take long: it runs on the executor */
    const char *params[ROUTE_PARAMS_MAX + 1]; /* legal query parameters; NULL-terminated */
    const char *repeated; /* the one of them that may be given several times; NULL: none */
};

/* Rows are tried in order. */
struct route_table {
    const struct route *rows;
    size_t len;
};

/* ERR_BUG when a row lacks its handler or its right, or has a negative body_bytes. */
NODISCARD int route_check(const struct route_table *table, struct err *e);

enum route_found { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD, ROUTE_BAD_PATH };

/* Finds the route for a method and a path, which is not decoded and has no query. On ROUTE_FOUND
 * *ret_route is set, and id (of ROUTE_ID_MAX + 1 bytes) holds what matches {...}, decoded, if the
 * path has one. On ROUTE_NO_METHOD allow holds the methods of the path, for the header Allow. */
enum route_found route_find(const struct route_table *table, const char *method, const char *path,
                            const struct route **ret_route, char *id, char allow[40]);
