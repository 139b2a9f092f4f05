/* server/http.h - the HTTP edge: one libmicrohttpd daemon, its limits, its end.
 *
 * Room     server.
 * Owns     the daemon and its connections, from http_start() to http_stop().
 * Threads  http_start() and http_stop() by one thread; the handlers run on the daemon's.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include <stdbool.h>

#include "schema/base.h"
#include "schema/submission.h"
#include "server/hosts.h"

struct aside;
struct bridge;
struct cache;
struct config;
struct connections;
struct engine;
struct engine_config;
struct err;
struct findings;
struct http;
struct jobs;
struct hub;
struct languages;
struct stats;
struct traffic;
struct waiters;

/* What the handlers work with. */
struct server {
    const struct config *config;
    struct jobs *jobs;
    struct engine *engine; /* NULL: nothing is judged. Handlers have it from their request */
    const struct languages *languages;
    struct waiters *waiters;                   /* listens to jobs */
    struct bridge *bridge;                     /* NULL: Kafka is off */
    struct hub *hub;                           /* listens to jobs and engine */
    struct stats *stats;                       /* listens to jobs */
    const struct engine_config *engine_config; /* NULL: the host is not looked at */
    const char *instance;                      /* this start's random id */

    /* set by http_start() */
    struct hosts hosts;
    struct submission_rules rules;
    struct cache *cache;
    struct connections *connections;
    struct traffic *traffic;
    struct findings *findings;
    struct aside *slow;  /* one thread for what Docker may hold up */
    struct aside *lists; /* one thread for pages of GET /results */
};

/* Serves on the bound socket, which it takes in any case. Copies *s, borrows what it points at. */
NODISCARD int http_start(const struct server *s, int listen_fd, struct http **ret_http,
                         struct err *e);

/* Refuses further requests with 503 and ends the streams of everything; those that wait go on
 * waiting. After this nothing here uses
 * the engine or writes to the job table. */
void http_drain(struct http *h);

/* Drains, answers those who wait, stops. Stops the server's waiters and hub too. Takes NULL,
 * returns NULL.
 */
struct http *http_stop(struct http *h);
