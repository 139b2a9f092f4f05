#include "server/http/body.h"

#include "server/http/admission.h"
#include "server/http/deadlines.h"
#include "server/http/http_shared.h"
#include "server/http/request.h"

/* The budget for all bodies, and the share of one client, as multiples of MAX_BODY_BYTES. */
#define ALL_BODIES    4
#define CLIENT_BODIES 2
/* Bytes of each body that are not charged. */
#define SMALL_BODY (64 * KIB)

void body_budget(struct budget *b, const struct http_config *c)
{
    budget_init(b, ALL_BODIES * c->max_body_bytes, CLIENT_BODIES * c->max_body_bytes);
}

void body_refuse(struct request *r, unsigned status, const char *why)
{
    (void)request_refuse(r, problem_of_status(status), "%s", why);
    r->reply.close = true;
    r->refused = true;
    r->step = request_ready;
    buf_clear(&r->body);
    budget_return(&r->shared->bodies, &r->connection->client, r->body_charged);
    r->body_charged = 0;
}

/* Charges what is above SMALL_BODY. */
static bool charge_body(struct request *r)
{
    int64_t due = (int64_t)r->body_seen - SMALL_BODY - r->body_charged;

    if (due <= 0)
        return true;
    if (!budget_take(&r->shared->bodies, &r->connection->client, due))
        return false;
    r->body_charged += due;
    return true;
}

static void keep_piece(struct request *r, const char *data, size_t len)
{
    if ((int64_t)r->body_seen > admission_body_limit(r))
        body_refuse(r, 413, "the body is too large");
    else if (r->route->body_bytes == 0)
        return;
    else if (!charge_body(r))
        body_refuse(r, 503, "too many large requests at once");
    else if (buf_add(&r->body, data, len) < 0)
        body_refuse(r, 503, "out of memory");
}

/* The library can answer only after the end of the body, so a refused body is read on, up to a
 * limit.
 */
bool body_take(struct request *r, const char *data, size_t len)
{
    r->body_seen += len;
    if (!r->refused)
        keep_piece(r, data, len);
    return (int64_t)r->body_seen <= 2 * r->shared->config.max_body_bytes;
}

bool body_hold(struct request *r, size_t n)
{
    if (!budget_take(&r->shared->bodies, &r->connection->client, (int64_t)n))
        return false;
    r->body_charged += (int64_t)n;
    return true;
}

bool body_replace(struct request *r, char *data, size_t len)
{
    int64_t due = (int64_t)len > SMALL_BODY ? (int64_t)len - SMALL_BODY : 0;
    int64_t more = due - r->body_charged;

    buf_clear(&r->body);
    r->body = (struct buf){ .data = data, .len = len, .size = len + 1 };
    if (more > 0)
        return body_hold(r, (size_t)more);
    budget_return(&r->shared->bodies, &r->connection->client, -more);
    r->body_charged = due;
    return true;
}
