/* server/http/request.h - one request, from its headers to its answer: what a handler sees.
 *
 * A handler is a chain of steps. A step looks at the request and returns what comes next:
 *
 *     NEXT_REPLY    the reply is filled in: send it
 *     NEXT_OFFLOAD    r->step is to be called on a thread where it may take long
 *     NEXT_PAUSE    request_pause() was called; after request_resume() r->step is called again
 *     NEXT_SENT     the reply has been queued already
 *     NEXT_STREAM   request_stream() was called: send what it reads, to its end
 *     NEXT_CLOSE    nobody is there any more: close the connection
 *
 * What a step may use is the dispatcher's to give and to take back (request_step()): what its route
 * needs; the body and what was made of it, until the request waits or is answered; the lead of a
 * crowd.
 *
 * Room     server/http.
 * Owns     the request and all below it, from its headers to the library's "completed".
 * Threads  a request is in the hands of one thread at a time. After request_resume(), and after
 *          handing it to somebody who will resume it, it is no longer yours.
 * Errors   become replies.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "schema/base/base.h"
#include "schema/base/buf.h"
#include "server/executor.h"
#include "server/http/resume_batch.h"
#include "server/http/route.h"

struct connection;
struct writer;
struct err;
struct http_shared;
struct MHD_Connection;
struct problem_text;
struct traffic;

#define EVENTS_TYPE "text/event-stream"

#define REPLY_HEADERS_MAX 10

struct reply {
    unsigned status;
    const char *type; /* static */
    char *body;       /* owned, unless kept */
    size_t len;
    bool kept;       /* body is static */
    bool close;      /* close the connection afterwards */
    int retry_after; /* seconds; 0: no such header */
    char *location;  /* owned; NULL: no such header */
    char allow[40];  /* "": no such header */
    struct reply_header {
        const char *name, *value; /* static */
    } more[REPLY_HEADERS_MAX];
    size_t more_len;
};

struct request {
    const void *context;        /* the handlers' own; borrowed */
    const struct route *route;  /* static; NULL until it is found */
    struct principal principal; /* who asks; set once the route is found */
    enum next (*step)(struct request *r);
    struct reply reply;
    char id[ROUTE_ID_MAX + 1];      /* of the path, decoded; handlers may change it */
    char *params[ROUTE_PARAMS_MAX]; /* owned; in the order of route->params; NULL: not given */
    struct buf body;
    struct executor *aside; /* borrowed: whose threads run a step that may take long */
    bool head;              /* HEAD: no body goes out */
    bool waited;            /* the client asked to wait */
    bool uses;              /* what the route needs is there, for this step */
    bool stopping;          /* it was there once, and is no more */

    /* private to the daemon's files */
    struct http_shared *shared;
    struct resume_batch_member member;
    struct MHD_Connection *connection;
    struct connection *line;
    struct executor_task task;
    int64_t began_ns;
    size_t body_seen;
    int64_t body_charged, answer_charged, stream_charged;
    ssize_t (*read)(struct request *r, char *out, size_t size); /* a request_read_fn */
    bool paused, refused, whole, begun, streams;
};

/* ---- replies: all return NEXT_REPLY, so that a step can `return request_...;` ---- */

/* Takes body. */
enum next request_reply(struct request *r, unsigned status, const char *type, char *body,
                        size_t len);
/* With a body that is static. */
enum next request_reply_kept(struct request *r, unsigned status, const char *type, const char *body,
                             size_t len);
/* Both are static. At most REPLY_HEADERS_MAX; a later reply of another kind is without them. */
void request_add_header(struct request *r, const char *name, const char *value);
/* Takes the reference; NULL (out of memory) becomes 503. */
enum next request_reply_json(struct request *r, unsigned status, json_t *json);
/* Takes the text; out of memory becomes 503. */
enum next request_reply_emit(struct request *r, unsigned status, struct writer *text);
enum next request_problem(struct request *r, const struct problem_text *p);
PRINTF(3, 4)
enum next request_refuse(struct request *r, unsigned status, const char *fmt, ...);
/* 422 that names a query parameter. */
PRINTF(3, 4)
enum next request_refuse_param(struct request *r, const char *name, const char *fmt, ...);
/* As the error's kind demands; logs what is our own fault. */
enum next request_fail(struct request *r, const struct err *e);

/* ---- streams ---- */

/* Bytes written to out; 0 when there is nothing now, and request_pause() was called; negative at
 * the end. On the thread that serves the connection. */
typedef ssize_t request_read_fn(struct request *r, char *out, size_t size);

/* Before it joins whatever read reads. NEXT_STREAM; or NEXT_REPLY, 503, where there are too many
 * streams. */
enum next request_stream(struct request *r, request_read_fn *read);

/* ---- query parameters ---- */

/* The decoded value of one of route->params, which may be cut apart; NULL when it was not given. */
char *request_param(const struct request *r, const char *name);

/* ---- headers ---- */

/* Borrowed from the request; NULL when it has none. */
const char *request_header(const struct request *r, const char *name);

/* ---- steps ---- */

/* Calls r->step with what its route needs, and takes that back. For the threads that do so. */
enum next request_step(struct request *r);

/* ---- waiting ---- */

/* Suspends the connection. Call it before handing the request to whoever will resume it. False when
 * the server is stopping: answer at once. True again when it is suspended already. */
NODISCARD bool request_hold(struct request *r);
/* The same, and lets go of all that a waiting request does not need: body, what was made of it,
 * what its route needs. */
NODISCARD bool request_pause(struct request *r);

/* The next step, on the thread that serves the connection: now; or soon, which is cheap for whoever
 * has many to resume; or on a thread where it may take long, even if the client has gone. */
void request_resume(struct request *r);
void request_resume_soon(struct request *r);
void request_resume_aside(struct request *r);

/* Pauses the request, which keeps its body, and calls r->step on a thread where it may take long.
 * False when the server is stopping. */
NODISCARD bool request_aside(struct request *r);
/* The client's socket. */
int request_fd(const struct request *r);

/* 503 for a request that comes when the server is stopping. */
enum next request_stopping(struct request *r);

/* The step of a request whose reply is filled in. */
enum next request_ready(struct request *r);

/* ---- what the daemon counts ---- */

const struct route_table *request_routes(const struct request *r);
/* Route i of those; the one behind the last: requests without one. */
struct traffic *request_traffic(const struct request *r);
int64_t request_connections(const struct request *r); /* that are open */

/* ---- for the daemon ---- */

/* The library's "completed". */
void request_free(struct request *r);
/* request_resume() of the request that m is of: the crowd's resume(). */
void request_resume_member(struct resume_batch_member *m);
