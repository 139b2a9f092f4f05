#include "server/api/results.h"

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "engine/engine.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/near.h"
#include "schema/json/writer.h"
#include "schema/model/report.h"
#include "schema/store/jobs_read.h"
#include "server/api/context.h"
#include "server/api/report_cache.h"
#include "server/config.h"
#include "server/http/uri.h"
#include "server/report_view.h"

#define WAIT_MAX_S 300

/* ---- parameters ---- */

/* A number as JSON has it: clients send a small or a large one as 1e-05 or 1e+16. */
static bool read_json_number(const char *text, double *ret_number)
{
    json_auto_t *value = json_loads(text, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);

    if (!json_is_number(value))
        return false;
    *ret_number = json_number_value(value);
    return true;
}

bool results_read_wait(struct request *r)
{
    const char *text = request_param(r, "wait");
    double seconds;

    if (!text)
        return true;
    if (!read_json_number(text, &seconds) || seconds < 0) {
        (void)request_refuse_param(r, "wait", "must be seconds, 0 to %d", WAIT_MAX_S);
        return false;
    }
    call_of(r)->wait_ns =
        (int64_t)((seconds < WAIT_MAX_S ? seconds : WAIT_MAX_S) * (double)NS_PER_S);
    return true;
}

static bool is_one_of(const char *const *words, const char *word)
{
    for (; *words; words++) {
        if (strcmp(*words, word) == 0)
            return true;
    }
    return false;
}

static const char *report_field(const void *ctx, size_t i)
{
    (void)ctx;
    return report_fields[i];
}

static void refuse_field(struct request *r, const char *name)
{
    const char *meant = near_name(name, strlen(name), near_typos(strlen(name)), report_field, NULL);

    (void)request_refuse_param(r, "fields", "a report has no field '%.40s'%s%s%s", name,
                               meant ? "; did you mean " : "", meant ? meant : "",
                               meant ? "?" : "");
}

/* False: the name is wrong, or one too many, and the reply is filled in. */
static bool add_field(struct request *r, size_t n, const char *name)
{
    if (!is_one_of(report_fields, name))
        refuse_field(r, name);
    else if (n == CALL_FIELDS_MAX)
        (void)request_refuse_param(r, "fields", "at most %d names", CALL_FIELDS_MAX);
    else {
        call_of(r)->fields[n] = name;
        return true;
    }
    return false;
}

/* Splits ?fields=a,b in place; generated clients say ?fields=a&fields=b. */
static bool read_fields(struct request *r)
{
    char *next, *name;
    size_t n = 0;

    for (char *rest = request_param(r, "fields"); rest; rest = next) {
        next = request_param_next(r, "fields", rest);
        while ((name = strsep(&rest, ","))) {
            if (!add_field(r, n++, name))
                return false;
        }
    }
    return true;
}

/* ---- the state of one job that is not final ---- */

static char *location_of(const char *id)
{
    static const char path[] = "/results/";
    char *text = malloc(sizeof path + 3 * strlen(id));

    if (text) {
        memcpy(text, path, sizeof path);
        uri_encode(id, text + sizeof path - 1);
    }
    return text;
}

static enum next reply_state(struct request *r, const struct job_status *status)
{
    char reason[200] = "the server is stopping", submitted[CLOCK_RFC3339_SIZE];
    struct engine *engine = context_engine(r);
    struct writer out = { .failed = false };

    if (!r->stopping)
        reason[0] = '\0';
    if (engine)
        engine_reason(engine, status->language, reason, sizeof reason);
    writer_reserve(&out, 255);
    writer_begin(&out, '{');
    writer_key(&out, "id");
    writer_word(&out, r->id);
    writer_key(&out, "state");
    writer_word(&out, job_state_name(status->state));
    writer_key(&out, "position");
    writer_number(&out, status->position);
    writer_key(&out, "reason");
    writer_word(&out, reason);
    if (call_of(r)->posted) {
        clock_rfc3339(status->submitted_ms, submitted);
        writer_key(&out, "submitted_at");
        writer_word(&out, submitted);
        r->reply.location = location_of(r->id);
    }
    writer_end(&out, '}');
    return request_reply_writer(r, 202, &out);
}

/* ---- the report of a final job ---- */

/* Takes the rendered report. */
static enum next reply_rendered(struct request *r, char *json, size_t len)
{
    struct call *c = call_of(r);
    char etag[REPLY_TAG_SIZE];

    request_make_tag(json, len, etag);
    if (!c->fields[0])
        report_cache_put(context_of(r)->report_cache, r->id, json, len, etag);
    (void)request_reply(r, 200, JSON_TYPE, json, len);
    if (!c->posted)
        request_tag(r, etag);
    return NEXT_REPLY;
}

/* On an executor's thread, because a report can have a thousand tests. */
static enum next reply_report(struct request *r)
{
    const struct server *s = context_of(r);
    struct call *c = call_of(r);
    const struct report_view_query q = { .id = r->id, .fields = c->fields[0] ? c->fields : NULL };
    size_t len;
    char *json;
    struct err e;

    if (report_view_render(s->jobs, s->config, &q, &json, &len, &e) < 0)
        return request_fail(r, &e);
    return reply_rendered(r, json, len);
}

/* ---- waiting ---- */

static void resume_waiter(struct waiter *w)
{
    request_resume((struct request *)(void *)((char *)w - offsetof(struct call, waiter)));
}

bool results_status(struct request *r, const char *what, struct job_status *ret_status)
{
    struct err e;

    if (jobs_status(context_of(r)->jobs, r->id, ret_status, &e) < 0) {
        (void)request_fail(r, &e);
        return false;
    }
    if (ret_status->expired)
        (void)request_refuse(r, PROBLEM_EXPIRED, "%s removed after RETENTION", what);
    return !ret_status->expired;
}

/* Reads the job's state again; wait_ns is 0 after the wait, so that it is not repeated. */
static enum next answer_current_state(struct request *r)
{
    struct job_status status;

    return results_status(r, "its report was", &status) ? results_answer(r, &status) : NEXT_REPLY;
}

/* The report that was just written; the same bytes as reply_report() gives. */
static enum next reply_waited(struct request *r)
{
    const struct server *s = context_of(r);
    struct call *c = call_of(r);
    CLEANUP(submission_freep) struct submission *read = NULL;
    struct report_view_stored stored = { .text = c->waiter.report,
                                         .len = c->waiter.report_len,
                                         .fields = c->fields[0] ? c->fields : NULL };
    size_t len;
    char *json;
    struct err e;

    if (!c->kept && report_view_needs_submission(s->config, stored.fields))
        (void)!jobs_submission(s->jobs, c->waiter.seq, &read, &e);
    stored.submission = c->kept ? c->kept : read;
    if (report_view_stored(s->config, &stored, &json, &len, &e) < 0)
        return request_fail(r, &e);
    return reply_rendered(r, json, len);
}

static enum next answer_after_wait(struct request *r)
{
    struct call *c = call_of(r);

    if (c->waiter.why == WAITER_GONE)
        return NEXT_CLOSE;
    if (!c->waiter.report)
        return answer_current_state(r);
    if (c->kept ||
        !report_view_needs_submission(context_of(r)->config, c->fields[0] ? c->fields : NULL))
        return reply_waited(r); /* all is at hand, and small */
    r->step = reply_waited;
    return NEXT_OFFLOAD;
}

/* The request is paused, so r must not be used afterwards. False: it could not be added, and was
 * resumed. */
static bool add_waiter(struct request *r, int64_t seq)
{
    struct call *c = call_of(r);
    struct err e;

    r->step = answer_after_wait;
    r->waited = true;
    c->waiter = (struct waiter){ .seq = seq,
                                 .deadline_ns = clock_mono_ns() + c->wait_ns,
                                 .fd = request_fd(r),
                                 .wake = resume_waiter,
                                 .why = WAITER_STOP };
    c->wait_ns = 0;
    bool added = waiters_add(context_of(r)->waiters, &c->waiter, &e) == 0;
    if (!added)
        request_resume(r);
    return added;
}

/* The next step runs on this thread, so r is still valid here even if it was resumed already. */
static enum next wait_until_final(struct request *r, int64_t seq)
{
    struct job_status status;
    struct err e;

    if (!request_pause(r)) {
        call_of(r)->wait_ns = 0;
        return answer_current_state(r);
    }
    if (add_waiter(r, seq) && jobs_status(context_of(r)->jobs, r->id, &status, &e) == 0 &&
        job_state_is_final(status.state))
        waiters_wake(context_of(r)->waiters, seq);
    return NEXT_PAUSE;
}

bool results_wait_fresh(struct request *r)
{
    struct call *c = call_of(r);

    if (c->wait_ns == 0 || !request_pause(r))
        return false;
    (void)add_waiter(r, c->op.u.accept.seq);
    return true;
}

enum next results_answer(struct request *r, const struct job_status *status)
{
    if (job_state_is_final(status->state)) {
        r->step = reply_report;
        return NEXT_OFFLOAD;
    }
    return call_of(r)->wait_ns > 0 ? wait_until_final(r, status->seq) : reply_state(r, status);
}

enum next results_get(struct request *r)
{
    if (!results_read_wait(r) || !read_fields(r))
        return NEXT_REPLY;
    if (!call_of(r)->fields[0] && report_cache_reply(context_of(r)->report_cache, r))
        return request_compress_offloaded(r);
    return answer_current_state(r);
}
