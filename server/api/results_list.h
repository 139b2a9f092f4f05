/* server/api/results_list.h - GET /results, and the filter that it shares with the exports.
 *
 * Room     server/api.
 * Threads  steps of a request, see request.h.
 */
#pragma once

#include <stdbool.h>

#include "schema/base/base.h"
#include "schema/model/labels.h"
#include "schema/store/jobs_read.h"
#include "server/http/request.h"

enum next results_list(struct request *r);

/* Which rows, in which order; not to be copied, for f points to the labels. Borrows the request's
 * parameters; owns the labels, until results_list_clear_filter(). */
struct results_list_filter {
    struct jobs_filter f;
    struct labels_wanted labels[LABELS_MAX];
};

/* Reads state, status, language, label, id_prefix, since, until and sort. False: one is wrong, and
 * the reply is filled in; the filter is to be cleared all the same. */
NODISCARD bool results_list_read_filter(struct request *r, struct results_list_filter *ret_filter);
void results_list_clear_filter(struct results_list_filter *filter);
