#include "server/api/submissions.h"

#include <string.h>

#include "engine/engine.h"
#include "engine/language/language.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/base/log.h"
#include "schema/bundle/suffix.h"
#include "schema/store/jobs_read.h"
#include "server/api/context.h"
#include "server/api/form.h"
#include "server/api/results.h"
#include "server/config.h"
#include "server/http/body.h"

/* A larger body takes milliseconds to parse, during which its thread serves no other connection. */
#define PARSE_OFFLOAD_BYTES (100 * KIB)
/* A submission of at most this size is kept in memory while its client waits for the report. */
#define KEPT_MAX (4 * KIB)
/* ...and of at most this size is freed on the writer thread. */
#define FRESH_MAX (64 * KIB)

/* ---- POST ---- */

static void note_accepted(struct request *r)
{
    struct call *c = call_of(r);

    memcpy(r->id, c->op.u.accept.id, sizeof r->id);
    if (!c->op.u.accept.existing)
        log_debug("accepted", log_s("job", r->id), log_s("request", r->name),
                  log_s("language", c->submission->language));
}

static size_t packed_size(const struct submission_packed *p)
{
    size_t size = p->json_len;

    for (size_t i = 0; i < p->blobs_len; i++)
        size += p->blobs[i].len;
    return size;
}

/* Most requests that wait begin to do so here, without a step in between: on the job table's writer
 * thread, where freeing a large submission would delay others. */
static bool wait_at_once(struct request *r)
{
    struct call *c = call_of(r);
    size_t size = packed_size(&c->packed);

    if (c->op.result < 0 || !c->op.u.accept.fresh || c->wait_ns == 0 || size > FRESH_MAX)
        return false;
    note_accepted(r);
    if (size <= KEPT_MAX)
        c->kept = TAKE(c->submission);
    if (results_wait_fresh(r))
        return true;
    if (c->kept)
        c->submission = TAKE(c->kept);
    return false;
}

static enum next reply_accepted(struct request *r)
{
    struct call *c = call_of(r);

    if (c->op.result < 0)
        return request_fail(r, &c->op.err);

    note_accepted(r);

    struct job_status status = {
        .seq = c->op.u.accept.seq,
        .state = c->op.u.accept.state,
        .position = c->op.u.accept.position,
        .submitted_ms = c->op.u.accept.submitted_ms,
    };
    /* No name in the language table is longer than status.language. */
    strncpy(status.language, c->submission->language, sizeof status.language - 1);
    return results_answer(r, &status);
}

static enum next refuse_submission(struct request *r, const struct field_errors *fields,
                                   const struct err *e)
{
    if (e->kind != ERR_INPUT)
        return request_fail(r, e);
    return request_problem(
        r, &(struct problem_text){ .code = PROBLEM_INVALID, .detail = e->msg, .fields = fields });
}

static enum next parse_and_commit(struct request *r)
{
    CLEANUP(field_errors_clear) struct field_errors fields = { .len = 0 };
    struct call *c = call_of(r);
    struct err e;

    if (submission_parse(r->body.data ? r->body.data : "", r->body.len, &context_of(r)->rules,
                         &c->submission, &fields, &e) < 0)
        return refuse_submission(r, &fields, &e);
    buf_clear(&r->body);
    c->submission->door = SUBMISSION_HTTP;
    memcpy(c->submission->traceparent, r->traceparent, sizeof r->traceparent);
    if (submission_pack(c->submission, &c->packed, &e) < 0)
        return request_fail(r, &e);

    c->posted = true;
    c->committed = wait_at_once;
    c->op.kind = JOBS_ACCEPT;
    c->op.u.accept.submission = c->submission;
    c->op.u.accept.packed = &c->packed;
    c->op.u.accept.owner = r->principal.owner ? r->principal.owner : c->submission->owner;
    return context_commit(r, reply_accepted);
}

/* ---- POST of a form ---- */

static bool language_row(const void *languages, size_t i, struct suffix_row *ret_row)
{
    const struct language_table *l = languages;

    if (i >= l->len)
        return false;
    *ret_row =
        (struct suffix_row){ .language = l->rows[i].name, .source_name = l->rows[i].source_name };
    return true;
}

static int hold_tests(void *ctx, size_t more, struct err *e)
{
    return body_hold(ctx, more) ? 0
                                : err_set(e, ERR_UNAVAILABLE, "too many large requests at once");
}

static enum next refuse_form(struct request *r, const struct field_errors *fields,
                             const struct err *e)
{
    return e->kind == ERR_SYNTAX ? request_refuse(r, PROBLEM_NOT_FORM, "%s", e->msg)
                                 : refuse_submission(r, fields, e);
}

/* The JSON that means the same takes the form's place. */
static enum next read_form(struct request *r)
{
    CLEANUP(field_errors_clear) struct field_errors fields = { .len = 0 };
    const struct server *s = context_of(r);
    const struct form_rules rules = { .submission = &s->rules,
                                      .most = (size_t)s->config->max_body_bytes,
                                      .languages = language_row,
                                      .languages_ctx = s->languages,
                                      .hold = hold_tests,
                                      .hold_ctx = r };
    const struct bytes body = { .data = r->body.data, .len = r->body.len };
    struct bytes json;
    struct err e;

    if (form_to_json(request_header(r, "Content-Type"), &body, &rules, &json, &fields, &e) < 0)
        return refuse_form(r, &fields, &e);
    if (!body_replace(r, json.data, json.len))
        return request_refuse(r, PROBLEM_UNAVAILABLE, "too many large requests at once");
    return parse_and_commit(r);
}

enum next submissions_post(struct request *r)
{
    if (!results_read_wait(r))
        return NEXT_REPLY;
    if (r->is_form) { /* a small one may have a large archive in it */
        r->step = read_form;
        return NEXT_OFFLOAD;
    }
    if (r->body.len <= PARSE_OFFLOAD_BYTES)
        return parse_and_commit(r);
    r->step = parse_and_commit;
    return NEXT_OFFLOAD;
}

/* ---- GET: the submission and its state ---- */

enum next submissions_get(struct request *r)
{
    CLEANUP(submission_freep) struct submission *s = NULL;
    struct job_status status;
    char submitted[CLOCK_RFC3339_SIZE];
    struct err e;

    if (!results_status(r, "its texts were", &status))
        return NEXT_REPLY;
    if (jobs_submission(context_of(r)->jobs, status.seq, &s, &e) < 0)
        return request_fail(r, &e);

    clock_rfc3339(status.submitted_ms, submitted);
    json_auto_t *json = submission_to_json(s);
    json_auto_t *state = json_pack("{s:s, s:s, s:s}", "id", r->id, "state",
                                   job_state_name(status.state), "submitted_at", submitted);
    if (!json || !state || json_object_update(json, state) < 0)
        return request_reply_json(r, 200, NULL);
    return request_reply_json(r, 200, TAKE(json));
}

/* ---- DELETE ---- */

static enum next reply_cancelled(struct request *r)
{
    struct call *c = call_of(r);

    if (c->op.result < 0)
        return request_fail(r, &c->op.err);
    log_info("cancelled", log_s("job", r->id), log_s("request", r->name));
    return request_reply_json(
        r, 200, json_pack("{s:s, s:s}", "id", r->id, "state", job_state_name(JOB_CANCELLED)));
}

enum next submissions_delete(struct request *r)
{
    struct call *c = call_of(r);

    c->op.kind = JOBS_CANCEL;
    c->op.u.cancel.id = r->id;
    return context_commit(r, reply_cancelled);
}

/* ---- POST /results/{id}/publish ---- */

static enum next reply_published(struct request *r)
{
    struct call *c = call_of(r);
    struct job_status status;
    struct err e;

    if (c->op.result < 0 && c->op.err.kind == ERR_INPUT)
        return request_refuse(r, PROBLEM_NOT_FINAL, "%s", c->op.err.msg);
    if (c->op.result < 0)
        return request_fail(r, &c->op.err);
    if (jobs_status(context_of(r)->jobs, r->id, &status, &e) < 0)
        return request_fail(r, &e);
    log_info("published_again", log_s("job", r->id), log_s("request", r->name));
    return request_reply_json(
        r, 202, json_pack("{s:s, s:s}", "id", r->id, "state", job_state_name(status.state)));
}

enum next submissions_publish(struct request *r)
{
    struct call *c = call_of(r);

    if (!context_of(r)->bridge)
        return request_refuse(r, PROBLEM_KAFKA_OFF, "Kafka is off: KAFKA_BROKERS is not set");
    c->op.kind = JOBS_PUBLISH;
    c->op.u.publish.id = r->id;
    return context_commit(r, reply_published);
}
