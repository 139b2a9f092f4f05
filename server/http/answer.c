#include "server/http/answer.h"

#include <stdio.h>

#include "server/http/deadlines.h"
#include "server/http/http_shared.h"
#include "server/http/request.h"

/* The budget for all answers, and the share of one client, as multiples of MAX_BODY_BYTES. */
#define ALL_ANSWERS    4
#define CLIENT_ANSWERS 2
/* Answers up to this size are not charged. */
#define SMALL_ANSWER (64 * KIB)
#define STREAM_BLOCK 4096

enum MHD_Result answer_defend(struct MHD_Response *response)
{
    enum MHD_Result rc = MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");

    return rc != MHD_YES
               ? rc
               : MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
}

/* Streams stay open for hours, so they may take only half of the connections. */
void answer_budgets(struct budget *answers, struct budget *streams, const struct http_config *c)
{
    int64_t most = (c->max_connections + 1) / 2;

    budget_init(answers, ALL_ANSWERS * c->max_body_bytes, CLIENT_ANSWERS * c->max_body_bytes);
    budget_init(streams, most, most);
}

static void add_headers(struct MHD_Response *response, const struct request *r)
{
    const struct reply *p = &r->reply;
    char seconds[16];

    (void)MHD_add_response_header(response, "Content-Type", p->type);
    (void)MHD_add_response_header(response, REQUEST_ID_NAME, r->name);
    if (p->location)
        (void)MHD_add_response_header(response, "Location", p->location);
    if (p->allow[0])
        (void)MHD_add_response_header(response, "Allow", p->allow);
    if (p->retry_after) {
        (void)snprintf(seconds, sizeof seconds, "%d", p->retry_after);
        (void)MHD_add_response_header(response, "Retry-After", seconds);
    }
    if (p->etag[0])
        (void)MHD_add_response_header(response, "ETag", p->etag);
    if (p->coding)
        (void)MHD_add_response_header(response, "Content-Encoding", p->coding);
    if (p->varies)
        (void)MHD_add_response_header(response, "Vary", "Accept-Encoding");
    for (size_t i = 0; i < p->more_len; i++)
        (void)MHD_add_response_header(response, p->more[i].name, p->more[i].value);
    if (p->close)
        (void)MHD_add_response_header(response, "Connection", "close");
}

/* Charged, because a client that reads slowly keeps a whole report in memory. An answer is charged
 * for at most a quarter of its client's share, so that one alone, of any size, can always be sent.
 */
static void charge_answer(struct request *r)
{
    int64_t n = (int64_t)r->reply.len, most = r->shared->config.max_body_bytes / 2;

    n = n < most ? n : most;
    if (r->reply.kept || r->reply.release || n <= SMALL_ANSWER)
        return;
    if (budget_take(&r->shared->answers, &r->connection->client, n))
        r->answer_charged = n;
    else
        (void)request_refuse(r, PROBLEM_OVERLOADED, "too many large answers at once");
}

static ssize_t read_nothing(void *context, uint64_t position, char *out, size_t size)
{
    (void)context, (void)position, (void)out, (void)size;
    return MHD_CONTENT_READER_END_OF_STREAM;
}

static struct MHD_Response *make_response(const struct reply *p)
{
    if (p->unsized)
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_nothing, NULL,
                                                 NULL);
    if (p->release)
        return MHD_create_response_from_buffer_with_free_callback(p->len, p->body, p->release);
    return MHD_create_response_from_buffer(
        p->len, p->body, p->kept ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_FREE);
}

enum MHD_Result answer_reply(struct request *r)
{
    struct reply *p = &r->reply;

    charge_answer(r);
    struct MHD_Response *response = make_response(p);

    if (!response)
        return MHD_NO;
    p->body = NULL;
    p->release = NULL;
    add_headers(response, r);
    if (p->unsized)
        (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    (void)answer_defend(response);
    deadlines_answering(r->shared->deadlines, r->connection);
    enum MHD_Result rc = MHD_queue_response(r->mhd_connection, p->status, response);
    MHD_destroy_response(response);
    return rc;
}

static ssize_t read_stream(void *request, uint64_t position, char *out, size_t size)
{
    struct request *r = request;

    (void)position;
    ssize_t n = r->read(r, out, size);
    if (n == REQUEST_BROKEN)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    return n < 0 ? MHD_CONTENT_READER_END_OF_STREAM : n;
}

/* Of events: the hub enforces its own timeout; the library's and ours are off. */
static void make_endless(struct request *r, struct MHD_Response *response)
{
    (void)MHD_add_response_header(response, "X-Accel-Buffering", "no");
    (void)MHD_add_response_header(response, "Connection", "close");
    (void)MHD_set_connection_option(r->mhd_connection, MHD_CONNECTION_OPTION_TIMEOUT, 0U);
    deadlines_whole(r->shared->deadlines, r->connection);
}

enum MHD_Result answer_stream(struct request *r)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream, r, NULL);

    if (!response)
        return MHD_NO;
    (void)answer_defend(response);
    add_headers(response, r);
    (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    if (r->endless)
        make_endless(r, response);
    else
        deadlines_answering(r->shared->deadlines, r->connection);
    r->streams = true;
    enum MHD_Result rc = MHD_queue_response(r->mhd_connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return rc;
}
