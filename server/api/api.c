#include "server/api/api.h"

#include "engine/language/language.h"
#include "schema/base/err.h"
#include "server/api/context.h"
#include "server/api/diagnostics.h"
#include "server/api/report_cache.h"
#include "server/api/routes.h"
#include "server/config.h"
#include "server/executor.h"
#include "server/http/daemon.h"
#include "server/live/hub.h"
#include "server/submission_policy.h"

#define CACHE_BYTES (16 * MIB)

struct api {
    struct server server;
    struct daemon *http; /* owned */
};

static void drain(const void *context)
{
    const struct server *s = context;
    hub_drain(s->hub);
}

static void stop(const void *context)
{
    const struct server *s = context;
    waiters_stop(s->waiters);
    hub_stop(s->hub);
}

static struct http_config http_config_of(const struct server *s)
{
    const struct config *c = s->config;

    return (struct http_config){ .routes = { routes_table, routes_len },
                                 .context = s,
                                 .identify = s->identify,
                                 .request_size = sizeof(struct call),
                                 .rest = context_rest,
                                 .end = context_end,
                                 .drain = drain,
                                 .stop = stop,
                                 .allowed_hosts = c->allowed_hosts,
                                 .max_body_bytes = c->max_body_bytes,
                                 .max_header_bytes = c->max_header_bytes,
                                 .max_connections = c->max_connections,
                                 .max_connections_per_address = c->max_connections_per_address,
                                 .request_timeout_ms = c->request_timeout_ms };
}

static int prepare(struct server *s, struct err *e)
{
    s->lent = TAKE(s->engine);
    s->rules = submission_policy_make(s->config, s->languages, true);
    s->cache = report_cache_open(CACHE_BYTES);
    s->findings = diagnostics_open();
    if (!s->cache || !s->findings)
        return err_set(e, ERR_NOMEM, "HTTP server");
    return executor_open(1, &s->slow, e) < 0 ? -1 : executor_open(1, &s->lists, e);
}

int api_start(const struct server *s, int listen_fd, struct api **ret_api, struct err *e)
{
    CLEANUP(closep) int fd = listen_fd;
    struct api *a = calloc(1, sizeof *a);

    if (!a)
        return err_set(e, ERR_NOMEM, "HTTP server");
    a->server = *s;
    struct http_config c = http_config_of(&a->server);
    if (prepare(&a->server, e) < 0 || daemon_start(&c, TAKE_FD(fd), &a->http, e) < 0) {
        (void)api_stop(a);
        return -1;
    }
    *ret_api = a;
    return 0;
}

void api_drain(struct api *a) { daemon_drain(a->http); }

struct api *api_stop(struct api *a)
{
    if (!a)
        return NULL;
    a->http = daemon_stop(a->http);
    a->server.slow = executor_free(a->server.slow);
    a->server.lists = executor_free(a->server.lists);
    a->server.cache = report_cache_free(a->server.cache);
    a->server.findings = diagnostics_free(a->server.findings);
    free(a);
    return NULL;
}
