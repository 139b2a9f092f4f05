#include "server/api/results_list.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/err.h"
#include "schema/model/verdict.h"
#include "server/api/context.h"
#include "server/config.h"

#define LIMIT_DEFAULT 50
#define LIMIT_MAX     500

/* ---- parameters ---- */

/* False in each of these: the parameter is wrong, and the reply is filled in. */
static bool read_state(struct request *r, struct jobs_filter *f)
{
    const char *text = request_param(r, "state");
    enum job_state state;

    if (!text)
        return true;
    if (!job_state_from_name(text, &state)) {
        (void)request_refuse_param(r, "state", "must be queued, running, done or cancelled");
        return false;
    }
    f->state = (int)state;
    return true;
}

static bool read_status(struct request *r, struct jobs_filter *f)
{
    enum verdict verdict;

    f->set = (enum status_set)context_of(r)->config->runner_status_set;
    f->status_name = request_param(r, "status");
    if (!f->status_name || (verdict_from_name(f->status_name, &verdict) &&
                            strcmp(verdict_status(verdict, f->set, true), f->status_name) == 0))
        return true;
    (void)request_refuse_param(r, "status",
                               f->set == STATUS_SET_SCRC
                                   ? "must be OK, WA, TL, ML, BF or -"
                                   : "must be OK, WA, TL, ML, BF, RE, OL or -");
    return false;
}

static bool read_time(struct request *r, const char *name, int64_t *ret_ms)
{
    const char *text = request_param(r, name);

    if (!text || clock_parse(text, ret_ms) == 0)
        return true;
    (void)request_refuse_param(r, name,
                               "must be a time as in 2025-01-15T10:30:00Z, or seconds "
                               "since 1970");
    return false;
}

static bool read_sort(struct request *r, struct jobs_filter *f)
{
    char words[200] = "";
    size_t n = 0;

    f->sort = request_param(r, "sort");
    if (!f->sort)
        return true;
    for (size_t i = 0; jobs_sorts[i] && n < sizeof words; i++) {
        if (strcmp(f->sort, jobs_sorts[i]) == 0)
            return true;
        n += (size_t)snprintf(words + n, sizeof words - n, "%s%s", i ? ", " : "", jobs_sorts[i]);
    }
    (void)request_refuse_param(r, "sort", "must be one of %s", words);
    return false;
}

static bool read_prefix(struct request *r, struct jobs_filter *f)
{
    f->id_prefix = request_param(r, "id_prefix");
    if (!f->id_prefix || strlen(f->id_prefix) <= SUBMISSION_ID_MAX)
        return true;
    (void)request_refuse_param(r, "id_prefix", "an id has at most %d bytes", SUBMISSION_ID_MAX);
    return false;
}

static bool read_labels(struct request *r, struct results_list_filter *filter)
{
    struct err e;

    filter->f.labels = filter->labels;
    for (const char *text = request_param(r, "label"); text;
         text = request_param_next(r, "label", text)) {
        if (filter->f.labels_len == LABELS_MAX) {
            (void)request_refuse_param(r, "label", "at most %d of them", LABELS_MAX);
            return false;
        }
        if (labels_wanted_read(text, &filter->labels[filter->f.labels_len], &e) < 0) {
            (void)(e.kind == ERR_INPUT ? request_refuse_param(r, "label", "%s", e.msg)
                                       : request_fail(r, &e));
            return false;
        }
        filter->f.labels_len++;
    }
    return true;
}

bool results_list_read_filter(struct request *r, struct results_list_filter *ret_filter)
{
    struct jobs_filter *f = &ret_filter->f;

    *ret_filter = (struct results_list_filter){ .f = { .state = -1, .status = -1 } };
    f->language = request_param(r, "language");
    return read_prefix(r, f) && read_state(r, f) && read_status(r, f) && read_sort(r, f) &&
           read_time(r, "since", &f->since_ms) && read_time(r, "until", &f->until_ms) &&
           read_labels(r, ret_filter);
}

void results_list_clear_filter(struct results_list_filter *filter)
{
    for (size_t i = 0; i < filter->f.labels_len; i++)
        labels_wanted_clear(&filter->labels[i]);
    filter->f.labels_len = 0;
}

/* ---- a page ---- */

static bool read_limit(struct request *r, struct jobs_filter *f)
{
    const char *text = request_param(r, "limit");
    int64_t n = 0;

    if (!text)
        return true;
    for (; isdigit((unsigned char)*text) && n <= LIMIT_MAX; text++)
        n = n * 10 + (*text - '0');
    if (*text || n < 1 || n > LIMIT_MAX) {
        (void)request_refuse_param(r, "limit", "must be 1 to %d", LIMIT_MAX);
        return false;
    }
    f->limit = n;
    return true;
}

static enum next reply_page(struct request *r, const struct jobs_filter *f)
{
    json_t *page;
    struct err e;

    if (jobs_list(context_of(r)->jobs, f, &page, &e) == 0)
        return request_reply_json(r, 200, page);
    if (e.kind == ERR_INPUT)
        return request_refuse_param(r, "cursor", "%s", e.msg);
    return request_fail(r, &e);
}

static enum next reply_list(struct request *r)
{
    struct results_list_filter filter;

    if (results_list_read_filter(r, &filter)) {
        filter.f.limit = LIMIT_DEFAULT;
        filter.f.cursor = request_param(r, "cursor");
        if (read_limit(r, &filter.f))
            (void)reply_page(r, &filter.f);
    }
    results_list_clear_filter(&filter);
    return NEXT_REPLY;
}

enum next results_list(struct request *r)
{
    r->executor = context_of(r)->list_executor;
    r->step = reply_list;
    return NEXT_OFFLOAD;
}
