/* server/report_view.h - renders a final report as the settings let HTTP clients read it.
 *
 * Room     server.
 * Threads  any; may take long, because a report can have a thousand tests.
 * Errors   0, or -1 with *e filled. ERR_NOT_FOUND: not final, or removed by retention.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/base.h"

struct config;
struct err;
struct jobs;
struct submission;

struct report_view_query {
    const char *id;
    const char *const *fields; /* the names of ?fields=, NULL-terminated; NULL: all */
};

/* The caller owns *ret_json, of *ret_len bytes. */
NODISCARD int report_view_render(struct jobs *j, const struct config *c,
                                 const struct report_view_query *q, char **ret_json,
                                 size_t *ret_len, struct err *e);

/* The same from a stored report that the caller has. */
struct report_view_stored {
    const char *text; /* borrowed, as is all here */
    size_t len;
    const char *const *fields; /* as above */
    /* For the tests' input and expected output. NULL: not needed, or retention may have removed it;
     * then the report is rendered without them. */
    const struct submission *submission;
};
NODISCARD int report_view_stored(const struct config *c, const struct report_view_stored *r,
                                 char **ret_json, size_t *ret_len, struct err *e);
bool report_view_needs_submission(const struct config *c, const char *const *fields);
