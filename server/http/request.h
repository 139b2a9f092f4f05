/* server/http/request.h - one request, from its headers to its answer, as handlers see it.
 *
 * A handler is a chain of steps. A step looks at the request and returns what comes next:
 *
 *     NEXT_REPLY    the reply is filled in: send it
 *     NEXT_OFFLOAD  call r->step on a thread of the executor, where it may take long
 *     NEXT_PAUSE    request_pause() was called; after request_resume() r->step is called again
 *     NEXT_STREAM   request_stream() or request_download() was called: send what its function
 *                   reads, to its end
 *     NEXT_CLOSE    the client has gone: close the connection
 *
 * request_step() acquires and releases what a step may use: the engine, if its route needs it; the
 * body and what was made of it, until the request waits or is answered. If the request is the
 * leader of a resume batch, it resumes the followers.
 *
 * Room     server/http.
 * Owns     the request and what is marked as owned, until the library's "completed" callback.
 * Threads  one thread uses a request at a time. After request_resume(), and after giving it to code
 *          that will resume it, the caller must not touch it.
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
#include "schema/base/traceparent.h"
#include "server/executor.h"
#include "server/http/problem.h"
#include "server/http/request_id.h"
#include "server/http/resume_batch.h"
#include "server/http/route.h"

struct connection;
struct writer;
struct err;
struct http_shared;
struct MHD_Connection;
struct traffic;

#define EVENTS_TYPE "text/event-stream"

#define JSON_TYPE "application/json"

#define REPLY_HEADERS_MAX 10
#define REPLY_TAG_SIZE    40

struct reply {
    unsigned status;
    const char *type; /* static */
    char *body;       /* owned, unless kept */
    size_t len;
    bool kept;                   /* body is static */
    void (*release)(void *body); /* instead of free(); NULL: none */
    char etag[REPLY_TAG_SIZE];   /* "": no such header */
    const char *coding;          /* Content-Encoding; static; NULL: no such header */
    bool varies;                 /* with Accept-Encoding */
    bool negotiated;             /* compression has been tried */
    bool unsized;                /* of a HEAD: how long the body is only a GET would find out */
    bool close;                  /* close the connection afterwards */
    int retry_after;             /* seconds; 0: no such header */
    char *location;              /* owned; NULL: no such header */
    char allow[40];              /* "": no such header */
    struct reply_header {
        const char *name, *value; /* static */
    } more[REPLY_HEADERS_MAX];
    size_t more_len;
};

struct request {
    const void *context;        /* http_config.context; borrowed */
    const struct route *route;  /* static; NULL until it is found */
    struct principal principal; /* who makes the request; set once the route is found */
    enum next (*step)(struct request *r);
    struct reply reply;
    char id[ROUTE_ID_MAX + 1];          /* of the path, decoded; handlers may change it */
    char name[REQUEST_ID_SIZE];         /* X-Request-Id, the client's or our own */
    char traceparent[TRACEPARENT_SIZE]; /* of its header; "": none that is valid */
    char *params[ROUTE_PARAMS_MAX];     /* owned; in the order of route->params; NULL: not given */
    size_t param_bytes[ROUTE_PARAMS_MAX]; /* of all its values, each with its NUL */
    struct buf body;
    bool is_form;              /* the body is multipart/form-data, and not JSON */
    struct executor *executor; /* borrowed; runs offloaded steps; handlers may change it */
    bool head;                 /* HEAD: no body goes out */
    bool waited;               /* the client asked to wait */
    bool has_engine;           /* the step may use the engine */
    bool stopping;             /* the route needs the engine, and the daemon drains */

    /* private to the daemon's files */
    struct http_shared *shared;
    struct resume_batch_member member;
    struct MHD_Connection *mhd_connection;
    struct connection *connection;
    struct executor_task task;
    int64_t began_ns;
    size_t body_seen;
    int64_t body_charged, answer_charged, stream_charged;
    ssize_t (*read)(struct request *r, char *out, size_t size); /* a request_read_fn */
    void (*fill)(struct request *r);
    bool endless; /* a stream of events */
    bool paused, refused, whole, begun, streams;
    bool offloaded; /* its step runs on a thread of the executor */
};

/* ---- replies: all return NEXT_REPLY, so that a step can `return request_...;` ---- */

/* Takes ownership of body (malloc). type: static. */
enum next request_reply(struct request *r, unsigned status, const char *type, char *body,
                        size_t len);
/* The same with a static body. */
enum next request_reply_kept(struct request *r, unsigned status, const char *type, const char *body,
                             size_t len);
/* The same with a body that belongs to others, too; takes one reference (shared_body.h). */
enum next request_reply_shared(struct request *r, unsigned status, const char *type,
                               const char *body, size_t len);
/* Gives the reply this entity tag (copied); 304 without a body if the client has what it names. */
void request_tag(struct request *r, const char etag[REPLY_TAG_SIZE]);
/* The entity tag of a body; weak, since it may go out compressed. */
void request_make_tag(const char *body, size_t len, char etag[REPLY_TAG_SIZE]);
/* Both are static. At most REPLY_HEADERS_MAX; a later request_reply...() removes them. */
void request_add_header(struct request *r, const char *name, const char *value);
/* Takes over the reference; NULL (out of memory) becomes 503. */
enum next request_reply_json(struct request *r, unsigned status, json_t *json);
/* Takes the writer's text; out of memory becomes 503. */
enum next request_reply_writer(struct request *r, unsigned status, struct writer *text);
enum next request_problem(struct request *r, const struct problem_text *p);
PRINTF(3, 4)
enum next request_refuse(struct request *r, enum problem_code code, const char *fmt, ...);
/* 422 that names a query parameter. */
PRINTF(3, 4)
enum next request_refuse_param(struct request *r, const char *name, const char *fmt, ...);
/* Code and status follow from the error's kind (problem_of_kind()); 500 and above is logged. */
enum next request_fail(struct request *r, const struct err *e);

/* Large JSON goes out compressed where the client takes it; request_step() sees to it. For a step
 * on a thread that serves connections whose reply is filled in: NEXT_REPLY, or NEXT_OFFLOAD so that
 * a large body is compressed on the executor. */
enum next request_compress_offloaded(struct request *r);

/* ---- streams ---- */

#define REQUEST_ENDED  (-1)
#define REQUEST_BROKEN (-2) /* ends too early, and the client sees that */

/* Returns how many bytes it wrote to out; 0 when there is nothing now, and it has called
 * request_hold(), request_pause() or request_refill(); REQUEST_ENDED or REQUEST_BROKEN. Called on
 * the thread that serves the connection. */
typedef ssize_t request_read_fn(struct request *r, char *out, size_t size);

/* Call it before the request subscribes to what `read` reads. Returns NEXT_STREAM; or NEXT_REPLY,
 * to a HEAD, or with 503 when there are too many streams. */
enum next request_stream(struct request *r, request_read_fn *read);
/* The same for an answer of this type (static) that comes to an end. What is read between two
 * refills must be sent in the time of an answer. */
enum next request_download(struct request *r, const char *type, request_read_fn *read);
/* For its read function: suspends the connection, calls fill on a thread of r->executor, and reads
 * on. False: the server is stopping. */
NODISCARD bool request_refill(struct request *r, void (*fill)(struct request *r));

/* ---- query parameters ---- */

/* The decoded value of one of route->params; NULL when it was not given. The caller may change the
 * text in place. */
char *request_param(const struct request *r, const char *name);
/* The value behind this one, of the parameter that may be repeated; NULL: there is none. */
char *request_param_next(const struct request *r, const char *name, const char *value);

/* ---- headers ---- */

/* Borrowed from the request; NULL when the header is absent. */
const char *request_header(const struct request *r, const char *name);

/* ---- steps ---- */

/* Acquires what the route needs, calls r->step and releases it. For the daemon and the executor. */
enum next request_step(struct request *r);

/* ---- waiting ---- */

/* Suspends the connection. Call it before giving the request to code that will resume it. False
 * when the server is stopping: answer at once. True when it is suspended already. */
NODISCARD bool request_hold(struct request *r);
/* The same, and releases what a waiting request does not need: the body, what was made of it, and
 * the engine. */
NODISCARD bool request_pause(struct request *r);

/* Has the next step called on the thread that serves the connection: now; or in a batch
 * (resume_batch.h), which is cheaper for a caller that resumes many. */
void request_resume(struct request *r);
void request_resume_soon(struct request *r);

/* Suspends the request, which keeps its body, and has r->step called on a thread of the executor.
 * False when the server is stopping. */
NODISCARD bool request_offload(struct request *r);
/* The client's socket; borrowed. */
int request_fd(const struct request *r);

/* 503 and a closed connection, for a request that arrives while the server is stopping. */
enum next request_stopping(struct request *r);

/* A step for a request whose reply is filled in already. */
enum next request_ready(struct request *r);

/* ---- what the daemon counts ---- */

const struct route_table *request_routes(const struct request *r);
/* Counted by the index of the route in that table; the index after the last one counts requests for
 * which no route was found. */
struct traffic *request_traffic(const struct request *r);
/* How many connections are open. */
int64_t request_connections(const struct request *r);

/* ---- for the daemon ---- */

/* Frees the body of a reply, however it is owned. */
void request_free_body(struct reply *p);
/* In the library's "completed" callback. */
void request_free(struct request *r);
/* request_resume() of the request that m belongs to; the resume() of the resume batch. */
void request_resume_member(struct resume_batch_member *m);
