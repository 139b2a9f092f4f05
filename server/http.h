/* server/http.h - the HTTP edge: one libmicrohttpd daemon, its limits, its end.
 *
 * Room     server.
 * Owns     the daemon and its connections, from http_start() to http_stop().
 * Threads  http_start() and http_stop() by one thread; the handlers run on the daemon's.
 * Errors   0, or -1 with *e filled.
 */
#pragma once

#include "schema/base.h"
#include "schema/submission.h"

struct cache;
struct config;
struct engine;
struct err;
struct http;
struct jobs;
struct hub;
struct languages;
struct waiters;

/* What the handlers work with. */
struct server {
    const struct config *config;
    struct jobs *jobs;
    struct engine *engine; /* NULL: nothing is judged */
    const struct languages *languages;
    struct waiters *waiters; /* listens to jobs */
    struct hub *hub;         /* listens to jobs and engine */

    /* set by http_start() */
    struct submission_rules rules;
    struct cache *cache;
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
