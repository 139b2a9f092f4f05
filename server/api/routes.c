#include "server/api/routes.h"

#include "schema/base/base.h"
#include "schema/model/submission.h"
#include "server/api/dashboard.h"
#include "server/api/events.h"
#include "server/api/health.h"
#include "server/api/metrics_api.h"
#include "server/api/results.h"
#include "server/api/stats_api.h"
#include "server/api/submissions.h"

_Static_assert(ROUTE_ID_MAX == SUBMISSION_ID_MAX, "a path has room for the id of a submission");

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
      .handle = health_languages,
      .engine = ROUTE_ONLY_WITH },
    { .method = "GET",
      .path = "/stats",
      .handle = stats_api_get,
      .engine = ROUTE_WITH,
      .aside = true,
      .params = { "window", "step", "language", "verdict" } },
    { .method = "GET", .path = "/system", .handle = system_get, .engine = ROUTE_WITH },
    { .method = "GET",
      .path = "/metrics",
      .handle = metrics_api_get,
      .engine = ROUTE_WITH,
      .aside = true },
    { .method = "GET", .path = "/healthz", .handle = health_healthz, .always = true },
    { .method = "GET", .path = "/readyz", .handle = health_readyz, .engine = ROUTE_WITH },
    { .method = "GET", .path = "/openapi.yaml", .handle = health_openapi },
    { .method = "GET", .path = "/", .handle = dashboard_index },
    { .method = "GET", .path = "/assets/{name}", .handle = dashboard_asset },
};
const size_t routes_len = ARRAY_LEN(routes_table);
