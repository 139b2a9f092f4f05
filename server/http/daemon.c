#include "server/http/daemon.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "server/executor.h"
#include "server/http/admission.h"
#include "server/http/answer.h"
#include "server/http/body.h"
#include "server/http/deadlines.h"
#include "server/http/header_check.h"
#include "server/http/http_shared.h"
#include "server/http/listen.h"
#include "server/http/request.h"
#include "server/http/traffic.h"

#define EXECUTOR_THREADS 2
#define BACKLOG          1024
/* Bytes of memory that the library has for one connection: the head; 64 bytes for each header and
 * each parameter that framing.h lets pass; the head of the answer. Not larger than that, because
 * the library clears it for every request, which is a quarter of the cost of a short one. */
#define POOL_BESIDE_HEAD (10 * KIB)
#define POOL_MIN         (26 * KIB)
/* At the stop, how long to wait until the last answers have been sent. */
#define LAST_ANSWERS_NS (2 * NS_PER_S)
/* Descriptors reserved for the job table, Docker and cells. */
#define OWN_DESCRIPTORS 512

struct daemon {
    struct http_shared shared;
    struct MHD_Daemon *library;
};

/* ---- steps ---- */

static enum MHD_Result advance_request(struct request *r)
{
    switch (request_step(r)) {
    case NEXT_REPLY:
        return answer_reply(r);
    case NEXT_PAUSE:
        return MHD_YES;
    case NEXT_STREAM:
        return answer_stream(r);
    case NEXT_CLOSE:
        return MHD_NO;
    case NEXT_OFFLOAD:
        break;
    }
    if (request_offload(r))
        return MHD_YES;
    (void)request_stopping(r);
    return answer_reply(r);
}

/* ---- headers and body have arrived ---- */

/* What is wrong with the framing of the request, and its status; NULL: nothing so far. */
static const char *find_framing_fault(const struct request *r, unsigned *ret_status)
{
    const struct framing *f = &r->connection->recv.framing;

    if (r->connection->requests > f->requests) { /* the library does not read through recv.c */
        log_error("unseen_request", log_s("why", "the HTTP library does not read with recv()"));
        *ret_status = 500;
        return "this server cannot see what it reads";
    }
    *ret_status = f->status;
    return f->status && r->connection->requests == f->requests ? f->why : NULL;
}

static enum MHD_Result begin_request(struct request *r, const char *target, const char *method)
{
    struct header_check_head head;
    unsigned status;

    r->head = strcmp(method, "HEAD") == 0;
    deadlines_begun(r->shared->deadlines, r->connection);
    const char *wrong = find_framing_fault(r, &status);
    if (wrong) {
        request_id_make(NULL, r->name);
        (void)request_refuse(r, problem_of_status(status), "%s", wrong);
        r->reply.close = true;
        return answer_reply(r);
    }
    header_check_read(r->mhd_connection, &head);
    request_id_make(head.request_id, r->name);
    if (head.traceparent)
        (void)traceparent_read(head.traceparent, strlen(head.traceparent), r->traceparent);
    if (admission_request(r, target, method, &head))
        return MHD_YES;
    r->refused = true;
    r->step = request_ready;
    if (head.length == 0 && !head.chunked)
        return MHD_YES;
    r->reply.close = true; /* so that the body need not be read */
    return answer_reply(r);
}

static void end_input(struct request *r)
{
    unsigned status;
    const char *wrong = find_framing_fault(r, &status);

    r->whole = true;
    deadlines_whole(r->shared->deadlines, r->connection);
    if (wrong)
        body_refuse(r, status, wrong);
}

/* ---- the library's calls ---- */

static struct connection *connection_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

static struct request *open_request(struct daemon *d, struct MHD_Connection *connection)
{
    struct connection *own = connection_of(connection);
    struct request *r = own ? calloc(1, d->shared.config.request_size) : NULL;

    if (!r)
        return NULL;
    r->context = d->shared.config.context;
    r->shared = &d->shared;
    r->executor = d->shared.executor;
    r->mhd_connection = connection;
    r->connection = own;
    r->began_ns = clock_mono_ns();
    in_flight_begin(&d->shared.in_flight);
    return r;
}

/* NOLINTNEXTLINE(readability-function-size): the library says which parameters there are */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *len, void **state)
{
    struct request *r = *state;

    (void)version;
    if (!r) {
        r = *state = open_request(ctx, connection);
        return r ? begin_request(r, url, method) : MHD_NO;
    }
    if (*len > 0) {
        bool goes_on = body_take(r, data, *len);
        *len = 0;
        return goes_on ? MHD_YES : MHD_NO;
    }
    if (!r->whole)
        end_input(r);
    return advance_request(r);
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode how)
{
    struct daemon *d = ctx;
    struct request *r = *state;

    (void)connection;
    (void)how;
    if (!r)
        return;
    *state = NULL;
    resume_batch_lead(&d->shared.resume_batch, &r->member);
    const struct http_config *c = &d->shared.config;
    size_t route = r->route ? (size_t)(r->route - c->routes.rows) : c->routes.len;
    bool timed = !r->streams && !r->waited;
    traffic_count(d->shared.traffic, route, r->reply.status,
                  timed ? clock_mono_ns() - r->began_ns : -1);
    deadlines_done(d->shared.deadlines, r->connection);
    request_free(r);
    in_flight_end(&d->shared.in_flight);
}

static void on_connection(void *ctx, struct MHD_Connection *connection, void **state,
                          enum MHD_ConnectionNotificationCode what)
{
    struct daemon *d = ctx;
    const union MHD_ConnectionInfo *info;

    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        deadlines_closed(d->shared.deadlines, *state);
        *state = NULL;
        return;
    }
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    int fd = info ? info->connect_fd : -1;
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    *state = deadlines_opened(d->shared.deadlines, fd, info ? info->client_addr : NULL);
}

/* Stops the library from decoding: admission decodes id and parameters after routing, because a
 * decoded %2F would look like a separator and %00 like the end. */
static size_t keep_escapes(void *ctx, struct MHD_Connection *connection, char *text)
{
    (void)ctx;
    (void)connection;
    return strlen(text);
}

PRINTF(2, 0) static void on_log(void *ctx, const char *fmt, va_list ap)
{
    char line[300];

    (void)ctx;
    (void)vsnprintf(line, sizeof line, fmt, ap);
    line[strcspn(line, "\n")] = '\0';
    log_debug("http_library", log_s("says", line));
}

/* ---- start and end ---- */

/* Connections above the soft limit get a 503; above this limit they wait in the backlog. */
static unsigned hard_connection_limit(int64_t soft)
{
    struct rlimit files = { .rlim_cur = 1024 };
    int64_t most = soft + soft / 4 + 64;

    (void)getrlimit(RLIMIT_NOFILE, &files);
    int64_t left = (int64_t)files.rlim_cur - OWN_DESCRIPTORS;
    if (files.rlim_cur != RLIM_INFINITY && most > left)
        most = left > 64 ? left : 64;
    return (unsigned)most;
}

static struct MHD_Daemon *start_library(struct daemon *d, int listen_fd)
{
    const struct http_config *c = &d->shared.config;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t pool = (size_t)c->max_header_bytes + POOL_BESIDE_HEAD;
    unsigned threads = cores < 2 ? 2 : cores > 4 ? 4 : (unsigned)cores;

    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        on_request, d, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET,
        listen_fd, MHD_OPTION_THREAD_POOL_SIZE, threads, MHD_OPTION_CONNECTION_LIMIT,
        hard_connection_limit(c->max_connections), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        pool < POOL_MIN ? (size_t)POOL_MIN : pool, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)((c->request_timeout_ms + 999) / 1000), MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)c->max_connections_per_address, MHD_OPTION_NOTIFY_COMPLETED, on_completed, d,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, d, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes,
        NULL, MHD_OPTION_END);
}

static struct daemon *free_daemon(struct daemon *d)
{
    struct http_shared *s = &d->shared;

    s->executor = executor_free(s->executor);
    s->deadlines = deadlines_free(s->deadlines);
    s->traffic = traffic_free(s->traffic);
    in_flight_destroy(&s->in_flight);
    resume_batch_destroy(&s->resume_batch);
    budget_destroy(&s->bodies);
    budget_destroy(&s->answers);
    budget_destroy(&s->streams);
    free(d);
    return NULL;
}

static int open_shared(struct http_shared *s, struct err *e)
{
    const struct http_config *c = &s->config;

    in_flight_init(&s->in_flight);
    resume_batch_init(&s->resume_batch, request_resume_member);
    body_budget(&s->bodies, c);
    answer_budgets(&s->answers, &s->streams, c);
    s->traffic = traffic_open(c->routes.len);
    if (!s->traffic)
        return err_set(e, ERR_NOMEM, "HTTP server");
    if (executor_open(EXECUTOR_THREADS, &s->executor, e) < 0)
        return -1;
    return deadlines_open(c->request_timeout_ms, c->max_connections, (size_t)c->max_header_bytes,
                          &s->deadlines, e);
}

int daemon_start(const struct http_config *c, int listen_fd, struct daemon **ret_daemon,
                 struct err *e)
{
    CLEANUP(closep) int fd = listen_fd;
    struct daemon *d = calloc(1, sizeof *d);

    if (!d)
        return err_set(e, ERR_NOMEM, "HTTP server");
    d->shared.config = *c;
    d->shared.hosts =
        (struct hosts){ .listed = c->allowed_hosts, .loopback = listen_is_loopback(fd) };
    int rc = open_shared(&d->shared, e);
    if (rc == 0)
        rc = route_check(&c->routes, e);
    if (rc == 0 && listen(fd, BACKLOG) < 0)
        rc = err_errno(e, ERR_UNAVAILABLE, errno, "listen");
    if (rc == 0 && !(d->library = start_library(d, fd)))
        rc = err_set(e, ERR_UNAVAILABLE, "the HTTP server does not start");
    if (rc < 0) {
        free_daemon(d);
        return -1;
    }
    TAKE_FD(fd);
    *ret_daemon = d;
    return 0;
}

void daemon_drain(struct daemon *d)
{
    /* Not MHD_quiesce_daemon(): with epoll, it and the library's threads both try to remove the
     * listening socket from the epoll set, and the second one aborts the process. So new
     * connections are accepted until the end, and answered with 503. */
    in_flight_drain(&d->shared.in_flight);
    d->shared.config.drain(d->shared.config.context);
}

struct daemon *daemon_stop(struct daemon *d)
{
    if (!d)
        return NULL;
    daemon_drain(d);
    in_flight_stop(&d->shared.in_flight);
    d->shared.config.stop(d->shared.config.context);
    in_flight_wait_unpaused(&d->shared.in_flight);
    in_flight_wait_empty(&d->shared.in_flight, clock_mono_ns() + LAST_ANSWERS_NS);
    MHD_stop_daemon(d->library);
    return free_daemon(d);
}
