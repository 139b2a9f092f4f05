/* server/api/context.h - what the handlers work with: the parts of this server, and what they keep
 * of a request.
 *
 * Room     server/api.
 * Owns     nothing; api.c owns what api_start() sets.
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
    struct engine *engine; /* NULL: nothing is judged. Handlers have it from context_engine() */
    const struct language_table *languages;
    struct waiters *waiters;                   /* listens to jobs */
    struct bridge *bridge;                     /* NULL: Kafka is off */
    struct hub *hub;                           /* listens to jobs and engine */
    struct stats *stats;                       /* listens to jobs */
    const struct engine_config *engine_config; /* NULL: the host is not looked at */
    principal_fn *identify;                    /* who makes a request */
    const char *instance;                      /* this start's random id */

    /* set by api_start() */
    struct engine *lent; /* `engine`, for context_engine() alone */
    struct submission_rules rules;
    struct report_cache *cache;
    struct diagnostics *findings;
    struct executor *slow;  /* one thread for what Docker may hold up */
    struct executor *lists; /* one thread for pages of GET /results */
};

#define CALL_FIELDS_MAX 24

/* A request with all that handlers keep of it. */
struct call {
    struct request request;                  /* first: a struct request is a struct call */
    int64_t wait_ns;                         /* how long the client would wait */
    const char *fields[CALL_FIELDS_MAX + 1]; /* ?fields=, into params; [0] NULL: all */
    bool posted;                             /* the answer to POST /submissions says more */

    struct waiter waiter;
    struct hub_sub stream;
    struct jobs_op op;
    struct submission *submission; /* owned; what op accepts */
    struct submission_packed packed;
};

static inline struct call *call_of(struct request *r) { return (struct call *)(void *)r; }

static inline const struct server *context_of(const struct request *r) { return r->context; }

/* Borrowed, in a step of a route that needs it; else NULL: nothing is judged, or the server is
 * stopping. */
struct engine *context_engine(const struct request *r);

/* Hands the call's op to the job table; `then` is the step after the commit, which still has the
 * engine, and aside: on a thread where it may take long. The last word of a step, of a route that
 * is ROUTE_ONLY_WITH. */
enum next context_commit(struct request *r, enum next (*then)(struct request *r), bool aside);

/* For http_config. */
void context_rest(struct request *r);
void context_end(struct request *r);
