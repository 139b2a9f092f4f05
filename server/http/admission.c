#include "server/http/admission.h"

#include <microhttpd.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/near.h"
#include "server/http/deadlines.h"
#include "server/http/http_shared.h"
#include "server/http/uri.h"

/* How large a body may be for a route that takes none. */
#define UNUSED_BODY_BYTES (64 * KIB)
/* For a body of a known length up to this, memory is reserved at once. */
#define RESERVE_BYTES (64 * KIB)

struct param_reader {
    struct request *r;
    bool wrong;
};

static const char *param_name(const void *params, size_t i)
{
    return ((const char *const *)params)[i];
}

static void refuse_unknown_param(struct request *r, const char *name)
{
    const char *const *params = r->route->params;
    const char *meant = near_name(name, strlen(name), near_typos(strlen(name)), param_name, params);
    char all[200] = "none";
    size_t n = 0;

    for (size_t i = 0; params[i] && n < sizeof all; i++)
        n += (size_t)snprintf(all + n, sizeof all - n, "%s%s", i > 0 ? ", " : "", params[i]);
    if (meant)
        (void)request_refuse_param(
            r, name, "there is no such query parameter here; did you mean %s?", meant);
    else
        (void)request_refuse_param(r, name, "there is no such query parameter here; it takes %s",
                                   all);
}

/* Behind the values that it has. False: it is wrong, and the reply is filled in. */
static bool add_param_value(struct request *r, size_t i, const char *raw, size_t len)
{
    char *values = realloc(r->params[i], r->param_bytes[i] + len + 1);

    if (!values) {
        (void)request_refuse(r, PROBLEM_UNAVAILABLE, "out of memory");
        return false;
    }
    r->params[i] = values;
    int n = uri_decode(raw, len, values + r->param_bytes[i], len + 1);
    if (n < 0) {
        (void)request_refuse(r, PROBLEM_BAD_REQUEST,
                             "the query has a broken percent escape or a NUL");
        return false;
    }
    r->param_bytes[i] += (size_t)n + 1;
    return true;
}

static bool may_repeat(const struct route *route, const char *name)
{
    return route->repeated && strcmp(route->repeated, name) == 0;
}

static enum MHD_Result read_param(void *ctx, enum MHD_ValueKind kind, const char *raw_name,
                                  const char *raw_value)
{
    struct param_reader *p = ctx;
    const char *const *names = p->r->route->params;
    char name[32];
    size_t i = 0;

    (void)kind;
    p->wrong = true;
    if (uri_decode(raw_name, strlen(raw_name), name, sizeof name) < 0)
        name[0] = '\0';
    while (names[i] && strcmp(names[i], name) != 0)
        i++;
    if (!names[i])
        refuse_unknown_param(p->r, raw_name);
    else if (p->r->params[i] && !may_repeat(p->r->route, name))
        (void)request_refuse_param(p->r, name, "given twice");
    else
        p->wrong = !add_param_value(p->r, i, raw_value ? raw_value : "",
                                    raw_value ? strlen(raw_value) : 0);
    return p->wrong ? MHD_NO : MHD_YES;
}

static bool read_params(struct request *r)
{
    struct param_reader p = { .r = r };

    (void)MHD_get_connection_values(r->mhd_connection, MHD_GET_ARGUMENT_KIND, read_param, &p);
    return !p.wrong;
}

/* What follows the scheme of a target in absolute form; NULL for the other forms. */
static const char *target_authority(const char *target)
{
    const char *scheme_end = *target == '/' ? NULL : strstr(target, "://");

    return scheme_end ? scheme_end + strlen("://") : NULL;
}

/* The path of a target in absolute form; the target itself otherwise. */
static const char *target_path(const char *target)
{
    const char *authority = target_authority(target);

    if (!authority)
        return target;
    const char *path = strchr(authority, '/');
    return path ? path : "/";
}

/* The names in Host and in an absolute target must both be ours (by RFC 9112 the target would win;
 * a proxy makes them equal). A request without either is HTTP/1.0, so it is not from a browser. */
static bool has_our_name(const struct request *r, const char *target, const char *host)
{
    const char *authority = target_authority(target);
    char name[256];

    if (authority) {
        size_t len = strcspn(authority, "/?");
        if (len >= sizeof name)
            return false;
        memcpy(name, authority, len);
        name[len] = '\0';
        if (!hosts_answers(&r->shared->hosts, name))
            return false;
    }
    return !host || hosts_answers(&r->shared->hosts, host);
}

static bool check_source(struct request *r, const char *target, const struct hosts_page *page)
{
    if (!has_our_name(r, target, page->host))
        (void)request_refuse(r, PROBLEM_WRONG_HOST,
                             "'%.100s' is no name of this server: list it in ALLOWED_HOSTS",
                             page->host ? page->host : target);
    else if (!hosts_trusts(&r->shared->hosts, page))
        (void)request_refuse(r, PROBLEM_FOREIGN_PAGE,
                             "pages of '%.100s' may not use this server: list it in "
                             "ALLOWED_HOSTS",
                             page->origin ? page->origin : "another site");
    else
        return true;
    return false;
}

static enum next offload_handler(struct request *r)
{
    r->step = r->route->handle;
    return NEXT_OFFLOAD;
}

static bool find_route(struct request *r, const char *target, const char *method)
{
    char allow[sizeof r->reply.allow];

    switch (route_find(&r->shared->config.routes, method, target_path(target), &r->route, r->id,
                       allow)) {
    case ROUTE_FOUND:
        r->step = r->route->offload ? offload_handler : r->route->handle;
        return true;
    case ROUTE_NO_PATH:
        (void)request_refuse(r, PROBLEM_NO_SUCH_PATH, "there is nothing at %.200s", target);
        return false;
    case ROUTE_BAD_PATH:
        (void)request_refuse(r, PROBLEM_BAD_REQUEST,
                             "the path has a broken percent escape or a NUL");
        return false;
    case ROUTE_NO_METHOD:
        break;
    }
    (void)request_refuse(r, PROBLEM_METHOD_NOT_ALLOWED, "%.20s is not for this path", method);
    memcpy(r->reply.allow, allow, sizeof allow);
    return false;
}

static bool allow_principal(struct request *r)
{
    r->principal = r->shared->config.identify(r);
    if (principal_has(&r->principal, r->route->right))
        return true;
    (void)request_refuse(r, PROBLEM_FORBIDDEN, "%.100s may not %s", r->principal.name,
                         principal_right_text(r->route->right));
    return false;
}

int64_t admission_body_limit(const struct request *r)
{
    int64_t most = r->shared->config.max_body_bytes, own = r->route->body_bytes;

    return own == 0 ? UNUSED_BODY_BYTES : own < most ? own : most;
}

static bool allow_media_type(struct request *r, const struct header_check_head *head)
{
    r->is_form = head->form && r->route->form;
    if ((head->json || r->is_form) && !head->other_charset && !head->coded)
        return true;
    (void)request_refuse(r, PROBLEM_UNSUPPORTED_MEDIA_TYPE, "%s",
                         head->json || r->is_form ? head->coded
                                                        ? "send the body without a Content-Encoding"
                                                        : "JSON is UTF-8, whatever charset is named"
                         : r->route->form         ? "send application/json or multipart/form-data"
                                                  : "send application/json");
    return false;
}

static bool allow_body(struct request *r, const struct header_check_head *head)
{
    bool takes_body = r->route->body_bytes > 0;

    if (takes_body && !allow_media_type(r, head))
        return false;
    if (head->length > admission_body_limit(r)) {
        (void)request_refuse(r, PROBLEM_BODY_TOO_LARGE, "a body may have %lld bytes here",
                             (long long)admission_body_limit(r));
        return false;
    }
    if (takes_body && head->length <= RESERVE_BYTES &&
        buf_reserve(&r->body, (size_t)head->length) < 0) {
        (void)request_refuse(r, PROBLEM_UNAVAILABLE, "out of memory");
        return false;
    }
    return true;
}

bool admission_request(struct request *r, const char *target, const char *method,
                       const struct header_check_head *head)
{
    if (in_flight_is_draining(&r->shared->in_flight)) {
        (void)request_stopping(r);
        return false;
    }
    r->reply.close = r->connection->over_limit;
    struct hosts_page page = head->page;
    page.reads = r->head || strcmp(method, "GET") == 0;
    if (!check_source(r, target, &page) || !find_route(r, target, method))
        return false;
    if (r->connection->over_limit && !r->route->always) {
        (void)request_refuse(r, PROBLEM_OVERLOADED, "too many connections");
        return false;
    }
    return allow_principal(r) && allow_body(r, head) && read_params(r);
}
