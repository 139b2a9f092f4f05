/* server/api/context.h - what handlers use: the parts of this server, and their own data of a
 * request.
 *
 * Room     server/api.
 * Owns     nothing: the parts are borrowed, and api.c owns what api_start() sets.
 * Threads  as request.h: a request is in the hands of one thread at a time.
 * Errors   become replies.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/model/submission.h"
#include "schema/store/jobs_op.h"
#include "server/http/request.h"
#include "server/live/hub_sub.h"
#include "server/live/waiters.h"

struct executor;
struct bridge;
struct report_cache;
struct config;
struct engine;
struct engine_config;
struct diagnostics;
struct hub;
struct jobs;
struct language_table;
struct stats;

struct server {
    const struct config *config;
    struct jobs *jobs;
    struct engine *engine; /* NULL: nothing is judged. Handlers use context_engine() */
    const struct language_table *languages;
    struct waiters *waiters;                   /* listens to jobs */
    struct bridge *bridge;                     /* NULL: Kafka is off */
    struct hub *hub;                           /* listens to jobs and engine */
    struct stats *stats;                       /* listens to jobs */
    const struct engine_config *engine_config; /* NULL: the host is not checked */
    principal_fn *identify;                    /* finds the principal of a request */
    const char *instance;                      /* random id of this start of the server */

    /* set by api_start() */
    struct engine *engine_to_lend; /* `engine`, which is moved here for context_engine() */
    struct submission_rules rules;
    struct report_cache *report_cache;
    struct diagnostics *diagnostics;
    struct executor *slow_executor; /* one thread, for what waits for Docker */
    struct executor *list_executor; /* one thread, for pages of GET /results */
};

#define CALL_FIELDS_MAX 32

/* A request with the handlers' own data. */
struct call {
    struct request request;                  /* first: a struct request is a struct call */
    int64_t wait_ns;                         /* how long to wait for the report; 0: reply at once */
    const char *fields[CALL_FIELDS_MAX + 1]; /* ?fields=; they point into params. [0] NULL: all */
    bool posted;                             /* POST /submissions, whose reply has more members */
    /* Called on the job table's writer thread after a commit, instead of the next step: true, and
     * it has given the request to code that will resume it; false: the step is to come. NULL: none.
     * Must not block. */
    bool (*committed)(struct request *r);

    struct waiter waiter;
    struct hub_sub stream;
    void *own; /* of the handler, freed with free_own when the request ends; NULL: none */
    void (*free_own)(void *own);
    struct jobs_op op;
    struct submission *submission; /* owned; used by op */
    struct submission_packed packed;
    struct submission *kept; /* owned; a small one, during the wait for its report */
};

static inline struct call *call_of(struct request *r) { return (struct call *)(void *)r; }

static inline const struct server *context_of(const struct request *r) { return r->context; }

/* Borrowed until the step returns. NULL: the route does not need it, nothing is judged, or the
 * server is stopping. */
struct engine *context_engine(const struct request *r);

/* Gives the call's op to the job table and pauses the request. `then` is the step after the commit:
 * it may use the engine. Only for routes that are ROUTE_ONLY_WITH; the step returns what this
 * returns. */
enum next context_commit(struct request *r, enum next (*then)(struct request *r));

/* http_config.rest: frees the submission, when the request waits or is answered. */
void context_release(struct request *r);
/* http_config.end: leaves the hub, frees what a wait has left. */
void context_end(struct request *r);
