/* server/report_view.h - a final report as this server's HTTP clients read it.
 *
 * Room     server.
 * Threads  any; may take long, a report can have a thousand tests.
 * Errors   0, or -1 with *e filled. ERR_NOT_FOUND: not final, or retention has taken it.
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

/* Caller owns *ret_json. */
NODISCARD int report_view_render(struct jobs *j, const struct config *c,
                                 const struct report_view_query *q, char **ret_json,
                                 size_t *ret_len, struct err *e);
