#include "server/api/routes.h"

#include "schema/base/base.h"
#include "schema/model/submission.h"
#include "server/api/dashboard.h"
#include "server/api/events.h"
#include "server/api/health.h"
#include "server/api/metrics_api.h"
#include "server/api/results.h"
#include "server/api/results_export.h"
#include "server/api/results_list.h"
#include "server/api/stats_api.h"
#include "server/api/submissions.h"

_Static_assert(ROUTE_ID_MAX == SUBMISSION_ID_MAX, "a path has room for the id of a submission");

#define EXPORT_PARAMS "state", "status", "language", "label", "id_prefix", "since", "until", "sort"

const struct route routes_table[] = {
    { .method = "POST",
      .path = "/submissions",
      .handle = submissions_post,
      .right = RIGHT_SUBMIT,
      .engine = ROUTE_ONLY_WITH,
      .body_bytes = ROUTE_BODY_MAX,
      .params = { "wait" } },
    { .method = "GET",
      .path = "/submissions/{id}",
      .handle = submissions_get,
      .right = RIGHT_READ,
      .offload = true },
    { .method = "DELETE",
      .path = "/submissions/{id}",
      .handle = submissions_delete,
      .right = RIGHT_SUBMIT,
      .engine = ROUTE_ONLY_WITH },
    { .method = "GET",
      .path = "/submissions/{id}/events",
      .handle = events_of_one,
      .right = RIGHT_READ },
    { .method = "GET", .path = "/events", .handle = events_everything, .right = RIGHT_READ },
    { .method = "GET",
      .path = "/results",
      .handle = results_list,
      .right = RIGHT_READ,
      .params = { EXPORT_PARAMS, "limit", "cursor" },
      .repeated = "label" },
    { .method = "GET",
      .path = "/results.csv",
      .handle = results_csv,
      .right = RIGHT_READ,
      .params = { EXPORT_PARAMS },
      .repeated = "label" },
    { .method = "GET",
      .path = "/results.ndjson",
      .handle = results_ndjson,
      .right = RIGHT_READ,
      .params = { EXPORT_PARAMS },
      .repeated = "label" },
    { .method = "GET",
      .path = "/results/{id}",
      .handle = results_get,
      .right = RIGHT_READ,
      .engine = ROUTE_WITH,
      .params = { "wait", "fields" } },
    { .method = "POST",
      .path = "/results/{id}/publish",
      .handle = submissions_publish,
      .right = RIGHT_OPERATE,
      .engine = ROUTE_ONLY_WITH },
    { .method = "GET",
      .path = "/languages",
      .handle = health_languages,
      .right = RIGHT_READ,
      .engine = ROUTE_ONLY_WITH },
    { .method = "GET",
      .path = "/stats",
      .handle = stats_api_get,
      .right = RIGHT_READ,
      .engine = ROUTE_WITH,
      .offload = true,
      .params = { "window", "step", "language", "verdict" } },
    { .method = "GET",
      .path = "/system",
      .handle = system_get,
      .right = RIGHT_OPERATE,
      .engine = ROUTE_WITH },
    { .method = "GET",
      .path = "/metrics",
      .handle = metrics_api_get,
      .right = RIGHT_OPERATE,
      .engine = ROUTE_WITH,
      .offload = true },
    { .method = "GET",
      .path = "/healthz",
      .handle = health_healthz,
      .right = RIGHT_PUBLIC,
      .always = true },
    { .method = "GET",
      .path = "/readyz",
      .handle = health_readyz,
      .right = RIGHT_PUBLIC,
      .engine = ROUTE_WITH },
    { .method = "GET", .path = "/openapi.yaml", .handle = health_openapi, .right = RIGHT_PUBLIC },
    { .method = "GET", .path = "/", .handle = dashboard_index, .right = RIGHT_PUBLIC },
    { .method = "GET", .path = "/docs", .handle = dashboard_docs, .right = RIGHT_PUBLIC },
    { .method = "GET", .path = "/assets/{name}", .handle = dashboard_asset, .right = RIGHT_PUBLIC },
};
const size_t routes_len = ARRAY_LEN(routes_table);
