#include "server/http/request.h"

#include <assert.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/base/text.h"
#include "schema/json/writer.h"
#include "server/http/deadlines.h"
#include "server/http/gzip.h"
#include "server/http/http_shared.h"
#include "server/http/negotiation.h"
#include "server/http/shared_body.h"

#define RETRY_AFTER_S 5
/* What is compressed where the client takes it: less fits into a few packets anyway, and more would
 * take too long, little on a thread that serves connections and more on one of the executor. */
#define COMPRESS_LEAST           (4 * KIB)
#define COMPRESS_LEAST_OFFLOADED (1 * KIB) /* what is asked again and again, as GET /stats */
/* At level 1 a core compresses some 100 MiB of JSON in a second. */
#define LEVEL               1
#define COMPRESS_CONNECTION (64 * KIB)
#define COMPRESS_OFFLOADED  (16 * MIB)

static const char no_memory[] =
    "{\"type\":\"about:blank\",\"title\":\"Not able now\","
    "\"status\":503,\"code\":\"unavailable\",\"detail\":\"out of memory\"}";

void request_free_body(struct reply *p)
{
    if (p->release && p->body)
        p->release(p->body);
    else if (!p->kept)
        free(p->body);
    p->body = NULL;
    p->release = NULL;
}

enum next request_reply(struct request *r, unsigned status, const char *type, char *body,
                        size_t len)
{
    request_free_body(&r->reply);
    r->reply.kept = r->reply.varies = r->reply.negotiated = r->reply.unsized = false;
    r->reply.release = NULL;
    r->reply.coding = NULL;
    r->reply.etag[0] = '\0';
    r->reply.more_len = 0;
    r->reply.status = status;
    r->reply.type = type;
    r->reply.body = body;
    r->reply.len = len;
    return NEXT_REPLY;
}

/* The cast is safe: the library only reads the body. */
enum next request_reply_kept(struct request *r, unsigned status, const char *type, const char *body,
                             size_t len)
{
    (void)request_reply(r, status, type, (char *)(uintptr_t)body, len);
    r->reply.kept = true;
    return NEXT_REPLY;
}

enum next request_reply_shared(struct request *r, unsigned status, const char *type,
                               const char *body, size_t len)
{
    (void)request_reply(r, status, type, (char *)(uintptr_t)body, len);
    r->reply.release = shared_body_release;
    return NEXT_REPLY;
}

void request_make_tag(const char *body, size_t len, char etag[REPLY_TAG_SIZE])
{
    uint8_t hash[TEXT_HASH_SIZE];
    uint64_t halves[2];

    text_hash(body, len, hash);
    memcpy(halves, hash, sizeof halves);
    (void)snprintf(etag, REPLY_TAG_SIZE, "W/\"%016" PRIx64 "%016" PRIx64 "\"", halves[0],
                   halves[1]);
}

void request_tag(struct request *r, const char etag[REPLY_TAG_SIZE])
{
    /* The comparison is a weak one: without the W/. */
    if (negotiation_is_known(request_header(r, "If-None-Match"), etag + 2))
        (void)request_reply_kept(r, 304, r->reply.type, "", 0);
    memcpy(r->reply.etag, etag, REPLY_TAG_SIZE);
}

void request_add_header(struct request *r, const char *name, const char *value)
{
    struct reply *p = &r->reply;

    assert(p->more_len < REPLY_HEADERS_MAX);
    p->more[p->more_len++] = (struct reply_header){ name, value };
}

/* Uses a static body, so it cannot fail. */
static enum next reply_no_memory(struct request *r)
{
    (void)request_reply_kept(r, 503, PROBLEM_TYPE, no_memory, sizeof no_memory - 1);
    r->reply.retry_after = RETRY_AFTER_S;
    return NEXT_REPLY;
}

enum next request_reply_json(struct request *r, unsigned status, json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

    json_decref(json);
    if (!text)
        return reply_no_memory(r);
    return request_reply(r, status, JSON_TYPE, text, strlen(text));
}

enum next request_reply_writer(struct request *r, unsigned status, struct writer *text)
{
    char *body;
    size_t len;

    if (writer_take(text, &body, &len) < 0)
        return reply_no_memory(r);
    return request_reply(r, status, JSON_TYPE, body, len);
}

enum next request_problem(struct request *r, const struct problem_text *p)
{
    size_t len = 0;
    char *text = problem_render(p, &len);

    if (!text)
        return reply_no_memory(r);
    unsigned status = problem_code_status(p->code);
    r->reply.retry_after = status == 429 || status == 503 ? RETRY_AFTER_S : 0;
    return request_reply(r, status, PROBLEM_TYPE, text, len);
}

enum next request_refuse(struct request *r, enum problem_code code, const char *fmt, ...)
{
    char detail[400];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(detail, sizeof detail, fmt, ap);
    va_end(ap);
    return request_problem(r, &(struct problem_text){ .code = code, .detail = detail });
}

enum next request_refuse_param(struct request *r, const char *name, const char *fmt, ...)
{
    char detail[400], shown[101];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(detail, sizeof detail, fmt, ap);
    va_end(ap);
    (void)snprintf(shown, sizeof shown, "%.100s", name);
    return request_problem(
        r, &(struct problem_text){ .code = PROBLEM_INVALID, .detail = detail, .parameter = shown });
}

/* Limits the log to one line a second: with a full disk every request fails. */
static bool is_log_due(void)
{
    static _Atomic int64_t last_ns;
    int64_t now = clock_mono_ns(), last = atomic_load(&last_ns);

    return (last == 0 || now - last > NS_PER_S) &&
           atomic_compare_exchange_strong(&last_ns, &last, now);
}

enum next request_fail(struct request *r, const struct err *e)
{
    enum problem_code code = problem_of_kind(e->kind);
    unsigned status = problem_code_status(code);

    if (status >= 500 && is_log_due())
        log_warning("request_failed", log_s("job", r->id), log_s("request", r->name),
                    log_i("status", status), log_s("kind", err_kind_name(e->kind)),
                    log_s("error", e->msg));
    return request_problem(r, &(struct problem_text){ .code = code, .detail = e->msg });
}

enum next request_download(struct request *r, const char *type, request_read_fn *read)
{
    if (!r->head && !budget_take(&r->shared->streams, &r->connection->client, 1))
        return request_refuse(r, PROBLEM_OVERLOADED, "too many streams at once");
    (void)request_reply(r, 200, type, NULL, 0);
    r->reply.unsized = r->head;
    if (r->head)
        return NEXT_REPLY;
    r->stream_charged = 1;
    r->read = read;
    return NEXT_STREAM;
}

enum next request_stream(struct request *r, request_read_fn *read)
{
    r->endless = true;
    return request_download(r, EVENTS_TYPE, read);
}

static void run_fill(struct executor_task *t)
{
    struct request *r = (struct request *)(void *)((char *)t - offsetof(struct request, task));

    r->fill(r);
    deadlines_answering(r->shared->deadlines, r->connection);
    request_resume(r);
}

bool request_refill(struct request *r, void (*fill)(struct request *r))
{
    if (!request_hold(r))
        return false;
    deadlines_whole(r->shared->deadlines, r->connection);
    r->fill = fill;
    r->task.run = run_fill;
    executor_submit(r->executor, &r->task);
    return true;
}

/* ROUTE_PARAMS_MAX: the route has no such parameter. */
static size_t param_index(const struct request *r, const char *name)
{
    size_t i = 0;

    while (r->route->params[i] && strcmp(r->route->params[i], name) != 0)
        i++;
    return r->route->params[i] ? i : ROUTE_PARAMS_MAX;
}

char *request_param(const struct request *r, const char *name)
{
    size_t i = param_index(r, name);

    return i < ROUTE_PARAMS_MAX ? r->params[i] : NULL;
}

char *request_param_next(const struct request *r, const char *name, const char *value)
{
    size_t i = param_index(r, name);

    if (i == ROUTE_PARAMS_MAX)
        return NULL;
    size_t next = (size_t)(value - r->params[i]) + strlen(value) + 1;
    return next < r->param_bytes[i] ? r->params[i] + next : NULL;
}

const char *request_header(const struct request *r, const char *name)
{
    return MHD_lookup_connection_value(r->mhd_connection, MHD_HEADER_KIND, name);
}

/* ---- a step ---- */

static void hold_engine(struct request *r)
{
    bool needs = r->route && r->route->engine != ROUTE_WITHOUT;

    r->has_engine = r->has_engine || (needs && in_flight_hold(&r->shared->in_flight));
    r->stopping = needs && !r->has_engine;
}

static void release_engine(struct request *r)
{
    if (r->has_engine)
        in_flight_release(&r->shared->in_flight);
    r->has_engine = false;
}

/* The body, and what was made of it. */
static void free_body(struct request *r)
{
    buf_clear(&r->body);
    r->shared->config.release(r);
    budget_return(&r->shared->bodies, &r->connection->client, r->body_charged);
    r->body_charged = 0;
}

/* ---- compression ---- */

static bool is_large_json(const struct request *r)
{
    const struct reply *p = &r->reply;
    size_t least = r->offloaded ? COMPRESS_LEAST_OFFLOADED : COMPRESS_LEAST;

    return p->status == 200 && p->len >= least && strcmp(p->type, JSON_TYPE) == 0;
}

static bool accepts_gzip(const struct request *r)
{
    return negotiation_accepts(request_header(r, "Accept-Encoding"), "gzip");
}

/* Compresses the reply's body if that is due, and says that it depends on the client. Without
 * memory the body stays as it is. */
static void compress_reply(struct request *r)
{
    struct reply *p = &r->reply;
    size_t most = r->offloaded ? COMPRESS_OFFLOADED : COMPRESS_CONNECTION, len;
    char *body;

    if (p->negotiated || !is_large_json(r))
        return;
    p->varies = true;
    if (p->len > most || !accepts_gzip(r))
        return;
    p->negotiated = true;
    if (!gzip_compress(p->body, p->len, &body, &len))
        return;
    request_free_body(p);
    p->kept = false;
    p->body = body;
    p->len = len;
    p->coding = "gzip";
}

enum next request_compress_offloaded(struct request *r)
{
    const struct reply *p = &r->reply;

    if (!is_large_json(r) || p->len <= COMPRESS_CONNECTION || p->len > COMPRESS_OFFLOADED ||
        !accepts_gzip(r))
        return NEXT_REPLY;
    r->step = request_ready;
    return NEXT_OFFLOAD;
}

enum next request_step(struct request *r)
{
    bool first = !r->begun;

    resume_batch_lead(&r->shared->resume_batch, &r->member);
    r->begun = true;
    hold_engine(r);
    enum next next = first && r->stopping && !r->refused && r->route->engine == ROUTE_ONLY_WITH
                         ? request_stopping(r)
                         : r->step(r);
    if (next == NEXT_PAUSE)
        return next; /* another thread may use or free it by now */
    release_engine(r);
    if (next != NEXT_OFFLOAD)
        free_body(r);
    if (next == NEXT_REPLY)
        compress_reply(r);
    return next;
}

/* ---- waiting ---- */

bool request_hold(struct request *r)
{
    if (r->paused)
        return true;
    if (!in_flight_pause(&r->shared->in_flight))
        return false;
    r->paused = true;
    MHD_suspend_connection(r->mhd_connection);
    return true;
}

bool request_pause(struct request *r)
{
    if (!request_hold(r))
        return false;
    release_engine(r);
    free_body(r);
    return true;
}

void request_resume(struct request *r)
{
    struct in_flight *in_flight = &r->shared->in_flight;

    r->paused = r->offloaded = false;
    MHD_resume_connection(r->mhd_connection); /* r may be freed when this returns */
    in_flight_unpause(in_flight);
}

void request_resume_soon(struct request *r)
{
    resume_batch_resume(&r->shared->resume_batch, &r->member);
}

void request_resume_member(struct resume_batch_member *m)
{
    request_resume((struct request *)(void *)((char *)m - offsetof(struct request, member)));
}

enum next request_ready(struct request *r)
{
    (void)r;
    return NEXT_REPLY;
}

static enum next continue_stream(struct request *r)
{
    (void)r;
    return NEXT_STREAM;
}

static enum next close_without_answer(struct request *r)
{
    (void)r;
    return NEXT_CLOSE;
}

static void run_offloaded(struct executor_task *t)
{
    struct request *r = (struct request *)(void *)((char *)t - offsetof(struct request, task));
    enum next next;

    r->offloaded = true;
    do
        next = request_step(r);
    while (next == NEXT_OFFLOAD);
    if (next == NEXT_PAUSE)
        return; /* another thread may use or free it by now */
    r->step = next == NEXT_REPLY    ? request_ready
              : next == NEXT_STREAM ? continue_stream
                                    : close_without_answer;
    request_resume(r);
}

bool request_offload(struct request *r)
{
    if (!request_hold(r))
        return false;
    r->task.run = run_offloaded;
    executor_submit(r->executor, &r->task);
    return true;
}

int request_fd(const struct request *r)
{
    return MHD_get_connection_info(r->mhd_connection, MHD_CONNECTION_INFO_CONNECTION_FD)
        ->connect_fd;
}

const struct route_table *request_routes(const struct request *r)
{
    return &r->shared->config.routes;
}

struct traffic *request_traffic(const struct request *r) { return r->shared->traffic; }

int64_t request_connections(const struct request *r)
{
    return deadlines_count(r->shared->deadlines);
}

enum next request_stopping(struct request *r)
{
    (void)request_refuse(r, PROBLEM_STOPPING, "the server is stopping");
    r->reply.close = true;
    return NEXT_REPLY;
}

void request_free(struct request *r)
{
    release_engine(r);
    free_body(r);
    r->shared->config.end(r);
    budget_return(&r->shared->answers, &r->connection->client, r->answer_charged);
    budget_return(&r->shared->streams, &r->connection->client, r->stream_charged);
    request_free_body(&r->reply);
    free(r->reply.location);
    for (size_t i = 0; i < ROUTE_PARAMS_MAX; i++)
        free(r->params[i]);
    free(r);
}
