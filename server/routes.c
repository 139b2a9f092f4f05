#include "server/routes.h"

#include <stdio.h>
#include <string.h>

#include "schema/text.h"
#include "server/events.h"
#include "server/page.h"
#include "server/prometheus.h"
#include "server/results.h"
#include "server/stats_get.h"
#include "server/submissions.h"
#include "server/system.h"
#include "server/uri.h"

const struct route routes_table[] = {
    { .method = "POST",
      .path = "/submissions",
      .handle = submissions_post,
      .engine = ROUTE_ONLY_WITH,
      .takes_json = true,
      .params = { "wait" } },
    { .method = "GET", .path = "/submissions/{id}", .handle = submissions_get, .aside = true },
    { .method = "DELETE",
      .path = "/submissions/{id}",
      .handle = submissions_delete,
      .engine = ROUTE_ONLY_WITH },
    { .method = "GET", .path = "/submissions/{id}/events", .handle = events_of_one },
    { .method = "GET", .path = "/events", .handle = events_everything },
    { .method = "GET",
      .path = "/results",
      .handle = results_list,
      .params = { "state", "status", "language", "id_prefix", "since", "until", "sort", "limit",
                  "cursor" } },
    { .method = "GET",
      .path = "/results/{id}",
      .handle = results_get,
      .engine = ROUTE_WITH,
      .params = { "wait", "fields" } },
    { .method = "POST",
      .path = "/results/{id}/publish",
      .handle = submissions_publish,
      .engine = ROUTE_ONLY_WITH },
    { .method = "GET",
      .path = "/languages",
      .handle = system_languages,
      .engine = ROUTE_ONLY_WITH },
    { .method = "GET",
      .path = "/stats",
      .handle = stats_get,
      .engine = ROUTE_WITH,
      .aside = true,
      .params = { "window", "step", "language", "verdict" } },
    { .method = "GET", .path = "/system", .handle = system_get, .engine = ROUTE_WITH },
    { .method = "GET",
      .path = "/metrics",
      .handle = prometheus_get,
      .engine = ROUTE_WITH,
      .aside = true },
    { .method = "GET", .path = "/healthz", .handle = system_healthz, .always = true },
    { .method = "GET", .path = "/readyz", .handle = system_readyz, .engine = ROUTE_WITH },
    { .method = "GET", .path = "/openapi.yaml", .handle = system_openapi },
    { .method = "GET", .path = "/", .handle = page_index },
    { .method = "GET", .path = "/assets/{name}", .handle = page_asset },
};
const size_t routes_len = ARRAY_LEN(routes_table);

/* Compares path with a route's; {...} stands for one segment that is not empty. */
static bool matches(const char *route, const char *path, const char **ret_id, size_t *ret_id_len)
{
    size_t fixed = strcspn(route, "{");

    if (strncmp(route, path, fixed) != 0)
        return false;
    if (!route[fixed])
        return !path[fixed];
    *ret_id = path + fixed;
    *ret_id_len = strcspn(*ret_id, "/");
    return *ret_id_len > 0 && strcmp(*ret_id + *ret_id_len, strchr(route + fixed, '}') + 1) == 0;
}

/* No accepted id has control characters or is longer; such a path cannot name anything. */
static bool could_be_id(const char *id, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)id[i] < 0x20 || id[i] == 0x7f)
            return false;
    }
    return text_is_utf8(id, len);
}

static enum routes_found decode_id(const char *raw, size_t raw_len, char *id)
{
    char decoded[4 * SUBMISSION_ID_MAX]; /* room to tell "too long" from "broken" */

    if (raw_len >= sizeof decoded)
        return ROUTES_NO_PATH;
    int len = uri_decode(raw, raw_len, decoded, sizeof decoded);
    if (len < 0)
        return ROUTES_BAD_PATH;
    if (len > SUBMISSION_ID_MAX || !could_be_id(decoded, (size_t)len))
        return ROUTES_NO_PATH;
    memcpy(id, decoded, (size_t)len + 1);
    return ROUTES_FOUND;
}

static void add_allowed(char allow[40], const char *method)
{
    size_t n = strlen(allow);
    const char *head = strcmp(method, "GET") == 0 ? ", HEAD" : "";

    (void)snprintf(allow + n, 40 - n, "%s%s%s", n ? ", " : "", method, head);
}

enum routes_found routes_find(const char *method, const char *path, const struct route **ret_route,
                              char *id, char allow[40])
{
    const char *want = strcmp(method, "HEAD") == 0 ? "GET" : method;

    allow[0] = '\0';
    for (size_t i = 0; i < routes_len; i++) {
        const struct route *route = &routes_table[i];
        const char *raw_id = NULL;
        size_t raw_len = 0;
        if (!matches(route->path, path, &raw_id, &raw_len))
            continue;
        if (strcmp(route->method, want) != 0) {
            add_allowed(allow, route->method);
            continue;
        }
        enum routes_found found = raw_id ? decode_id(raw_id, raw_len, id) : ROUTES_FOUND;
        if (found == ROUTES_FOUND)
            *ret_route = route;
        return found;
    }
    return allow[0] ? ROUTES_NO_METHOD : ROUTES_NO_PATH;
}
