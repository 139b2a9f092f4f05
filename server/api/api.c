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

static void end_everything_streams(const void *context)
{
    const struct server *s = context;
    hub_drain(s->hub);
}

static void end_waiting(const void *context)
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
                                 .release = context_release,
                                 .end = context_end,
                                 .drain = end_everything_streams,
                                 .stop = end_waiting,
                                 .allowed_hosts = c->allowed_hosts,
                                 .max_body_bytes = c->max_body_bytes,
                                 .max_header_bytes = c->max_header_bytes,
                                 .max_connections = c->max_connections,
                                 .max_connections_per_address = c->max_connections_per_address,
                                 .request_timeout_ms = c->request_timeout_ms };
}

static int open_api_state(struct server *s, struct err *e)
{
    s->engine_to_lend = TAKE(s->engine);
    s->rules = submission_policy_make(s->config, s->languages, true);
    s->report_cache = report_cache_open(CACHE_BYTES);
    s->diagnostics = diagnostics_open();
    if (!s->report_cache || !s->diagnostics)
        return err_set(e, ERR_NOMEM, "HTTP server");
    return executor_open(1, &s->slow_executor, e) < 0 ? -1 : executor_open(1, &s->list_executor, e);
}

int api_start(const struct server *s, int listen_fd, struct api **ret_api, struct err *e)
{
    CLEANUP(closep) int fd = listen_fd;
    struct api *a = calloc(1, sizeof *a);

    if (!a)
        return err_set(e, ERR_NOMEM, "HTTP server");
    a->server = *s;
    struct http_config c = http_config_of(&a->server);
    if (open_api_state(&a->server, e) < 0 || daemon_start(&c, TAKE_FD(fd), &a->http, e) < 0) {
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
    a->server.slow_executor = executor_free(a->server.slow_executor);
    a->server.list_executor = executor_free(a->server.list_executor);
    a->server.report_cache = report_cache_free(a->server.report_cache);
    a->server.diagnostics = diagnostics_free(a->server.diagnostics);
    free(a);
    return NULL;
}
