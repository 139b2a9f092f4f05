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

#define ASIDE_THREADS 2
#define BACKLOG       1024
/* The library's memory for one connection: the head, and beside it 64 bytes for each header and
 * each parameter that framing.h lets pass, and the head of the answer. It is wiped for every
 * request, which is a quarter of what a short one costs. */
#define BESIDE_HEAD (10 * KIB)
#define POOL_LEAST  (26 * KIB)
/* The time answers have to leave when the server stops. */
#define LAST_WORDS_NS (2 * NS_PER_S)
/* Descriptors that are not clients: the table, Docker, cells. */
#define OWN_DESCRIPTORS 512

struct daemon {
    struct http_shared shared;
    struct MHD_Daemon *daemon;
};

/* ---- steps ---- */

static enum MHD_Result advance(struct request *r)
{
    switch (request_step(r)) {
    case NEXT_REPLY:
        return answer_reply(r);
    case NEXT_SENT:
        r->reply.status = MHD_HTTP_OK;
        deadlines_answering(r->shared->connections, r->line);
        return MHD_YES;
    case NEXT_PAUSE:
        return MHD_YES;
    case NEXT_STREAM:
        return answer_stream(r);
    case NEXT_CLOSE:
        return MHD_NO;
    case NEXT_OFFLOAD:
        break;
    }
    if (request_aside(r))
        return MHD_YES;
    (void)request_stopping(r);
    return answer_reply(r);
}

/* ---- the headers are there ---- */

/* What is wrong with how the request is framed; NULL: nothing so far. */
static const char *misframed(const struct request *r, unsigned *ret_status)
{
    const struct framing *f = &r->line->recv.framing;

    if (r->line->requests > f->requests) { /* never, while the library reads as recv.h says */
        log_error("unseen_request", log_s("why", "the HTTP library does not read with recv()"));
        *ret_status = 500;
        return "this server cannot see what it reads";
    }
    *ret_status = f->status;
    return f->status && r->line->requests == f->requests ? f->why : NULL;
}

static enum MHD_Result begin(struct request *r, const char *target, const char *method)
{
    struct header_check_head head;
    unsigned status;

    r->head = strcmp(method, "HEAD") == 0;
    deadlines_begun(r->shared->connections, r->line);
    const char *wrong = misframed(r, &status);
    if (wrong) {
        (void)request_refuse(r, status, "%s", wrong);
        r->reply.close = true;
        return answer_reply(r);
    }
    header_check_read(r->connection, &head);
    if (admission_request(r, target, method, &head))
        return MHD_YES;
    r->refused = true;
    r->step = request_ready;
    if (head.length == 0 && !head.chunked)
        return MHD_YES;
    r->reply.close = true; /* nobody wants the body that is on its way */
    return answer_reply(r);
}

static void become_whole(struct request *r)
{
    unsigned status;
    const char *wrong = misframed(r, &status);

    r->whole = true;
    deadlines_whole(r->shared->connections, r->line);
    if (wrong)
        body_refuse(r, status, wrong);
}

/* ---- the library's calls ---- */

static struct connection *line_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

static struct request *open_request(struct daemon *h, struct MHD_Connection *connection)
{
    struct connection *line = line_of(connection);
    struct request *r = line ? calloc(1, h->shared.config.request_size) : NULL;

    if (!r)
        return NULL;
    r->context = h->shared.config.context;
    r->shared = &h->shared;
    r->aside = h->shared.aside;
    r->connection = connection;
    r->line = line;
    r->began_ns = clock_mono_ns();
    in_flight_begin(&h->shared.gate);
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
        return r ? begin(r, url, method) : MHD_NO;
    }
    if (*len > 0) {
        bool goes_on = body_take(r, data, *len);
        *len = 0;
        return goes_on ? MHD_YES : MHD_NO;
    }
    if (!r->whole)
        become_whole(r);
    return advance(r);
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode how)
{
    struct daemon *h = ctx;
    struct request *r = *state;

    (void)connection;
    (void)how;
    if (!r)
        return;
    *state = NULL;
    resume_batch_lead(&h->shared.crowd, &r->member);
    const struct http_config *c = &h->shared.config;
    size_t route = r->route ? (size_t)(r->route - c->routes.rows) : c->routes.len;
    bool timed = !r->streams && !r->waited;
    traffic_count(h->shared.traffic, route, r->reply.status,
                  timed ? clock_mono_ns() - r->began_ns : -1);
    deadlines_done(h->shared.connections, r->line);
    request_free(r);
    in_flight_end(&h->shared.gate);
}

static void on_connection(void *ctx, struct MHD_Connection *connection, void **line,
                          enum MHD_ConnectionNotificationCode what)
{
    struct daemon *h = ctx;
    const union MHD_ConnectionInfo *info;

    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        deadlines_closed(h->shared.connections, *line);
        *line = NULL;
        return;
    }
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    int fd = info ? info->connect_fd : -1;
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    *line = deadlines_opened(h->shared.connections, fd, info ? info->client_addr : NULL);
}

/* Paths are decoded segment by segment, after routing: a decoded %2F or %00 misleads. */
static size_t leave_escapes(void *ctx, struct MHD_Connection *connection, char *text)
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

/* Above the soft limit clients get a 503; above this one they wait in the backlog. */
static unsigned hard_limit(int64_t soft)
{
    struct rlimit files = { .rlim_cur = 1024 };
    int64_t most = soft + soft / 4 + 64;

    (void)getrlimit(RLIMIT_NOFILE, &files);
    int64_t left = (int64_t)files.rlim_cur - OWN_DESCRIPTORS;
    if (files.rlim_cur != RLIM_INFINITY && most > left)
        most = left > 64 ? left : 64;
    return (unsigned)most;
}

static struct MHD_Daemon *start_daemon(struct daemon *h, int listen_fd)
{
    const struct http_config *c = &h->shared.config;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t pool = (size_t)c->max_header_bytes + BESIDE_HEAD;
    unsigned threads = cores < 2 ? 2 : cores > 4 ? 4 : (unsigned)cores;

    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET,
        listen_fd, MHD_OPTION_THREAD_POOL_SIZE, threads, MHD_OPTION_CONNECTION_LIMIT,
        hard_limit(c->max_connections), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        pool < POOL_LEAST ? (size_t)POOL_LEAST : pool, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)((c->request_timeout_ms + 999) / 1000), MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)c->max_connections_per_address, MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_UNESCAPE_CALLBACK, leave_escapes,
        NULL, MHD_OPTION_END);
}

static struct daemon *release(struct daemon *h)
{
    struct http_shared *s = &h->shared;

    s->aside = executor_free(s->aside);
    s->connections = deadlines_free(s->connections);
    s->traffic = traffic_free(s->traffic);
    in_flight_destroy(&s->gate);
    resume_batch_destroy(&s->crowd);
    budget_destroy(&s->bodies);
    budget_destroy(&s->answers);
    budget_destroy(&s->streams);
    free(h);
    return NULL;
}

static int prepare(struct http_shared *s, struct err *e)
{
    const struct http_config *c = &s->config;

    in_flight_init(&s->gate);
    resume_batch_init(&s->crowd, request_resume_member);
    body_budget(&s->bodies, c);
    answer_budgets(&s->answers, &s->streams, c);
    s->traffic = traffic_open(c->routes.len);
    if (!s->traffic)
        return err_set(e, ERR_NOMEM, "HTTP server");
    if (executor_open(ASIDE_THREADS, &s->aside, e) < 0)
        return -1;
    return deadlines_open(c->request_timeout_ms, c->max_connections, (size_t)c->max_header_bytes,
                          &s->connections, e);
}

int daemon_start(const struct http_config *c, int listen_fd, struct daemon **ret_http,
                 struct err *e)
{
    CLEANUP(closep) int fd = listen_fd;
    struct daemon *h = calloc(1, sizeof *h);

    if (!h)
        return err_set(e, ERR_NOMEM, "HTTP server");
    h->shared.config = *c;
    h->shared.hosts =
        (struct hosts){ .listed = c->allowed_hosts, .loopback = listen_is_loopback(fd) };
    int rc = prepare(&h->shared, e);
    if (rc == 0)
        rc = route_check(&c->routes, e);
    if (rc == 0 && listen(fd, BACKLOG) < 0)
        rc = err_errno(e, ERR_UNAVAILABLE, errno, "listen");
    if (rc == 0 && !(h->daemon = start_daemon(h, fd)))
        rc = err_set(e, ERR_UNAVAILABLE, "the HTTP server does not start");
    if (rc < 0) {
        release(h);
        return -1;
    }
    TAKE_FD(fd);
    *ret_http = h;
    return 0;
}

void daemon_drain(struct daemon *h)
{
    /* Not MHD_quiesce_daemon(): with epoll it and the library's own threads take the listening
     * socket out of the set in a race, and the loser aborts the process. Who connects until the end
     * is told 503. */
    in_flight_drain(&h->shared.gate);
    h->shared.config.drain(h->shared.config.context);
}

struct daemon *daemon_stop(struct daemon *h)
{
    if (!h)
        return NULL;
    daemon_drain(h);
    in_flight_stop(&h->shared.gate);
    h->shared.config.stop(h->shared.config.context);
    in_flight_wait_unpaused(&h->shared.gate);
    in_flight_wait_empty(&h->shared.gate, clock_mono_ns() + LAST_WORDS_NS);
    MHD_stop_daemon(h->daemon);
    return release(h);
}
