/* server/report_view.h - renders a final report as the settings let HTTP clients read it.
 *
 * Room     server.
 * Threads  any; may take long, because a report can have a thousand tests.
 * Errors   0, or -1 with *e filled. ERR_NOT_FOUND: not final, or removed by retention.
 */
#pragma once

#include <stddef.h>

#include "schema/base/base.h"

struct config;
struct err;
struct jobs;

struct report_view_query {
    const char *id;
    const char *const *fields; /* the names of ?fields=, NULL-terminated; NULL: all */
};

/* The caller owns *ret_json, of *ret_len bytes. */
NODISCARD int report_view_render(struct jobs *j, const struct config *c,
                                 const struct report_view_query *q, char **ret_json,
                                 size_t *ret_len, struct err *e);
