#include "client/exchange.h"

#include <string.h>
#include <time.h>

#include "client/reply.h"
#include "client/transport.h"
#include "schema/base/clock.h"
#include "schema/base/err.h"

#define PAUSE_FIRST_MS 100
#define PAUSE_MOST_MS  5000
/* How long one request waits for a report; the server would wait 300 s. */
#define WAIT_MS 60000
/* What an answer may take beside that. */
#define SILENCE_MS 60000

void exchange_result_clear(struct exchange_result *r)
{
    free(r->id);
    r->id = NULL;
    buf_clear(&r->report);
}

static void pause_until(int64_t mono_ns)
{
    struct timespec until = { .tv_sec = mono_ns / NS_PER_S, .tv_nsec = mono_ns % NS_PER_S };

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0)
        ;
}

static int64_t next_pause(int64_t ms) { return ms * 2 < PAUSE_MOST_MS ? ms * 2 : PAUSE_MOST_MS; }

int exchange_send(struct transport *t, const struct transport_request *q, int64_t patience_ms,
                  struct transport_answer *ret_answer, struct err *e)
{
    int64_t deadline = clock_mono_ns() + patience_ms * NS_PER_MS;

    for (int64_t pause_ms = PAUSE_FIRST_MS;; pause_ms = next_pause(pause_ms)) {
        int rc = transport_send(t, q, ret_answer, e);
        if (rc == 0 ? !reply_is_temporary(ret_answer->status) : e->kind != ERR_UNAVAILABLE)
            return rc;
        int64_t later_ms =
            rc == 0 && ret_answer->retry_after_s > 0 ? ret_answer->retry_after_s * 1000 : pause_ms;
        int64_t at = clock_mono_ns() + later_ms * NS_PER_MS;
        if (at > deadline)
            return rc;
        transport_answer_clear(ret_answer);
        pause_until(at);
    }
}

/* What an answer says of a submission: its report, or that it is accepted. */
static int take_answer(struct transport_answer *a, struct exchange_result *r, struct err *e)
{
    json_auto_t *object = NULL;

    if (a->status != 200 && a->status != 202)
        return reply_refused(a, e);
    if (reply_object(a->body.data, a->body.len, &object, e) < 0)
        return -1;
    if (!r->id) {
        r->id = strdup(reply_text(object, "id"));
        if (!r->id)
            return err_set(e, ERR_NOMEM, "read the answer");
    }
    if (a->status == 200) {
        r->report = a->body;
        a->body = (struct buf){ .data = NULL };
    }
    return 0;
}

int exchange_submit(struct transport *t, const struct exchange_post *p,
                    struct exchange_result *ret_result, struct err *e)
{
    char path[64];
    struct transport_answer answer;

    *ret_result = (struct exchange_result){ .id = NULL };
    (void)snprintf(path, sizeof path, "/submissions?wait=%.3f", (double)p->wait_ms / 1e3);
    const struct transport_request q = { .path = path,
                                         .body = p->body,
                                         .body_len = p->body_len,
                                         .silence_ms = p->wait_ms + SILENCE_MS };
    int rc = exchange_send(t, &q, p->patience_ms, &answer, e);
    if (rc == 0)
        rc = take_answer(&answer, ret_result, e);
    transport_answer_clear(&answer);
    return rc;
}

int exchange_await(struct transport *t, int64_t patience_ms, struct exchange_result *r,
                   struct err *e)
{
    CLEANUP(freep) char *id = transport_escape(t, r->id), *path = NULL;

    if (!id || asprintf(&path, "/results/%s?wait=%d", id, WAIT_MS / 1000) < 0) {
        path = NULL;
        return err_set(e, ERR_NOMEM, "wait for a report");
    }
    const struct transport_request q = { .path = path, .silence_ms = WAIT_MS + SILENCE_MS };
    while (r->report.len == 0) {
        struct transport_answer answer;
        int rc = exchange_send(t, &q, patience_ms, &answer, e);
        if (rc == 0)
            rc = take_answer(&answer, r, e);
        transport_answer_clear(&answer);
        if (rc < 0)
            return err_wrap(e, "submission %s", r->id);
    }
    return 0;
}
