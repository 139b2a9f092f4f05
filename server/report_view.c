#include "server/report_view.h"

#include <stdbool.h>
#include <string.h>

#include "schema/base/err.h"
#include "schema/model/report.h"
#include "schema/store/jobs.h"
#include "schema/store/jobs_read.h"
#include "server/config.h"

static bool wants_tests(const char *const *fields)
{
    if (!fields)
        return true;
    for (; *fields; fields++) {
        if (strcmp(*fields, "tests") == 0)
            return true;
    }
    return false;
}

bool report_view_needs_submission(const struct config *c, const char *const *fields)
{
    return c->report_test_io && wants_tests(fields);
}

int report_view_stored(const struct config *c, const struct report_view_stored *r, char **ret_json,
                       size_t *ret_len, struct err *e)
{
    const struct report_view view = { .set = (enum status_set)c->runner_status_set,
                                      .test_io = c->report_test_io,
                                      .fields = r->fields,
                                      .submission = r->submission };

    return report_render(r->text, r->len, &view, ret_json, ret_len, e);
}

int report_view_render(struct jobs *j, const struct config *c, const struct report_view_query *q,
                       char **ret_json, size_t *ret_len, struct err *e)
{
    CLEANUP(freep) char *stored = NULL;
    CLEANUP(submission_freep) struct submission *s = NULL;
    struct report_view_stored r = { .fields = q->fields };
    int64_t seq;
    struct err ignored;

    if (jobs_report(j, q->id, &seq, &stored, &r.len, e) < 0)
        return -1;
    if (report_view_needs_submission(c, q->fields))
        (void)!jobs_submission(j, seq, &s, &ignored);
    r.text = stored;
    r.submission = s;
    return report_view_stored(c, &r, ret_json, ret_len, e);
}
